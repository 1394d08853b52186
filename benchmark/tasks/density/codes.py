"""What golden figures of this task are of: the counted electrons and the targets of a sample, as whole numbers that
hardly ever differ between processors.

A scan holds some 10^7 electrons, so that rounding moves single counts in most samples. It hardly moves their square
roots in whole steps, which are as wide as counting noise: a pattern that has the same ones is the same but for noise.
Targets are proven as well, since a smoother density would be easier to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.golden import BRIGHT, STRIPS
from benchmark.data.storage import FLOAT16_SCALE

PATTERNS = 3
"""Golden figures are of as many patterns, of `STRIPS` strips each."""
RELATIVE_ACCURACY = 2.0**-11
"""The relative accuracy of float16, in which scans are stored and taken here."""
FIRST = 1
"""The square root of no electron: from here on rounding may move a value by a step. In every fifth specimen of
density_mini other kernels count an electron where these count none, or the other way about."""
TARGET_STEP, LIFTED = 1.0 / 64.0, 1024
"""Targets count in such steps of their unit, from so many on: none is a number that rounding may not move."""


def codes(scan: NDArray[Any], targets: Iterable[NDArray[Any]], electrons: float) -> NDArray[np.int64] | None:
    """(3, 4, n) of a scan (s, s, p, p), with so many electrons at each position, and of its targets, filled up with
    zeros. A strip has counts of its own part of the scan, and numbers from all over the targets: another picture shows
    in every strip. The square roots are Anscombe's (1948, Biometrika 35, 246), which one count changes by one step at
    most. None where the scan does not hold shares of whole electrons, or something is not finite."""
    shares = scan.astype(np.float32).ravel()
    others = [np.asarray(target, dtype=np.float64).ravel() for target in targets]
    if not all(np.isfinite(each).all() for each in (shares, *others)) or shares.min() < 0.0 or shares.max() > 1.0:
        return None
    shares = (shares * np.float32(FLOAT16_SCALE)).astype(np.float16).astype(np.float64) / FLOAT16_SCALE
    counts = np.rint(shares * electrons)
    if (np.abs(counts / electrons - shares) > RELATIVE_ACCURACY * shares).any():
        return None
    roots = _filled(np.rint(2.0 * np.sqrt(counts + 0.375)) + BRIGHT - FIRST).reshape(PATTERNS * STRIPS, -1)
    steps = _filled(np.rint(np.concatenate(others) / TARGET_STEP) + LIFTED).reshape(-1, PATTERNS * STRIPS)
    return np.concatenate([roots, steps.T], axis=1).reshape(PATTERNS, STRIPS, -1)


def _filled(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """The counts with zeros behind, as many as make it a multiple of all strips."""
    filled = np.zeros(-(-len(numbers) // (PATTERNS * STRIPS)) * PATTERNS * STRIPS, dtype=np.int64)
    filled[: len(numbers)] = numbers
    return filled
