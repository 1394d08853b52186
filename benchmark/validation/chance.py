"""How likely it is that honest times and readings are as alike as those of a set."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from operator import eq
from statistics import fmean, stdev

DOUBTFUL = 1e-6
"""A reader asks about what so few honest sets show by chance."""
STEPS = (2, 5, 10, 20, 25, 50, 100, 125, 200, 250, 500, 1000)
"""Milliseconds that times which somebody wrote are multiples of, or leave one digit at their end by."""
FEWEST, FEWEST_IN_A_ROW, LARGEST = 3, 8, 2**53
MANY_PAIRS, COARSE = 20, 0.1
"""Pairs of like readings from which on it is known what follows them; and the share of like ones in coarse readings."""
FINE, MANY_VALUES = 5e-4, 50
"""Steps of a meter, as a share of what it reads, below which no node draws one number again and again; and how many
values make a sum of squares nearly normal."""


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


def all_one_way(values: Sequence[float]) -> float:
    """The chance that as many values as these, one after another, only rise or only fall: 2 / n!; those that are as
    large as the one before are not counted."""
    changes = _changes(values)
    rising = {b > a for a, b in itertools.pairwise(changes)}
    return min(1.0, 2 / math.factorial(min(len(changes), 100))) if len(rising) == 1 else 1.0


def in_turn(values: Sequence[float]) -> tuple[float, int]:
    """The chance, at most, that values come in turn as these do, and after how many the first comes again; 1 for values
    that are not in turn, or all one."""
    count = len(values)
    period = next((p for p in range(2, count // 2 + 1) if all(map(eq, values[p:], values))), 0)
    if not period or len(set(values)) == 1:
        return 1.0, 0
    return min(1.0, (count // 2) * _as_often_alike(values) ** (count - period)), period


def all_together(chances: Sequence[float]) -> float:
    """The chance of a product of chances as small as this one (Fisher 1925): c times the sum of (-ln c)^k / k!."""
    logarithm = min(-sum(math.log(max(each, 1e-300)) for each in chances), 600.0)
    return math.exp(-logarithm) * sum(logarithm**k / math.factorial(k) for k in range(min(len(chances), 50)))


def share_a_stretch(one: Sequence[float], other: Sequence[float]) -> int:
    """How many values of two series follow each other in both, in the same order or backwards, where chance lets so
    many do so less often than `DOUBTFUL`; else 0. Values of a series, and values after the same one, are as often alike
    as they are in it; and twice as many are asked of coarse ones, since a load that comes and goes repeats more."""
    if min(len(one), len(other)) < FEWEST:
        return 0
    after = max(map(_alike_after_the_same, (one, other)))
    alike = max(after, *map(_as_often_alike, (one, other)))
    if alike >= 1:
        return 0
    length = math.log(DOUBTFUL / (2 * len(one) * len(other))) / math.log(alike)
    length = max(FEWEST_IN_A_ROW, math.ceil(length * (2 if after > COARSE else 1)))
    stretches = {tuple(one[place : place + length]) for place in range(len(one) - length + 1)}
    both_ways = (
        each[place : place + length] for each in (other, other[::-1]) for place in range(len(other) - length + 1)
    )
    return length if any(tuple(each) in stretches for each in both_ways) else 0


def most_at_the_top(series: Sequence[Sequence[float]], step: float) -> float:
    """The chance, at most, that so many values of each series are its largest, where any other value is there no more
    often than the most frequent; 1 for coarse ones. Of values that are said again and again each counts once."""
    below = [[value for value in each if value < max(each)] for each in series]
    rest = [value for each in below for value in each]
    if not rest or step > FINE * max(rest) or _as_often_alike(rest) > COARSE:
        return 1.0
    again = len(rest) / sum(len(_changes(each)) for each in below)
    share = (1 + Counter(rest).most_common(1)[0][1]) / (len(rest) + 1)
    chances = []
    for each in series:
        count, others = each.count(max(each)) / again - 1, len(each) / again - 1
        told = count > 0 and others > 0
        chances.append(math.exp(-others * _divergence(count / others, share)) if told else 1.0)  # Chernoff's bound
    return all_together(chances)


def opposite_ranks(one: Sequence[float], other: Sequence[float]) -> float:
    """The chance that high values of one stand so often with low ones of the other (Spearman 1904, normal)."""
    a, b = map(_ranks, (one, other))
    length = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    share = sum(x * y for x, y in zip(a, b, strict=True)) / length if length else 0.0
    return 0.5 * math.erfc(-share * math.sqrt((len(one) - 1) / 2)) if share < 0 else 1.0


def _ranks(values: Sequence[float]) -> list[float]:
    """Twice their ranks, from the mean; like values have one."""
    in_order = sorted(values)
    return [bisect_left(in_order, value) + bisect_right(in_order, value) - len(values) for value in values]


def same_in_any_order(one: Sequence[float], other: Sequence[float], alike: float) -> float:
    """The chance, at most, that so many values of one are in the other too, each once, where a share `alike` of pairs
    are; or that each of many values is so nearly as often in one as in the other."""
    from scipy.special import chdtr

    counts, others = Counter(one), Counter(other)
    shared, expected = (counts & others).total(), len(one) * len(other) * alike
    many = math.exp(shared - expected - shared * math.log(shared / expected)) if shared > expected > 0 else 1.0
    values, share = counts.keys() | others.keys(), math.sqrt(len(other) / len(one))
    apart = sum((counts[each] * share - others[each] / share) ** 2 / (counts[each] + others[each]) for each in values)
    return min(many, float(chdtr(len(values) - 1, apart))) if len(values) > MANY_VALUES else many


def pairs_alike(series: Sequence[Sequence[float]]) -> float:
    """The share of pairs of values within a series that are alike, and of one pair more; at least two of as many as the
    values that lie, a step apart, between the least and the largest, since those of a slow rise are each there once."""
    alike = sum(times * (times - 1) // 2 for each in series for times in Counter(each).values())
    told = sorted({value for each in series for value in each})
    least = 2 * least_step(told) / (told[-1] - told[0]) if len(told) > 1 else 1.0
    return max(least, (1 + alike) / (1 + sum(math.comb(len(each), 2) for each in series)))


def least_step(told: Sequence[float]) -> float:
    """The largest step that all of these are apart by, to 1 in 1,000,000; 0 for a single one."""
    return math.gcd(*(round((each - told[0]) * 1e6) for each in told[:1000] if abs(each - told[0]) < LARGEST)) / 1e6


def follow_from_two(values: Sequence[float], step: float) -> float:
    """The chance, at most, that each value follows from the two before it, by one factor of each and a constant, as
    values on a sine, a line or a geometric series do, to the step of the readings: each may be off by as much as it
    differs from the one before. Those that differ most, three, are what the factors were taken from."""
    import numpy as np

    if len(values) < FEWEST_IN_A_ROW:
        return 1.0
    told = np.array(values, float) - fmean(values)
    before = np.stack([told[1:-1], told[:-2], np.ones(len(told) - 2)], axis=1)
    factors = np.linalg.lstsq(before, told[2:], rcond=None)[0]
    width = 0.6 * step * (1 + float(np.abs(factors[:2]).sum()))  # half a step of each, and of what the fit is off by
    if np.any(np.abs(told[2:] - before @ factors) > width):
        return 1.0
    moves = np.sort(np.abs(np.diff(told)[1:]))[:-3]
    return float(np.prod(np.minimum(1.0, 2 * width / np.maximum(moves, width))))


def _alike_after_the_same(values: Sequence[float]) -> float:
    """The share of pairs of like steps, or of pairs of like values, where these are many, that like ones follow."""
    steps = [round(b - a, 9) for a, b in itertools.pairwise(values)]
    pairs, both = (
        sum(times * (times - 1) for times in Counter(each).values())
        for each in (values[:-1], list(itertools.pairwise(values)))
    )
    return max(_as_often_alike(steps), both / pairs if pairs >= MANY_PAIRS else 0.0)


def _changes(values: Sequence[float]) -> list[float]:
    return [value for value, _ in itertools.groupby(values)]


def _as_often_alike(values: Sequence[float]) -> float:
    """The share of pairs of these values that are alike, at least one of as many as there are."""
    count = len(values)
    pairs = sum(times * (times - 1) for times in Counter(values).values())
    return max(pairs / (count * (count - 1)), 1 / count) if count > 1 else 1.0
