"""The rungs of the benchmark are what their definition says."""

from __future__ import annotations

from collections import Counter

import numpy as np

from benchmark.data.golden import Likeness, likeness, load_golden
from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.definition.finder import load_benchmark

RUNGS = load_benchmark("fingerprints").rungs
SMOKE = RUNGS["fingerprints_smoke"]


def test_every_rung_counts_what_its_recipe_makes_and_classes_are_balanced() -> None:
    for name, rung in RUNGS.items():
        recipe = recipe_of(rung)
        units = recipe.units()
        assert len(recipe.schema().classes["structure"]) == rung.classes, name
        assert Counter(unit.split for unit in units) == rung.samples, name
        assert len({unit.identifier for unit in units}) == len(units), name
        for split, count in rung.samples.items():
            strata = Counter(unit.stratum for unit in units if unit.split == split)
            assert set(strata.values()) == {count // rung.classes}, (name, split)


def test_the_smoke_rung_is_what_its_golden_figures_are_of() -> None:
    """Whoever changes what the recipe makes has to make them again; another unit's picture is told from it."""
    recipe, golden = recipe_of(SMOKE), load_golden(SMOKE)
    assert golden is not None and len(golden.fingerprints) == sum(SMOKE.samples.values())
    units = recipe.units()
    for place in (0, 300, 489):
        levels = recipe.counts(next(samples_of_unit(recipe, SMOKE, units[place])).arrays["fingerprint"])
        assert likeness(levels, golden.figures(place)) in (Likeness.SAME, Likeness.ROUNDED)
        assert likeness(levels, golden.figures(place - 1)) is Likeness.OTHER
    bright = np.unravel_index(levels.argmax(), levels.shape)
    levels[bright] -= 1
    assert likeness(levels, golden.figures(place)) is Likeness.ROUNDED
