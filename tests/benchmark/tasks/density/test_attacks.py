"""What somebody could hand in who has not reconstructed the density: each is far from every rung's goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, shift

from benchmark.data.recipe import Sample, recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.metrics.metric import make_metric
from benchmark.metrics.standardised_error import standardised

Pictures = NDArray[np.float64]
BENCHMARK = load_benchmark("density")
SMOKE = BENCHMARK.rung("density_smoke")
PIXEL = 3.6 / 16.0
"""Angstrom, of the smoke rung's densities."""
EASIEST = max(BENCHMARK.goal_at(rung).target for rung in BENCHMARK.rungs)
"""Of all rungs' goals."""


def _shuffled(z: Pictures) -> Pictures:
    return np.random.default_rng(0).permuted(z.reshape(len(z), -1), axis=1).reshape(z.shape)


ATTACKS: Mapping[str, tuple[Callable[[Pictures], Pictures], float]] = {
    "nothing": (np.zeros_like, 0.999),
    "a constant": (lambda z: np.full_like(z, 0.5), 1.1),
    "the mean picture": (lambda z: np.broadcast_to(z.mean(axis=0), z.shape), 0.8),
    "the right numbers in other places": (_shuffled, 1.3),
    "a mirror image": (lambda z: z[:, :, ::-1], 0.7),
    "light and dark exchanged": (lambda z: -z, 1.99),
    "the specimen before": (lambda z: np.roll(z, 1, axis=0), 1.0),
    "blurred by half an Angstrom": (lambda z: gaussian_filter(z, (0.0, 0.5 / PIXEL, 0.5 / PIXEL)), EASIEST),
    "moved by half an Angstrom": (lambda z: shift(z, (0.0, 0.5 / PIXEL, 0.0), mode="nearest"), EASIEST),
    "moved by two pixels": (lambda z: np.roll(z, 2, axis=2), EASIEST),
    "half of the contrast": (lambda z: 0.5 * z, 0.499),
    "an offset": (lambda z: z + 0.5, 0.499),
    "the peaks alone": (lambda z: np.where(z > 1.0, z, 0.0), EASIEST),
    "two levels": (lambda z: np.where(z > 0.0, 1.0, -1.0), EASIEST),
    "every third specimen": (lambda z: z * (np.arange(len(z)) % 3 == 0)[:, None, None], 0.8),
}
"""Of standardised densities, a prediction that is not one, and an error that it has at least."""


def _error(found: Pictures, true: Pictures) -> float:
    metric = make_metric("standardised_error", recipe_of(SMOKE).schema(), ["density"])
    return metric.value(metric.tally({"density": found}, {"density": true}))


@pytest.mark.parametrize("name", ATTACKS)
def test_a_picture_that_is_not_the_density_misses_the_goal(name: str, smoke: list[Sample]) -> None:
    true = np.array([sample.arrays["density"] for sample in smoke])
    z = standardised(true)
    attack, least = ATTACKS[name]
    assert _error(z, true) == 0.0
    assert _error(attack(z), true) > max(least, EASIEST)
