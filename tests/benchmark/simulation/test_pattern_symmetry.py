"""The projected point symmetry of every group shows in its patterns exactly, and no other symmetry does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.aperture import grid
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.detector import pattern
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.potential import Atoms
from benchmark.simulation.symmetry import operations
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, Zone, project

RUNG = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini"))
ACCURACY = dataclasses.replace(RUNG.optics.accuracy, most_strong_beams=100, directions_across=4, slice_angstrom=40.0)
OPERATIONS = {
    "flip columns": (np.diag([-1, 1]), np.fliplr),
    "flip rows": (np.diag([1, -1]), np.flipud),
    "half turn": (-np.eye(2), lambda picture: np.rot90(picture, 2)),
    "quarter turn": (np.array([[0, -1], [1, 0]]), np.rot90),
}
"""What each does to a vector of the detector (x to the right, y up), and to the picture's array."""


def required(crystal: Crystal, zone: Zone) -> set[str]:
    """Of `OPERATIONS`, what the projection has: those operations of the point group that keep the axis up to its sign.

    In the zero-order Laue zone the potential is averaged along the beam, so the sign does not matter.
    """
    found = set()
    for rotation in np.unique(operations(crystal.space_group)[0].astype(np.int64), axis=0):
        cartesian = crystal.cell.T @ rotation @ np.linalg.inv(crystal.cell.T)
        seen = zone.frame @ cartesian @ zone.frame.T
        if abs(abs(seen[2, 2]) - 1.0) > 1e-6:
            continue
        found |= {name for name, (matrix, _) in OPERATIONS.items() if np.allclose(seen[:2, :2], matrix, atol=1e-6)}
    return found


def residuals(zone: Zone, tilt: tuple[float, float] = (0.0, 0.0)) -> dict[str, float]:
    """Sum of |p - operation(p)| over the sum of p, without noise."""
    directions = grid(RUNG.optics.semi_angle_per_angstrom, ACCURACY.directions_across)
    beams = propagate(
        zone,
        directions,
        energy_kev=RUNG.optics.energy_kev,
        thickness_angstrom=150.0,
        accuracy=ACCURACY,
        tilt_per_angstrom=tilt,
        atoms=Atoms(RUNG.optics.debye_waller_b_angstrom2),
    )
    picture = pattern(beams, pixels=RUNG.optics.pixels, k_max_per_angstrom=RUNG.optics.k_max_per_angstrom)
    return {
        name: float(np.abs(picture - turn(picture)).sum() / picture.sum()) for name, (_, turn) in OPERATIONS.items()
    }


@pytest.mark.parametrize("space_group", RUNG.space_groups)
def test_a_pattern_has_the_projections_symmetry_and_no_more(space_group: int) -> None:
    crystals = [draw_crystal(space_group, RUNG.crystals, np.random.default_rng(seed)) for seed in range(2)]
    for axis in CONVENTIONAL_AXES:
        zones = [project(crystal, axis, DETECTOR_RIGHT[axis]) for crystal in crystals]
        measured = [residuals(zone) for zone in zones]
        must = required(crystals[0], zones[0])
        for name in OPERATIONS:
            found = [one[name] for one in measured]
            if name in must:
                assert max(found) <= 1e-4, f"{name} along {axis} is required"
            else:
                assert max(found) > 0.01, f"{name} along {axis} is forbidden"


def test_the_requirements_are_the_tables() -> None:
    """By hand, from the special projections of the International Tables: Fm-3m p4mm, P6_3mc [100] p1g1, P-1 p2."""
    expected = {
        (225, (0, 0, 1)): {"flip columns", "flip rows", "half turn", "quarter turn"},
        (186, (0, 0, 1)): {"flip columns", "flip rows", "half turn"},
        (186, (1, 0, 0)): {"flip columns"},  # c is along the detector's y, and polar
        (2, (1, 0, 0)): {"half turn"},
        (1, (0, 0, 1)): set(),
        (4, (0, 0, 1)): {"flip columns"},  # 2_1 along b
        (36, (1, 0, 0)): {"flip columns"},
    }
    for (space_group, axis), must in expected.items():
        crystal = draw_crystal(space_group, RUNG.crystals, np.random.default_rng(0))
        assert required(crystal, project(crystal, axis, DETECTOR_RIGHT[axis])) == must, (space_group, axis)


def test_a_tilt_breaks_what_it_must_break_and_keeps_the_mirror_that_it_lies_in() -> None:
    crystal = draw_crystal(225, RUNG.crystals, np.random.default_rng(0))
    tilted = residuals(project(crystal, (0, 0, 1), (1, 0, 0)), tilt=(0.02, 0.0))
    assert tilted["flip rows"] <= 1e-4
    assert min(tilted["flip columns"], tilted["half turn"], tilted["quarter turn"]) > 0.01
