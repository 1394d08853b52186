"""Settings that follow an estimate of their error: what it is, that it is true, and that cost grows with need alone."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.crystals.simulate import simulate_stacks
from benchmark.definition.finder import load_benchmark
from benchmark.simulation import adaptive
from benchmark.simulation.adaptive import LEVELS, fitting_level, general_directions, propagate_within, refined
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.detector import Screen
from benchmark.simulation.manybeam import propagate_many
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.waves import Problem
from benchmark.simulation.zone import project

_PATH = Path(__file__).resolve().parents[3] / "performance" / "multislice.py"
_SPEC = importlib.util.spec_from_file_location("multislice", _PATH)
oracle = importlib.util.module_from_spec(_SPEC)
sys.modules["multislice"] = oracle
_SPEC.loader.exec_module(oracle)

FULL = CbedRung.of(load_benchmark("space_group").rung("stemdl_full")).optics
COARSE = Accuracy(
    2.2,
    2.2,
    1,
    5.0,
    0,
    g_z_max_per_angstrom=2.0,
    depth_slice_angstrom=0.8,
    layer_margin_per_angstrom=0.1,
    wave_degree=6,
    tolerance=0.01,
)


def seen_along_c(name: str, thickness: float = 60.0, **changes: object) -> Problem:
    sample = oracle.SAMPLES[name]
    zone = project(sample.crystal, (0, 0, 1), (1, 0, 0))
    atoms = Atoms(sample.b_angstrom2, "lobato")
    return dataclasses.replace(Problem(zone, general_directions(0.08, 3), 100.0, (thickness,), atoms), **changes)


def error(problem: Problem, accuracy: Accuracy, name: str) -> float:
    """Against multislice, over the same beams and directions."""
    waves = oracle.multislice(
        oracle.SAMPLES[name],
        problem.directions,
        energy_kev=problem.energy_kev,
        thickness_angstrom=problem.thicknesses_angstrom[0],
        band_per_angstrom=4.5,
        slice_angstrom=0.25,
    )
    vectors, expected = oracle.beams_of(waves, oracle.SAMPLES[name], 2.56)
    (found,) = propagate_many([problem], accuracy=accuracy)[0]
    return adaptive.relative_l2((found.intensities, found.vectors), (expected, vectors), 2.56)


@pytest.mark.parametrize("name", ["MgO", "GaN", "PbTiO3"])
def test_the_level_that_is_taken_is_within_the_tolerance(name: str) -> None:
    """By multislice, which the estimate knows nothing of."""
    problem = seen_along_c(name)
    level, estimate, *_ = fitting_level(problem, COARSE, k_max_per_angstrom=2.56, reach_per_angstrom=3.8)
    assert estimate <= COARSE.tolerance
    assert error(problem, refined(COARSE, level), name) <= COARSE.tolerance


def test_cost_grows_with_need_alone() -> None:
    """The same settings: enough for thin MgO, not for lead; a looser tolerance takes cheaper ones, a hopeless one the
    last, and says so."""
    levels = {
        (name, tolerance): fitting_level(
            seen_along_c(name, 30.0),
            dataclasses.replace(COARSE, tolerance=tolerance),
            k_max_per_angstrom=2.56,
            reach_per_angstrom=3.8,
        )[:2]
        for name, tolerance in (("MgO", 0.01), ("PbTiO3", 0.01), ("PbTiO3", 0.3), ("PbTiO3", 1e-9))
    }
    assert levels["MgO", 0.01][0] < levels["PbTiO3", 0.01][0]
    assert levels["PbTiO3", 0.3][0] == 0
    assert levels["PbTiO3", 1e-9][0] == len(LEVELS) - 1 and levels["PbTiO3", 1e-9][1] > 1e-9


def test_every_level_is_finer_than_the_one_before() -> None:
    settings = [refined(FULL.accuracy, level) for level in range(len(LEVELS))]
    assert settings[0] == FULL.accuracy
    for before, after in itertools.pairwise(settings):
        assert after.strong_per_angstrom > before.strong_per_angstrom
        assert after.depth_slice_angstrom < before.depth_slice_angstrom
        assert after.layer_margin_per_angstrom > before.layer_margin_per_angstrom


def test_interpolation_is_in_the_estimate_and_gets_a_higher_degree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thick GaN at degree 2: 26 % off between the nodes, whatever the waves at them."""
    whole = seen_along_c("GaN", 300.0)
    accuracy = dataclasses.replace(COARSE, wave_degree=2, tolerance=0.3)

    def within() -> tuple[int, float]:
        waves, screen, estimate = propagate_within(
            lambda directions: dataclasses.replace(whole, directions=directions),
            lambda degree: Screen(pixels=64, k_max_per_angstrom=2.56, semi_angle_per_angstrom=0.08, degree=degree),
            accuracy,
            reach_per_angstrom=3.8,
        )
        assert len(waves[0].directions) == len(screen.directions)
        return screen.degree, estimate

    higher, better = within()
    monkeypatch.setattr(adaptive, "FINER_DEGREES", (0,))
    lower, worse = within()
    assert (lower, higher) == (2, 5)
    assert better <= accuracy.tolerance and worse > 2.0 * better


def test_beams_that_one_side_lacks_count_as_dark() -> None:
    places = np.array([[0.0, 0.0], [0.3, 0.0], [5.0, 0.0]])
    whole = np.array([[3.0], [4.0], [7.0]]), places
    assert adaptive.relative_l2(whole, whole, 2.56) == 0.0
    assert adaptive.relative_l2((whole[0][:1], places[:1]), whole, 2.56) == pytest.approx(4.0 / 5.0)
    assert adaptive.relative_l2(whole, (whole[0][:1], places[:1]), 2.56) == pytest.approx(4.0 / 3.0)


def test_beams_of_two_layers_at_one_place_are_added_up() -> None:
    places = np.array([[0.0, 0.0], [2e-5, 0.0], [0.5, 0.0]])
    strong, weak = np.array([[0.7], [1e-6], [0.1]]), np.array([[0.7], [2e-6], [0.1]])
    assert adaptive.relative_l2((strong, places), (weak, places), 2.56) < 2e-6


def test_samples_carry_the_estimate_where_the_recipe_asks_for_one() -> None:
    rung = CbedRung.of(load_benchmark("space_group").rung("stemdl_full"))
    crystal = Crystal(np.diag([4.0, 4.0, 3.0]), np.array([12, 8]), np.array([[0, 0, 0], [0.5, 0.5, 0.5]]), 123)
    for tolerance, said in ((0.05, True), (0.0, False)):
        accuracy = dataclasses.replace(COARSE, tolerance=tolerance)
        optics = dataclasses.replace(
            FULL, accuracy=accuracy, pixels=32, energy_kev=100.0, thickness_angstrom=(30.0, 31.0)
        )
        (stack,) = simulate_stacks("m", crystal, dataclasses.replace(rung, optics=optics), np.random.default_rng(0))
        assert ("error_estimate" in stack.more) == said
        if said:
            assert stack.more["error_estimate"].shape == (3,)
            assert 0.0 < stack.more["error_estimate"].max() <= tolerance
