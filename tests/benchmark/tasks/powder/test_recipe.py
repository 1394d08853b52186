"""Which patterns a rung has, and that they are what it says: balanced, biased, of unseen types, measured as is said."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.golden import Likeness, likeness, load_golden
from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Rung
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import crystal_system
from benchmark.tasks.powder.drawn_crystals import draw, is_held_out, split_of
from benchmark.tasks.powder.extinction import members_of
from benchmark.tasks.powder.measurement import counted, draw_measurement, intensities, normalised, whole_counts
from benchmark.tasks.powder.recipe import PowderRecipe, make_recipe
from benchmark.tasks.powder.rung import BIASED, RANGE_DEGREES, UNSEEN, grid_of
from benchmark.tasks.powder.units import Asked, evenly, shares

SMOKE = load_benchmark("powder").rungs["powder_smoke"]


def changed(**values: Any) -> Rung:
    return dataclasses.replace(SMOKE, recipe={**SMOKE.recipe, **values})


def test_every_rung_counts_what_its_recipe_makes() -> None:
    for name, rung in load_benchmark("powder").rungs.items():
        if name == "powder_full":
            continue  # a million units, spread as those of powder_small
        recipe = recipe_of(rung)
        assert len(recipe.schema().classes["extinction_group"]) == rung.classes, name
        assert Counter(unit.split for unit in recipe.units()) == rung.samples, name


def test_the_balanced_parts_are_balanced_and_units_are_named_once() -> None:
    recipe = recipe_of(SMOKE)
    units = recipe.units()
    labels = recipe.schema().classes["extinction_group"]
    assert len({unit.identifier for unit in units}) == len(units)
    parts = Counter((unit.split, unit.content.part, unit.stratum) for unit in units)
    for split, part, each in (("train", "balanced", 200), ("dev", "balanced", 12), ("test", "balanced", 12),
                              ("test", UNSEEN, 2)):  # fmt: skip
        assert {parts[split, part, label] for label in labels} == {each}
    biased = Counter(unit.content.space_group for unit in units if unit.content.part == BIASED)
    weights = recipe.says.database
    assert biased.total() == 20 and set(biased) <= {2, 62, 139, 191, 225}
    assert max(biased, key=lambda group: biased[group]) == max(biased, key=lambda group: weights[group - 1])


def test_training_can_be_as_biased_as_a_database_and_no_less() -> None:
    units = recipe_of(changed(biased_training=True)).units()
    train = Counter(unit.content.space_group for unit in units if unit.split == "train")
    assert train.total() == 1000 and train[225] > 1.5 * train[191]
    assert sum(unit.split == "dev" for unit in units) == 60


@given(st.dictionaries(st.integers(1, 230), st.integers(0, 99), min_size=1), st.integers(0, 999))
def test_shares_add_up_and_are_within_one_of_what_is_due(weights: dict[int, int], total: int) -> None:
    weights[1] = 5
    found = shares(weights, total)
    assert sum(found.values()) == total
    assert all(abs(found[key] - total * each / sum(weights.values())) < 1 for key, each in weights.items())
    assert Counter(group for group, _ in evenly(found)) == Counter(found)


def test_a_sample_is_the_same_each_time_and_its_labels_agree() -> None:
    recipe = recipe_of(SMOKE)
    units = recipe.units()
    for unit in (*units[:4], next(unit for unit in units if unit.content.part == UNSEEN)):
        first, again = (next(samples_of_unit(recipe, SMOKE, unit)) for _ in range(2))
        profile = first.arrays["profile"]
        assert np.array_equal(profile, again.arrays["profile"])
        assert profile.dtype == np.float32 and profile.shape == (1, 1701) and profile.max() == 1.0
        group = int(first.arrays["space_group"])
        assert group in members_of(unit.stratum) and first.arrays["extinction_group"] == unit.stratum
        assert first.arrays["crystal_system"] == crystal_system(group)
        counts = recipe.counts(profile)
        assert counts is not None and counts.shape == (3, 568) and counts.max() == first.attributes["most_counts"]
        kind = first.attributes["structure_type"]
        assert not kind or is_held_out(kind) == (unit.content.part == UNSEEN)
    assert grid_of(1701).two_theta[[0, -1]] == pytest.approx(RANGE_DEGREES)


def test_the_smoke_rung_is_what_its_golden_figures_are_of() -> None:
    """Whoever changes what the recipe makes has to make them again; a pattern of another unit differs from it."""
    recipe, golden = recipe_of(SMOKE), load_golden(SMOKE)
    assert golden is not None and len(golden.fingerprints) == sum(SMOKE.samples.values())
    units = recipe.units()
    for place in (0, 1, 7, 999, 1003):
        counts = recipe.counts(next(samples_of_unit(recipe, SMOKE, units[place])).arrays["profile"])
        assert counts is not None
        assert likeness(counts, golden.figures(place)) in (Likeness.SAME, Likeness.ROUNDED)
        assert likeness(counts, golden.figures(place + 1)) is Likeness.OTHER
    bright = np.unravel_index(counts.argmax(), counts.shape)
    counts[bright] -= 1
    assert likeness(counts, golden.figures(place)) is Likeness.ROUNDED


def test_every_extinction_group_has_patterns_of_reflections() -> None:
    recipe = make_recipe(load_benchmark("powder").rungs["powder_small"], crystals="reflections")
    generator = np.random.default_rng(1)
    some = [recipe.sample(Asked(members[-1], "train"), generator) for members in recipe.says.groups]
    assert len({each.arrays["extinction_group"] for each in some}) == 99
    assert len({each.arrays["profile"].tobytes() for each in some}) == 99


def test_lattices_are_as_large_as_the_rung_says() -> None:
    """A pattern of a few large cells has more lines than one of a small cell."""
    counts = []
    for volumes in ([40.0, 41.0], [800.0, 801.0]):
        recipe = make_recipe(changed(primitive_angstrom3=volumes), crystals="reflections")
        asked, generator = Asked(62, "train"), np.random.default_rng(2)
        counts.append([len(draw(asked, recipe.says, generator).reflections) for _ in range(5)])
    assert max(counts[0]) < min(counts[1])


def test_crystals_of_two_splits_share_no_set_of_elements() -> None:
    """So that none can be a compound of another split; three sets in five are for training."""
    says = make_recipe(SMOKE, crystals="drawn").says
    generator = np.random.default_rng(3)
    for split in ("train", "dev", "test"):
        crystal = draw(Asked(225, split), says, generator).crystal
        assert crystal is not None and split_of(crystal.numbers.tolist()) == split
    found = Counter(split_of(pair) for pair in itertools.combinations(range(1, 93), 2))
    assert found["train"] == pytest.approx(0.6 * found.total(), rel=0.1)
    assert found["dev"] == pytest.approx(0.2 * found.total(), rel=0.1)
    assert split_of([8, 26, 8, 26]) == split_of([26, 8])


def test_counts_are_poissons() -> None:
    """Mean and variance are the expected counts, within four standard errors; nothing of a pattern is below 0."""
    generator = np.random.default_rng(3)
    expected = np.array([0.5, 4.0, 100.0, 2e4])
    counts = np.array([counted(expected, generator) for _ in range(4000)])
    error = np.sqrt(expected / len(counts))
    assert np.all(np.abs(counts.mean(axis=0) - expected) < 4 * error)
    assert counts.var(axis=0) == pytest.approx(expected, rel=0.12)
    assert np.array_equal(np.rint(normalised(counts[0]).astype(float) * counts[0].max()), counts[0])


@settings(deadline=None)
@given(
    level=st.floats(2.0, 5e3),
    most=st.integers(100, 200_000),
    below=st.lists(st.integers(1, 3), max_size=4),
    seed=st.integers(0, 2**32),
)
def test_counts_are_found_again_in_a_profile(level: float, most: int, below: list[int], seed: int) -> None:
    """Also where points near the highest differ by a count, which float32 rounds most; and nothing else passes for
    counts: a profile that is scaled, smoothed or not finite."""
    highest = int(most + 3 * level)
    near = highest - np.cumsum([0, *below])
    counts = np.append(np.random.default_rng(seed).poisson(level, 1700).clip(max=highest), near).astype(np.int64)
    profile = normalised(counts)
    found = whole_counts(profile)
    assert found is not None and np.array_equal(found, counts // np.gcd.reduce(counts))
    smooth = np.convolve(profile, [0.25, 0.5, 0.25], mode="same").astype(np.float32)
    assert whole_counts(0.9 * profile) is None and whole_counts(smooth) is None
    assert whole_counts(np.append(profile[:-1], np.float32(np.nan))) is None


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_measurement_lies_within_its_bounds(seed: int) -> None:
    recipe: PowderRecipe = make_recipe(SMOKE, crystals="reflections")
    ranges, grid = recipe.says.measurements, recipe.says.grid
    how = draw_measurement(ranges, grid, np.random.default_rng(seed))
    assert ranges.fwhm_degrees[0] ** 2 <= how.instrument.caglioti_degrees2[2] <= ranges.fwhm_degrees[1] ** 2
    assert ranges.counts[0] <= how.peak_counts <= ranges.counts[1] and 0.0 <= how.impurity <= ranges.impurity[1]
    assert how.specimen.march == 1.0 or ranges.march[0] <= how.specimen.march <= ranges.march[1]
    found = draw(Asked(62, "train"), recipe.says, np.random.default_rng(seed)).reflections
    curve = intensities(found, None, how, grid)
    assert curve.shape == (1701,) and np.all(curve >= 0.0) and curve.max() >= how.peak_counts


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"space_groups": [2, 2]}, "rise from 1 to 230"),
        ({"space_groups": []}, "rise from 1 to 230"),
        ({"points": 1}, "two points"),
        ({"primitive_angstrom3": [0.0, 900.0]}, "primitive_angstrom3 must rise"),
        ({"reflections": 1.5}, "share from 0 to 1"),
        ({"debye_waller_b_angstrom2": [2.0, 1.0]}, "must rise from 0"),
        ({"patterns_per_group": {"train": 1}}, "patterns_per_group"),
        ({"patterns_per_group": {"train": 1, "dev": 1, "test": -1, "unseen": 0}}, "not a whole number"),
        ({"biased_patterns": -3}, "not a whole number"),
        ({"database": [1, 2]}, "each of the 230"),
        ({"database": [0] * 230}, "no crystal of the rung's"),
        ({"measurements": {**SMOKE.recipe["measurements"], "counts": [10.0, 1.0]}}, "measurements.counts"),
        ({"measurements": {**SMOKE.recipe["measurements"], "fwhm_degrees": [0.0, 1.0]}}, "measurements.fwhm_degrees"),
        ({"measurements": {**SMOKE.recipe["measurements"], "textured": 2.0}}, "measurements.textured"),
        ({"measurements": {**SMOKE.recipe["measurements"], "impurity": [0.0, 1.0]}}, "less than all"),
        ({"measurements": {"counts": [1.0, 2.0]}}, "missing"),
        ({"spin": 1}, "unknown key 'spin'"),
    ],
)
def test_a_rung_that_cannot_be_is_refused(values: dict[str, Any], what: str) -> None:
    with pytest.raises(StemdlError, match=what):
        recipe_of(changed(**values))


def test_crystals_of_another_kind_are_refused() -> None:
    with pytest.raises(StemdlError, match="not made of crystals 'reflexions'"):
        recipe_of(SMOKE, {"crystals": "reflexions"})
    with pytest.raises(StemdlError, match="not made with --orientation"):
        recipe_of(SMOKE, {"orientation": "olcf"})
    assert make_recipe(SMOKE).source() == {"kind": "drawn"}
    assert make_recipe(SMOKE, crystals="drawn").source() == {"kind": "drawn", "crystals": "drawn"}
