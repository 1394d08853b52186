"""Whether two sets of times differ by more than chance, and by what ratio.

Times of a set are its runs' times to train, infinite for a run that did not reach the target.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

ALPHA = 0.05
"""How often two sets of one system may be called different, over all comparisons that are made at once."""
EXACT = 20_000
"""Up to so many ways to deal the runs to the two sets all are counted; beyond, the normal approximation holds."""
RESAMPLES = 10_000
_SEED = 20231113  # fixed, so that a comparison is the same whoever computes it


def p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of Mann and Whitney's test: how often chance alone would deal the runs into two sets whose ranks lie
    as far apart. Exact, ties and runs without a time included, up to `EXACT` ways to deal them (scipy's exact test
    knows no ties); beyond, the normal approximation with its correction for ties (scipy.stats.mannwhitneyu).

    Raises ValueError where a set is empty.
    """
    import numpy as np
    from scipy.stats import mannwhitneyu, rankdata

    if not len(first) or not len(second):
        raise ValueError("a set without runs")
    count, total = len(first), len(first) + len(second)
    if math.comb(total, count) > EXACT:
        return float(mannwhitneyu(first, second, method="asymptotic").pvalue)
    ranks = 2 * rankdata([*first, *second])  # halves of ranks come of ties: twice them, all are whole
    expected = count * (total + 1)
    off = abs(ranks[:count].sum() - expected)
    return float(np.mean(np.abs(_deals(count, total) @ ranks - expected) >= off))


@functools.lru_cache(maxsize=8)
def _deals(count: int, total: int):
    """Every choice of `count` of `total` runs, a row each: 1 for a run that is chosen."""
    import numpy as np

    chosen = np.array(list(itertools.combinations(range(total), count)))
    deals = np.zeros((len(chosen), total))
    np.put_along_axis(deals, chosen, 1.0, axis=1)
    return deals


def least_p(first: int, second: int) -> float:
    """The least p that sets of so many runs can have without ties: of every run of one faster than all of the other."""
    return min(1.0, 2 / math.comb(first + second, first))


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for how many they are (Holm, Scandinavian Journal of Statistics 6, 65, 1979), in their order:
    the chance of even one wrong call among them stays below the level that they are held against."""
    corrected = [0.0] * len(values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        largest = max(largest, min(1.0, (len(values) - place) * values[index]))
        corrected[index] = largest
    return corrected


def ratio_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % interval of the ratio of the olympic means, second by first, by bootstrap; None below three runs a set.

    Runs of each set are drawn again `RESAMPLES` times with a fixed seed. The percentiles are those that make up for few
    runs (Hesterberg, The American Statistician 69, 371, 2015, section 3.3: the normal quantile becomes
    sqrt(n / (n - 1)) times that of Student's t with n - 1 degrees of freedom; n of the smaller set).
    """
    import numpy as np
    from scipy.stats import norm, t

    fewest = min(len(first), len(second))
    if fewest < 3:
        return None
    draw = np.random.default_rng(_SEED)

    def means(times: Sequence[float]):
        drawn = np.sort(draw.choice(np.asarray(times), size=(RESAMPLES, len(times))), axis=1)
        return drawn[:, 1:-1].mean(axis=1)

    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = means(second) / means(first)
    ratios = np.sort(ratios[~np.isnan(ratios)])  # NaN: neither set of runs had a mean
    if not len(ratios):
        return None
    tail = norm.cdf(-math.sqrt(fewest / (fewest - 1)) * t.ppf(1 - ALPHA / 2, fewest - 1))
    place = round(tail * len(ratios))
    return float(ratios[place]), float(ratios[-place - 1])
