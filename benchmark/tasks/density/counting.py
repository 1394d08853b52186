"""Counting by Poisson's law with one random number for each pixel.

numpy's own generator takes as many numbers as it needs, so that a mean that another processor rounds otherwise may give
all pixels behind it other numbers. Here it moves a single count, and seldom: quantiles are continuous in the mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SUMMED_BELOW = 12.0
"""Means below this have their probabilities added up one by one."""


def poisson_quantiles(shares: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n,) the least k of which Poisson's law with that mean gives at least that share, from 0 to below 1, to 0..k."""
    found = np.zeros(len(means), dtype=np.int64)
    small = means < SUMMED_BELOW
    found[small] = _summed(shares[small], means[small])
    found[~small] = _searched(shares[~small], means[~small])
    return found


def _summed(shares: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.int64]:
    found = np.zeros(len(means), dtype=np.int64)
    term = np.exp(-means)
    total, left, k = term.copy(), np.arange(len(means)), 0
    while len(left := left[beyond := total < shares[left]]):
        k += 1
        term = term[beyond] * means[left] / k
        found[left] = k
        total = total[beyond] + term
        if not term.any():  # shares closer to 1 than probabilities add up to
            break
    return found


def _searched(shares: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.int64]:
    """Goes from the quantile of a normal law with the same skewness (Cornish & Fisher 1938) up or down to the right
    one."""
    from scipy.special import ndtri, pdtr

    z = ndtri(np.clip(shares, 1e-300, 1.0 - 1e-16))
    found = np.maximum(np.rint(means + np.sqrt(means) * z + (z**2 - 1.0) / 6.0), 0.0)
    left = np.flatnonzero(pdtr(found, means) < shares)
    while len(left):
        found[left] += 1.0
        left = left[pdtr(found[left], means[left]) < shares[left]]
    left = np.flatnonzero((found > 0.0) & (pdtr(found - 1.0, means) >= shares))
    while len(left):
        found[left] -= 1.0
        left = left[(found[left] > 0.0) & (pdtr(found[left] - 1.0, means[left]) >= shares[left])]
    return found.astype(np.int64)
