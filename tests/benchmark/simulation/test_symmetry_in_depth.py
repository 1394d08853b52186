"""Higher-order Laue zones break no symmetry that the crystal has along the beam, at any rung's settings."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from benchmark.crystals.simulate import atoms_of, ideal_pattern
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.recipes import Optics
from benchmark.simulation.symmetry import operations
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, Zone, project

BENCHMARK = load_benchmark("space_group")
_NAMES = {CbedRung.of(BENCHMARK.rung(name)).optics: name for name in reversed(BENCHMARK.rungs)}
SIMULATED = [name for optics, name in _NAMES.items() if optics is not None]
"""A rung of each optics."""
OPERATIONS = {
    "flip columns": (np.diag([-1, 1]), np.fliplr),
    "flip rows": (np.diag([1, -1]), np.flipud),
    "half turn": (-np.eye(2), lambda picture: np.rot90(picture, 2)),
    "quarter turn": (np.array([[0, -1], [1, 0]]), np.rot90),
}
"""What each does to a vector of the detector (x to the right, y up), and to the picture's array."""
ROUNDING = 2e-5
"""Of single precision: 1.7e-5 is the largest that was measured. A layer's table that ends lopsided gave 9e-3."""


def required(crystal: Crystal, zone: Zone) -> set[str]:
    """Of `OPERATIONS` those that take a plate cut across the beam to itself: they keep the beam's direction, and move
    nothing along it."""
    rotations, translations = operations(crystal.space_group)
    centring = translations[(rotations == np.eye(3)).all(axis=(1, 2))]
    lattice = np.array([shift + whole for shift in centring for whole in itertools.product(range(-2, 3), repeat=3)])
    found = set()
    for rotation, translation in zip(rotations, translations, strict=True):
        seen = zone.frame @ crystal.cell.T @ rotation @ np.linalg.inv(crystal.cell.T) @ zone.frame.T
        along = (translation + lattice) @ crystal.cell @ zone.frame[2]
        if abs(seen[2, 2] - 1.0) < 1e-6 and np.abs(along).min() < 1e-6:
            found |= {name for name, (matrix, _) in OPERATIONS.items() if np.allclose(seen[:2, :2], matrix, atol=1e-6)}
    return found


def cheap(name: str) -> tuple[CbedRung, Optics]:
    """A rung and its optics, with fewer beams, pixels and directions, and everything else as it is."""
    rung = CbedRung.of(BENCHMARK.rung(name))
    accuracy = dataclasses.replace(
        rung.optics.accuracy,
        weak_per_angstrom=min(3.2, rung.optics.accuracy.weak_per_angstrom),
        most_strong_beams=80,
        tolerance=0.0,
        slice_angstrom=10.0,
        wave_degree=min(2, rung.optics.accuracy.wave_degree),
    )
    return rung, dataclasses.replace(rung.optics, accuracy=accuracy, pixels=64)


@pytest.mark.parametrize("name", SIMULATED)
def test_patterns_have_every_symmetry_of_a_plate(name: str) -> None:
    """Groups whose layers are shifted by half a reflection, and a random sample of the rung's own."""
    rung, optics = cheap(name)
    sample = np.random.default_rng(5).choice(rung.space_groups, 1, replace=False).tolist()
    crystals = [draw_crystal(group, rung.crystals, np.random.default_rng(group)) for group in (139, 225, *sample)]
    held = 0
    for crystal, axis in itertools.product(crystals, CONVENTIONAL_AXES):
        zone = project(crystal, axis, DETECTOR_RIGHT[axis])
        assert np.abs(zone.layer_shift @ zone.lattice.T).max() < 0.5 + 1e-6
        must = required(crystal, zone)
        if not must:
            continue
        picture = ideal_pattern(zone, atoms_of(crystal, optics), optics, energy_kev=100.0, thickness_angstrom=40.0)
        for one in must:
            residual = np.abs(picture - OPERATIONS[one][1](picture)).sum() / picture.sum()
            assert residual < ROUNDING, f"{crystal.space_group} along {axis}: {one}"
            held += 1
    assert held >= 15
