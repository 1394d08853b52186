"""How far the times of a run set lie apart, and when too far for their mean to tell much (R4.13)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

MOST_SPREAD = 0.2
"""The most spread of a set's times, as coefficient of variation. The reference's own runs vary by 2 % to 15 % (in the
epochs that they need); at 20 %, chance alone moves a mean of five by 9 % (one standard error), as much as systems
differ by."""
OUTLYING = 3.5
"""Deviations from the median from which a run stands out of its set (Iglewicz and Hoaglin, How to Detect and Handle
Outliers, 1993)."""
_LEAST_DEVIATION, _MAD_TO_DEVIATION = 0.01, 1.4826
"""The least deviation, as a share of the median: sets whose runs are nearly alike have no outlier for that. The
standard deviation of normal values is 1.4826 times the median distance from the median."""
FEWEST_RUNS = 3
"""Two runs differ by as much where one needs an epoch more, so two say nothing."""


def coefficient_of_variation(values: Sequence[float]) -> float | None:
    """Sample standard deviation by mean, over all runs; None below two runs or where the mean is 0."""
    mean = statistics.fmean(values) if values else 0.0
    return statistics.stdev(values) / mean if len(values) > 1 and mean else None


def outlying(values: Sequence[float]) -> dict[int, float]:
    """The places of the positive values that stand out of their set, and how many deviations each is from the median.

    A deviation is that of normal values with the set's median distance from its median, which one or two outliers of
    five do not move, and at least 1 % of the median. None stand out of fewer than three.
    """
    if len(values) < FEWEST_RUNS:
        return {}
    median = statistics.median(values)
    apart = [value - median for value in values]
    deviation = max(_MAD_TO_DEVIATION * statistics.median(map(abs, apart)), _LEAST_DEVIATION * median)
    return {place: each / deviation for place, each in enumerate(apart) if abs(each) > OUTLYING * deviation}


def too_far_apart(times: Sequence[float], epochs: Sequence[float]) -> str | None:
    """What to warn of where the runs of a set, by their times to train and the epochs that they needed, vary by more
    than `MOST_SPREAD`; None where they do not, or are too few. It says whether the machine or the training varies."""
    spread = coefficient_of_variation(times)
    if len(times) < FEWEST_RUNS or spread is None or spread <= MOST_SPREAD:
        return None
    text = f"the times of the runs vary by {spread:.0%} (CV), more than {MOST_SPREAD:.0%} (R4.13)"
    if len(epochs) != len(times) or not all(0 < count < math.inf for count in epochs):
        return text
    of_epochs = coefficient_of_variation(epochs) or 0.0
    of_pace = coefficient_of_variation([time / count for time, count in zip(times, epochs, strict=True)]) or 0.0
    return f"{text}: seconds per epoch by {of_pace:.0%}, epochs by {of_epochs:.0%}"
