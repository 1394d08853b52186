"""The statistics of a score: the mean without the extremes, which window of runs counts, how far chance moves it."""

from __future__ import annotations

import random
from collections.abc import Sequence

CONFIDENCE = 0.95
RESAMPLES = 2000
_SEED = 20231113  # fixed, so that a score is the same whoever computes it


def olympic_mean(values: Sequence[float], missing: int = 0) -> float | None:
    """The mean without the fastest and the slowest (MLPerf training rules, section 12).

    `missing` runs did not converge: one stands for the slowest, more make it None, as do too few runs. The order of the
    additions is that of mlperf-logging's result_summarizer (`_compute_olympic_average`): the same bits come out.
    """
    kept = sorted(values)[1 : len(values) - 1 + missing]
    if missing > 1 or not kept:
        return None
    total = 0.0
    for value in kept:  # not sum(), which rounds differently from Python 3.12 on
        total += value
    return total / len(kept)


def median_window(values: Sequence[float | None], runs: int) -> range | None:
    """Which `runs` consecutive runs count where more were made: those whose olympic mean is the median of all such
    windows (MLPerf training rules, section 12.1). `values` are in the order of time, None for a run that did not
    converge; a window without a mean is slower than any. Of an even number of windows it is the slower middle one.

    Returns the positions, or None where there are fewer runs.
    """
    scored = []
    for start in range(len(values) - runs + 1):
        window = values[start : start + runs]
        mean = olympic_mean([value for value in window if value is not None], window.count(None))
        scored.append((mean is None, mean or 0.0, start))
    if not scored:
        return None
    _, _, start = sorted(scored)[len(scored) // 2]
    return range(start, start + runs)


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The percentile interval (95 %) of the olympic mean over 2,000 resamples of the runs, with a fixed seed; None
    below three runs. Five runs tell little of the tails: it is too narrow rather than too wide (Efron & Tibshirani,
    An Introduction to the Bootstrap, chapters 13 and 14)."""
    if len(values) < 3:
        return None
    draw = random.Random(_SEED)
    means = sorted(olympic_mean(draw.choices(values, k=len(values))) or 0.0 for _ in range(RESAMPLES))
    tail = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return means[tail], means[-tail - 1]
