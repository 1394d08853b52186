"""Higher-order Laue zones against FFT multislice in three dimensions, and between descriptions of one crystal."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.depth import depth_beams
from benchmark.simulation.laue_zones import lattice_step, ring_beams
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.zone import project

_PATH = Path(__file__).resolve().parents[3] / "performance" / "multislice.py"
_SPEC = importlib.util.spec_from_file_location("multislice", _PATH)
oracle = importlib.util.module_from_spec(_SPEC)
sys.modules["multislice"] = oracle
_SPEC.loader.exec_module(oracle)

AVERAGED = Accuracy(2.5, 4.0, 900, 5.0, 0, weak_waves=True)
RESOLVED = Accuracy(3.2, 4.0, 900, 5.0, 0, g_z_max_per_angstrom=4.0, depth_slice_angstrom=0.4)
DIRECTIONS = np.array([[0.021, 0.047], [-0.055, 0.012], [0.003, -0.074]])
"""General ones, so that no symmetry hides a mistake of sign."""


@pytest.fixture(scope="module")
def expected() -> dict:
    """By crystal: beams, intensities and thickness of multislice. Both thicknesses end within a cell."""
    found = {}
    for name, thickness in (("GaN", 54.0), ("MgO", 40.0)):
        waves = oracle.multislice(
            oracle.SAMPLES[name],
            DIRECTIONS,
            energy_kev=100.0,
            thickness_angstrom=thickness,
            band_per_angstrom=4.0,
            slice_angstrom=0.35,
        )
        found[name] = (*oracle.beams_of(waves, oracle.SAMPLES[name], 2.56), thickness)
    return found


def error(expected: dict, name: str, accuracy: Accuracy) -> float:
    vectors, intensities, thickness = expected[name]
    sample = oracle.SAMPLES[name]
    waves = propagate(
        project(sample.crystal, (0, 0, 1), (1, 0, 0)),
        DIRECTIONS,
        energy_kev=100.0,
        accuracy=accuracy,
        thickness_angstrom=thickness,
        atoms=Atoms(sample.b_angstrom2, "lobato"),
        reach_per_angstrom=3.7,
    )
    return oracle.errors(intensities, vectors, waves.intensities, waves.vectors)[0]


@pytest.mark.parametrize("name", ["GaN", "MgO"])
def test_slices_agree_with_multislice(expected: dict, name: str) -> None:
    """GaN is polar along the beam; of MgO every second layer lies between the others. Measured: 0.2 and 0.1 %."""
    zone = project(oracle.SAMPLES[name].crystal, (0, 0, 1), (1, 0, 0))
    assert depth_beams(zone, RESOLVED).cosets == {"GaN": 1, "MgO": 2}[name]
    assert error(expected, name, RESOLVED) < 0.004


def test_more_layers_are_never_worse(expected: dict) -> None:
    """Averaged over the layers that are kept, the error falls from 9.1 % (GaN) and stays at the method's own limit:
    0.62 % of GaN and 0.05 % of MgO, whose ring of beams near the Ewald sphere is not followed here."""
    for name, gain, limit in (("GaN", 14.0, 0.0065), ("MgO", 7.0, 0.0006)):
        errors = [
            error(expected, name, dataclasses.replace(AVERAGED, g_z_max_per_angstrom=g_z))
            for g_z in (0.0, 0.25, 0.5, 1.0, 3.0)
        ]
        assert all(later < earlier for earlier, later in itertools.pairwise(errors[:4])), errors
        assert errors[0] > gain * errors[-1] and max(errors[3:]) < limit, errors


def test_following_more_of_the_ring_is_never_worse(expected: dict) -> None:
    errors = [
        error(
            expected,
            "GaN",
            dataclasses.replace(AVERAGED, g_z_max_per_angstrom=3.0, holz_excitation_per_angstrom=excitation),
        )
        for excitation in (0.06, 0.1)
    ]
    alone = error(expected, "GaN", dataclasses.replace(AVERAGED, g_z_max_per_angstrom=3.0))
    assert errors[1] < errors[0] < alone


@pytest.mark.parametrize(
    "accuracy", [RESOLVED, dataclasses.replace(AVERAGED, g_z_max_per_angstrom=3.0, holz_excitation_per_angstrom=0.05)]
)
def test_an_oblique_cell_of_the_same_lattice_gives_the_same_pattern(accuracy: Accuracy) -> None:
    """Rows a + c, b, c: what is a shift of layers by whole reflections in these is none in the lowest vectors."""
    straight = oracle.SAMPLES["PbTiO3"].crystal
    change = np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1]])
    oblique = Crystal(change @ straight.cell, straight.numbers, straight.positions @ np.linalg.inv(change) % 1.0, 1)
    found = []
    for crystal in (straight, oblique):
        zone = project(crystal, (0, 0, 1), (0, 1, 0))
        waves = propagate(
            zone,
            DIRECTIONS,
            energy_kev=120.0,
            thickness_angstrom=31.0,
            atoms=Atoms(0.5, "lobato"),
            accuracy=dataclasses.replace(accuracy, strong_per_angstrom=2.0, weak_per_angstrom=3.0),
        )
        order = np.lexsort(np.round(waves.vectors, 5).T + 0.0)
        found.append((zone, waves.vectors[order], waves.intensities[order]))
    assert np.linalg.norm(found[1][0].layer_shift) < 1e-9
    np.testing.assert_allclose(found[0][1], found[1][1], atol=1e-9)
    np.testing.assert_allclose(found[0][2], found[1][2], atol=1e-4)


def test_layers_between_the_zero_order_beams_have_places_of_their_own() -> None:
    """A monoclinic cell seen along c: layer l is shifted by l a* cos(beta*) and more, which is not a reflection."""
    cell = np.array([[4.1, 0, 0], [0, 4.7, 0], [-1.3, 0, 5.2]])
    zone = project(Crystal(cell, np.array([38, 8]), np.array([[0, 0, 0], [0.4, 0.3, 0.6]]), 1), (0, 0, 1), (1, 0, 0))
    assert lattice_step(zone, 1) is None
    ring = ring_beams(zone, 27.0, 0.02, 4.0)
    across = ring[:, :2] @ zone.reciprocal + ring[:, 2:] * zone.layer_shift
    excitation = -(across**2).sum(axis=1) / 54.0 - ring[:, 2] / zone.repeat_angstrom
    assert len(ring) > 20 and np.abs(excitation).max() < 0.02
    accuracy = Accuracy(
        1.5,
        3.5,
        400,
        5.0,
        0,
        weak_waves=True,
        g_z_max_per_angstrom=2.0,
        holz_excitation_per_angstrom=0.02,
        depth_slice_angstrom=0.4,
    )
    waves = propagate(zone, DIRECTIONS, energy_kev=100.0, thickness_angstrom=80.0, atoms=Atoms(0.5), accuracy=accuracy)
    places = waves.vectors @ zone.lattice.T
    between = np.abs(places - np.round(places)).max(axis=1) > 0.01
    assert between.sum() > 20 and 1e-6 < waves.intensities[between].sum(axis=0).max() < 0.1
    assert abs(waves.intensities.sum(axis=0) - 1.0).max() < 0.02
