"""How likely it is that honest times are as alike as those of a set."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from statistics import stdev

DOUBTFUL = 1e-6
"""A reader asks about what so few honest sets show by chance."""
STEPS = (2, 5, 10, 20, 25, 50, 100, 125, 200, 250, 500, 1000)
"""Milliseconds that times which somebody wrote are multiples of, or leave one digit at their end by."""
FEWEST, LARGEST = 3, 2**53


def of_one_length(count: int, deviation_ms: float, span_ms: int = 0) -> float:
    """The chance, at most, that `count` intervals which vary by `deviation_ms` (normal) lie within `span_ms`, as whole
    milliseconds, of both ends of each.

    An interval of T ms is logged as k where its start lies so within a millisecond: by a chance of 1 - |T - k|. The
    mean of min(1, c - |T|), c = 1 + span / 2, over a normal T is the integral of erf(u / (s sqrt 2)) from c - 1 to c.
    """
    width = deviation_ms * math.sqrt(2)

    def integral(u: float) -> float:
        return u * math.erf(u / width) + width / math.sqrt(math.pi) * math.exp(-((u / width) ** 2))

    most = 1 + span_ms / 2
    return (1 + span_ms) * min(1.0, integral(most) - integral(most - 1)) ** (count - 1)


def one_remainder(numbers: Sequence[int]) -> tuple[int, int, int] | None:
    """Where so many of these milliseconds leave one remainder by a step: the step, the remainder and how many, of what
    is least likely; None where chance does so. Steps are tried that the numbers vary by, so that each remainder is as
    likely as another; and each number counts once, since some waits are alike."""
    distinct = {each for each in numbers if abs(each) < LARGEST}
    spread, count = stdev(distinct) if len(distinct) >= FEWEST else 0.0, len(distinct)
    found = []
    for step in (each for each in STEPS if each <= spread):
        remainder, times = Counter(each % step for each in distinct).most_common(1)[0]
        tries = len(STEPS) * (step if remainder else 1)
        chance = tries * math.exp(-count * _divergence(times / count, 1 / step))  # Chernoff's bound of the tail
        found.append((chance, step, remainder, times))
    chance, step, remainder, times = min(found, default=(1.0, 1, 0, 0))
    return (step, remainder, times) if chance < DOUBTFUL else None


def _divergence(share: float, expected: float) -> float:
    """Kullback and Leibler's, of a share that is found from a smaller one; 0 for one that is not larger."""
    if share <= expected:
        return 0.0
    rest = (1 - share) * math.log((1 - share) / (1 - expected)) if share < 1 else 0.0
    return share * math.log(share / expected) + rest
