"""A specimen's time from pieces of its work: each counted as often as the whole does it."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from benchmark.data.cost import measure
from benchmark.data.recipe import LongRecipe, recipe_of, unit_generator
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Rung
from benchmark.tasks.density import cost
from benchmark.tasks.density.scanned import RULE

SMOKE = load_benchmark("density").rung("density_smoke")


def _rung(**beam_and_specimens: dict) -> Rung:
    changed = {part: {**SMOKE.recipe[part], **values} for part, values in beam_and_specimens.items()}
    return dataclasses.replace(SMOKE, recipe={**SMOKE.recipe, **changed})


def _estimate(rung: Rung) -> float | None:
    """By a clock that every look at moves on by a second: each piece takes one."""
    ticks = itertools.count()
    recipe = recipe_of(rung)
    assert isinstance(recipe, LongRecipe)
    unit = recipe.units()[0]
    return recipe.estimate(unit, unit_generator(rung, unit), "cpu", lambda: float(next(ticks)))


def test_small_specimens_are_timed_whole() -> None:
    assert _estimate(SMOKE) is None
    found = measure(recipe_of(SMOKE), SMOKE, recipe_of(SMOKE).units(), limit_seconds=0.0)
    assert found.timed == 2 and not found.by_pieces


def test_each_piece_counts_as_often_as_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing and target once; for each draw of the atoms the phases once, and each of 16 waves, 16 of which were timed
    together through 4 slices, through each of 9 slices; the counts of 16 positions."""
    monkeypatch.setattr(cost, "WHOLE", 0.0)
    thick = {"thickness_angstrom": [27.0, 27.0]}
    assert _estimate(_rung(specimens=thick)) == pytest.approx(1 + (1 + 16 * 9 / (16 * 4)) + 16 + 1)
    moved = {**thick, "phonon_configurations": 3}
    assert _estimate(_rung(specimens=moved)) == pytest.approx(1 + 3 * (1 + 16 * 9 / (16 * 4)) + 16 + 1)


def test_plane_waves_are_counted_where_they_are_fewer_and_so_are_their_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "WHOLE", 0.0)
    rung = _rung(specimens={"thickness_angstrom": [27.0, 27.0]}, beam={"source_angstrom": 0.3, "semi_angle_mrad": 10.0})
    scan = recipe_of(rung).parts.scan
    lit = int(np.count_nonzero(np.sqrt(scan.box.squared) < 1e-2 / 0.0370143 + 0.5 / scan.box.angstrom))
    probes = 16 * len(RULE)
    assert lit < probes
    sums = probes * (1 / cost.PROBES) * max(1.0, scan.pixels**2 / cost.PIXELS)
    timed = min(probes, cost.chunk_of(scan.box, "cpu"))
    assert _estimate(rung) == pytest.approx(1 + (1 + lit * 9 / (timed * 4) + sums) + 16 + 1)


def test_pieces_are_said_to_be_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "WHOLE", 0.0)
    recipe = recipe_of(SMOKE)
    found = measure(recipe, SMOKE, recipe.units(), limit_seconds=0.0)
    assert found.timed == 2 and found.by_pieces and found.seconds_per_sample > 0.0
