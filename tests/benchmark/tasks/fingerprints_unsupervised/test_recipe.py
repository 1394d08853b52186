"""The rungs of the benchmark are what their definition says, and their pictures those of the benchmark with labels."""

from __future__ import annotations

from collections import Counter

import numpy as np

from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.definition.finder import load_benchmark

BENCHMARK = load_benchmark("fingerprints_unsupervised")
SMOKE = BENCHMARK.rungs["fingerprints_unsupervised_smoke"]


def test_every_rung_counts_what_its_recipe_makes_and_is_broken_in_every_split() -> None:
    for name, rung in BENCHMARK.rungs.items():
        recipe = recipe_of(rung)
        units = recipe.units()
        assert len(recipe.schema().classes["structure"]) == rung.classes, name
        assert Counter(unit.split for unit in units) == rung.samples, name
        kinds = {unit.content.kind for unit in units if unit.split == "train"}
        assert kinds == set(rung.recipe["defects"]["kinds"]), name


def test_broken_crystals_are_those_that_the_benchmark_with_labels_judges_by() -> None:
    other = load_benchmark("fingerprints").rungs["fingerprints_smoke"]
    assert other.recipe["defects"] == SMOKE.recipe["defects"]
    pictures = []
    for rung in (SMOKE, other):
        recipe = recipe_of(rung)
        unit = next(unit for unit in recipe.units() if unit.split == "dev")
        pictures.append(next(samples_of_unit(recipe, rung, unit)).arrays["fingerprint"])
    assert np.array_equal(*pictures)


def test_it_is_fitted_without_gradients_and_nothing_of_it_is_tuned() -> None:
    assert not BENCHMARK.by_gradients and BENCHMARK.closed.tunable == ("threads_per_rank",)
    assert BENCHMARK.measured.metric == "clustering"
