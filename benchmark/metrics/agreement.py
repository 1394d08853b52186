"""How well two runs agree, and by what chance honest runs agree so well.

Two runs of other seeds differ in each value by something like the others' differences; a copy with other digits does
not. Of one value, the chance of a difference d or a smaller one is at most d by the spread, since the density of the
difference of two such values is highest at 0. Over several values the chances are joined by Fisher's method: the
product x of n of them is as small as it is, or smaller, by the chance x * sum_{i<n} (-ln x)^i / i! (Fisher 1932,
section 21.1; the tail of a chi-square distribution of 2n degrees).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    Values = np.ndarray

SPREAD_BY_MEDIAN = 1.858
"""The spread of normal values by the median of the differences between two of them: of a standard deviation s the
density of the difference is 1 / (s sqrt(pi)) at 0, which makes the spread s sqrt(pi), and the median is
0.6745 sqrt(2) s."""
LEAST_CHANCE = 1e-4
"""The lowest chance that one value counts with, even where two runs agree in it exactly: one value never decides."""
OWN_TO_RECORDED = 1 / 20
"""Runs whose values lie nearer to each other than this share of recorded runs' are held to the recorded runs."""
NEIGHBOURS = 200
"""Runs to both sides, in the order of a value, that a run is compared with: a copy lies near in every value."""


def chance_of(shares: Values) -> Values:
    """That independent chances have products as small as these, by Fisher's method.

    Parameters
    ----------
    shares : (pairs, values), each from 0 to 1; NaN for a value that says nothing.

    Returns
    -------
    (pairs,), each from 0 to 1; 1 for a pair of which no value says anything.
    """
    import numpy as np
    from scipy.special import gammaincc

    counts = np.count_nonzero(np.isfinite(shares), axis=1)
    logs = -np.log(np.clip(np.nan_to_num(shares, nan=1.0), LEAST_CHANCE, 1.0)).sum(axis=1)
    return np.where(counts > 0, gammaincc(np.maximum(counts, 1), logs), 1.0)


def spread_of(values: Values) -> Values:
    """What differences in each value are held to: from the median difference between two of the runs, which neither a
    copy nor a run far apart moves.

    Parameters
    ----------
    values : (runs, values), NaN for what a run does not have.

    Returns
    -------
    (values,), NaN where half of the pairs are the same or there is no pair.
    """
    import numpy as np

    steps = range(1, min(len(values), NEIGHBOURS))
    differences = np.concatenate([np.abs(values[step:] - values[:-step]) for step in steps] or [values[:0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a value that no two runs have
        spread = SPREAD_BY_MEDIAN * np.nanmedian(differences, axis=0)
    return np.where(spread > 0, spread, np.nan)


def held_to(own: Values, recorded: Values) -> Values:
    """The runs' own spread; that of recorded runs where the own is far below it, as of a set that is all copies."""
    import numpy as np

    width = min(len(own), len(recorded))
    spread = own.copy()
    nearer = ~(own[:width] >= OWN_TO_RECORDED * recorded[:width]) & np.isfinite(recorded[:width])
    spread[:width][nearer] = recorded[:width][nearer]
    return spread


def near_pairs(values: Values) -> tuple[Values, Values]:
    """Pairs of runs that lie near in the first value: all, of up to `NEIGHBOURS` runs. Two index arrays."""
    import numpy as np

    order = np.argsort(values[:, 0], kind="stable")
    steps = range(1, min(len(order), NEIGHBOURS))
    firsts = [order[:-step] for step in steps]
    seconds = [order[step:] for step in steps]
    return np.concatenate(firsts), np.concatenate(seconds)


def decimals_of(values: Sequence[float | None]) -> float:
    """The step in which values are written: one of the last decimal that any of them has."""
    texts = [repr(float(value)) for value in values if value is not None]
    if not texts or any("e" in text for text in texts):
        return 0.0
    return float(10.0 ** -max(len(text.partition(".")[2]) for text in texts))
