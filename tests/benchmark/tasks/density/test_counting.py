"""Counts are quantiles of Poisson's law: scipy's own, whatever the mean, and hardly moved by rounding."""

from __future__ import annotations

import numpy as np
from scipy.stats import poisson

from benchmark.tasks.density.counting import SUMMED_BELOW, poisson_quantiles


def _drawn(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    means = 10.0 ** generator.uniform(-6.0, 4.5, count)
    means[:4] = 0.0, SUMMED_BELOW, np.nextafter(SUMMED_BELOW, 0.0), 1e6
    return generator.random(count), means


def test_they_are_the_quantiles_of_scipy() -> None:
    shares, means = _drawn(4000)
    shares[4:8], means[4:8] = (0.0, 1e-15, 1.0 - 2.0**-53, 1.0 - 2.0**-53), (300.0, 300.0, 300.0, 3.0)
    found = poisson_quantiles(shares, means)
    assert (poisson.cdf(found, means) >= shares * (1.0 - 1e-12)).all()
    above = found > 0
    assert (poisson.cdf(found[above] - 1, means[above]) < shares[above] * (1.0 + 1e-12)).all()


def test_a_mean_rounded_otherwise_moves_few_counts_and_none_behind_it() -> None:
    shares, means = _drawn(20000)
    generator = np.random.default_rng(1)
    found = poisson_quantiles(shares, means)
    other = poisson_quantiles(shares, means * (1.0 + 1e-7 * generator.normal(size=len(means))))
    assert np.abs(found - other).max() <= 1 and (found != other).sum() < 20
    assert found.dtype == np.int64 and not poisson_quantiles(shares, np.zeros_like(means)).any()
