"""Samples of several targets are those of the space group's recipe, with what their crystals are."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmark.data.recipe import recipe_of, samples_of_unit, unit_generator
from benchmark.definition.finder import load_benchmark
from benchmark.definition.golden_files import golden_path
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung
from benchmark.tasks.space_group.recipe import SpaceGroupRecipe
from benchmark.tasks.space_group_multi.recipe import COMPOSITION, ELEMENTS, composition_of

RUNG = load_benchmark("space_group_multi").rung("space_group_multi_smoke")


def test_a_unit_has_a_sample_for_each_energy_with_all_that_is_asked():
    recipe = recipe_of(RUNG)
    unit = next(each for each in recipe.units() if each.stratum == "194")
    first, second = samples_of_unit(recipe, RUNG, unit)
    assert [float(each.arrays["energy"]) for each in (first, second)] == [100.0, 200.0]
    assert first.arrays["crystal_system"] == "hexagonal"
    np.testing.assert_allclose(first.arrays["angles"], [90.0, 90.0, 120.0], atol=1e-4)
    a, b, c = first.arrays["lengths"]
    assert a <= b <= c and (np.isclose(a, b) or np.isclose(b, c))
    assert np.array_equal(first.arrays["lengths"], second.arrays["lengths"])
    assert first.arrays[COMPOSITION].sum() == pytest.approx(1.0)
    alone = next(iter(SpaceGroupRecipe(CbedRung.of(RUNG)).make(unit, unit_generator(RUNG, unit), "cpu")))
    assert np.array_equal(alone.arrays["cbed_stack"], first.arrays["cbed_stack"])


def test_a_composition_is_the_shares_of_the_atoms():
    found = composition_of("O6 Sr2 Ti2")
    assert found.shape == (ELEMENTS,)
    assert {z + 1: round(float(found[z]), 3) for z in found.nonzero()[0]} == {8: 0.6, 22: 0.2, 38: 0.2}
    for wrong in ("O", "Q3", "o6 Sr2"):
        with pytest.raises(StemdlError, match="not a formula"):
            composition_of(wrong)


def test_golden_figures_are_of_the_targets_too():
    recipe = recipe_of(RUNG)
    sample = next(iter(samples_of_unit(recipe, RUNG, recipe.units()[0])))
    numbers = [sample.arrays[each.name] for each in recipe.schema().targets if each.name not in recipe.schema().classes]
    counts = recipe.counts(sample.arrays["cbed_stack"], *numbers)
    longer = recipe.counts(sample.arrays["cbed_stack"], numbers[0] + 0.01, *numbers[1:])
    assert counts is not None and longer is not None
    assert ((counts != longer).sum(axis=2) == 3).all()  # three edges, in every strip
    assert recipe.counts(sample.arrays["cbed_stack"] * np.float32(1.00001), *numbers) is None


def test_the_golden_figures_that_ship_are_of_this_schema():
    path = golden_path(RUNG.name, ".json")
    assert path is not None
    assert SampleSchema.from_json(json.loads(path.read_text(encoding="utf-8"))) == recipe_of(RUNG).schema()
