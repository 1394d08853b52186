"""Whole numbers that a specimen is recognised by: other processors' rounding is forgiven, and nothing that helps."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from benchmark.data.golden import Likeness, figures_of, likeness
from benchmark.data.recipe import Sample, recipe_of
from benchmark.data.storage import Coding
from benchmark.definition.finder import load_benchmark
from benchmark.tasks.density.recipe import DensityRecipe

RUNG = load_benchmark("density").rung("density_smoke")
RECIPE = DensityRecipe(RUNG)
ELECTRONS = 1e6 * 0.9**2
TARGETS = [field.name for field in RECIPE.schema().targets]


def _stored(scan: NDArray[np.float32]) -> NDArray[np.float32]:
    coding = Coding("float16")
    return coding.decode((scan * np.float32(coding.scale)).astype(np.float16))


def _codes(sample: Sample, **changed: NDArray) -> NDArray[np.int64] | None:
    arrays = {**sample.arrays, **changed}
    return RECIPE.counts(_stored(arrays["scan"]), *(arrays[name] for name in TARGETS))


def _likeness(sample: Sample, **changed: NDArray) -> Likeness | None:
    found, own = _codes(sample, **changed), _codes(sample)
    assert own is not None
    return None if found is None else likeness(found, figures_of(own))


def test_storage_and_rounding_are_forgiven(smoke: list[Sample]) -> None:
    generator = np.random.default_rng(0)
    found = []
    for sample in smoke:
        counts = np.rint(sample.arrays["scan"].astype(np.float64) * ELECTRONS)
        bright = np.flatnonzero(counts.ravel() >= 100)
        counts.ravel()[generator.choice(bright, 3)] += 1.0
        targets = {
            name: (sample.arrays[name] * (1.0 + 1e-6 * generator.normal(size=sample.arrays[name].shape))).astype("f4")
            for name in TARGETS
        }
        found.append(_likeness(sample, scan=(counts / ELECTRONS).astype(np.float32), **targets))
    assert set(found) <= {Likeness.SAME, Likeness.ROUNDED} and found.count(Likeness.SAME) >= len(found) // 2


def test_an_electron_where_there_was_none_is_forgiven_and_many_are_not(smoke: list[Sample]) -> None:
    generator = np.random.default_rng(2)
    for sample in smoke:
        counts = np.rint(sample.arrays["scan"].astype(np.float64) * ELECTRONS)
        empty = generator.permutation(np.flatnonzero(counts.ravel() == 0))
        for more, expected in ((1, Likeness.ROUNDED), (len(empty) // 2, Likeness.OTHER)):
            changed = counts.copy()
            changed.ravel()[empty[:more]] = 1.0
            assert _likeness(sample, scan=(changed / ELECTRONS).astype(np.float32)) is expected


@pytest.mark.parametrize("name", TARGETS)
def test_another_target_is_found(name: str, smoke: list[Sample]) -> None:
    for sample, other in pairwise(smoke):
        picture = sample.arrays[name]
        if picture.ndim:
            assert _likeness(sample, **{name: gaussian_filter(picture, 1.0)}) is Likeness.OTHER
        if not np.array_equal(picture, other.arrays[name]):
            assert _likeness(sample, **{name: other.arrays[name]}) is not Likeness.SAME


def test_other_counts_are_found(smoke: list[Sample]) -> None:
    generator = np.random.default_rng(1)
    for sample, other in pairwise(smoke):
        shares = sample.arrays["scan"].astype(np.float64)
        again = (generator.poisson(gaussian_filter(shares, 0.7) * ELECTRONS) / ELECTRONS).astype(np.float32)
        brighter = (np.rint(1.02 * shares * ELECTRONS) / ELECTRONS).astype(np.float32)
        for scan in (again, brighter, other.arrays["scan"], shares[::-1].astype(np.float32)):
            assert _likeness(sample, scan=scan) is Likeness.OTHER


def test_what_holds_no_whole_electrons_has_no_codes(smoke: list[Sample]) -> None:
    scan = smoke[0].arrays["scan"]
    smooth = gaussian_filter(scan, 0.3)
    for bad in (smooth, -scan, scan * 1e6, np.where(scan == scan.max(), np.nan, scan)):
        assert _codes(smoke[0], scan=bad.astype(np.float32)) is None
    assert _codes(smoke[0], density=np.full_like(smoke[0].arrays["density"], np.inf)) is None


def test_a_rung_of_many_doses_has_none(smoke: list[Sample]) -> None:
    beam = {**RUNG.recipe["beam"], "dose_per_angstrom2": [1e4, 1e6]}
    recipe = recipe_of(dataclasses.replace(RUNG, recipe={**RUNG.recipe, "beam": beam}))
    assert isinstance(recipe, DensityRecipe)
    assert recipe.counts(smoke[0].arrays["scan"], *(smoke[0].arrays[name] for name in TARGETS)) is None
