"""Slices by FFT against multislice in three dimensions, where layers of the reciprocal lattice coincide and not."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.laue_zones import lattice_step
from benchmark.simulation.layered import LayeredCrystal
from benchmark.simulation.manybeam import propagate, propagate_many
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.waves import Problem
from benchmark.simulation.zone import Zone, project

_PATH = Path(__file__).resolve().parents[3] / "performance" / "multislice.py"
_SPEC = importlib.util.spec_from_file_location("multislice", _PATH)
oracle = importlib.util.module_from_spec(_SPEC)
sys.modules["multislice"] = oracle
_SPEC.loader.exec_module(oracle)

ACCURACY = Accuracy(
    3.5, 3.5, 1, 5.0, 0, g_z_max_per_angstrom=4.0, depth_slice_angstrom=0.3, layer_margin_per_angstrom=0.2
)
"""One strong beam at most, so that no view is propagated by matrices."""
DIRECTIONS = np.array([[0.021, 0.047], [-0.055, 0.012], [0.003, -0.074]])
"""General ones, so that no symmetry hides a mistake of sign."""


def found(zone: Zone, thickness: float, accuracy: Accuracy = ACCURACY, atoms: Atoms | None = None) -> tuple:
    waves = propagate(
        zone,
        DIRECTIONS,
        energy_kev=100.0,
        thickness_angstrom=thickness,
        atoms=atoms or Atoms(0.5, "lobato"),
        accuracy=accuracy,
    )
    return waves.intensities, waves.vectors


@pytest.mark.parametrize(("name", "layers", "limit"), [("GaN", 1, 0.002), ("MgO", 2, 0.0005)])
def test_coinciding_layers_are_multislice(name: str, layers: int, limit: float) -> None:
    """Measured: 0.1 and 0.01 %. Of MgO every second layer lies between the others; the thickness ends within a cell."""
    sample = oracle.SAMPLES[name]
    waves = oracle.multislice(
        sample, DIRECTIONS, energy_kev=100.0, thickness_angstrom=47.0, band_per_angstrom=4.5, slice_angstrom=0.3
    )
    vectors, expected = oracle.beams_of(waves, sample, 2.56)
    zone = project(sample.crystal, (0, 0, 1), (1, 0, 0))
    problem = Problem(zone, DIRECTIONS, 100.0, (47.0,), Atoms(sample.b_angstrom2, "lobato"))
    assert len(LayeredCrystal(problem, ACCURACY, "cpu").layers) == layers
    intensities, places = found(zone, 47.0, atoms=problem.atoms)
    assert oracle.errors(expected, vectors, intensities, places)[0] < limit


@pytest.fixture(scope="module")
def sheared() -> tuple[Zone, np.ndarray, np.ndarray]:
    """A cell with b = 2 a along [1-10]: layers coincide after five. With multislice in the five times larger cell of
    right angles: vectors and intensities."""
    numbers = np.array([56, 22, 8, 34])
    positions = np.array([[0.02, 0.03, 0.1], [0.55, 0.27, 0.6], [0.3, 0.6, 0.35], [0.8, 0.8, 0.9]])
    crystal = Crystal(np.diag([3.0, 6.0, 3.7]), numbers, positions, 1)
    large = np.array([[4, 1, 0], [0, 0, 1], [1, -1, 0]])
    cells = np.array(list(itertools.product(range(-2, 6), repeat=3)))
    places = (positions[:, None] + cells) @ np.linalg.inv(large)
    inside = ((places > -1e-9) & (places < 1 - 1e-9)).all(axis=2)
    sample = oracle.TestCrystal(
        "sheared",
        "triclinic",
        crystal,
        np.linalg.norm(large @ crystal.cell, axis=1),
        np.repeat(numbers, inside.sum(axis=1)),
        places[inside],
        0.5,
    )
    assert inside.sum() == 5 * len(numbers)
    waves = oracle.multislice(
        sample, DIRECTIONS, energy_kev=100.0, thickness_angstrom=60.0, band_per_angstrom=4.2, slice_angstrom=0.3
    )
    zone = project(crystal, (1, -1, 0), (1, 1, 0))
    assert lattice_step(zone, 5) is not None and all(lattice_step(zone, layers) is None for layers in range(1, 5))
    return (zone, *oracle.beams_of(waves, sample, 2.2))


def test_layers_that_do_not_coincide_converge_to_multislice(sheared: tuple) -> None:
    """Measured: 1.4 % by the averaging of `laue_zones`, 0.6 % with four layers at their places, 0.06 % with five."""
    zone, vectors, expected = sheared
    errors = []
    for margin in (0.1, 0.2):
        accuracy = dataclasses.replace(ACCURACY, layer_margin_per_angstrom=margin)
        intensities, places = found(zone, 60.0, accuracy)
        errors.append(oracle.errors(expected, vectors, intensities, places)[0])
    assert errors[-1] < 0.0015, errors


def test_a_general_shift_is_as_near_to_its_neighbours_as_they_are_to_each_other() -> None:
    """Cells whose layers coincide after five, and ones strained by 0.1 % whose layers do not: no jump between them."""
    numbers, positions = np.array([56, 8]), np.array([[0.02, 0.03, 0.1], [0.55, 0.27, 0.6]])
    intensities = []
    for strain in (0.0, 0.001, 0.002):
        cell = np.diag([3.0, 6.0 * (1.0 + strain), 3.7])
        zone = project(Crystal(cell, numbers, positions, 1), (1, -1, 0), (1, 1, 0))
        waves, places = found(zone, 60.0)
        seen = np.linalg.norm(places, axis=1) < 1.5
        order = np.lexsort(np.round(places[seen], 1).T)
        intensities.append(waves[seen][order])
    step = [np.linalg.norm(one - other) for one, other in itertools.pairwise(intensities)]
    assert step[0] < 0.05 * np.linalg.norm(intensities[0]) and step[0] < 3.0 * step[1] + 1e-4


def test_thicknesses_share_the_way_and_tilts_are_directions() -> None:
    zone = project(oracle.SAMPLES["PbTiO3"].crystal, (1, 0, 0), (0, 1, 0))
    atoms = Atoms(0.5, "lobato")
    shared = Problem(zone, DIRECTIONS - 0.01, 120.0, (41.0, 17.3, 0.15), atoms, (0.01, 0.01))
    several = propagate_many([shared], accuracy=ACCURACY)[0]
    for thickness, waves in zip(shared.thicknesses_angstrom, several, strict=True):
        alone = Problem(zone, DIRECTIONS, 120.0, (thickness,), atoms)
        np.testing.assert_allclose(
            waves.intensities, propagate_many([alone], accuracy=ACCURACY)[0][0].intensities, atol=2e-6
        )
    assert several[2].intensities[0].min() > 0.98


def test_absorption_takes_as_much_as_by_matrices() -> None:
    sample = oracle.SAMPLES["MgO"]
    zone, atoms = project(sample.crystal, (0, 0, 1), (1, 0, 0)), Atoms(0.5, "lobato", "thermal")
    matrices = dataclasses.replace(ACCURACY, most_strong_beams=900)
    one, other = (found(zone, 60.0, accuracy, atoms) for accuracy in (ACCURACY, matrices))
    np.testing.assert_allclose(one[0].sum(axis=0), other[0].sum(axis=0), rtol=2e-3)
    assert one[0].sum(axis=0).max() < 0.999
