"""Numbers of a run that are sums of other runs', each times one number, and a constant: to their last digits."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from benchmark.validation.chance import FINE, LARGEST, least_step
from benchmark.validation.checks.likeness import closed_logs, learned_of
from benchmark.validation.checks.power import FEWEST_READINGS, power_folder, readings_of
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.intervals import epoch_seconds
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, ResultSet
from benchmark.validation.trace import LEARNED, LOSSES, RATES, recorded_at

if TYPE_CHECKING:
    import numpy as np

DOUBTFUL = 1e-6
"""The chance, of all sums that are tried of a set together, below which a reader asks."""
MOST_OTHERS, MOST_OF_RECORDED, MOST_RUNS, MOST_RECORDED, MOST_VALUES = 4, 2, 10, 10, 200
FEWEST_LEFT, FEWEST_UNRELATED = 3, 1
"""Values more than numbers that are fitted; and runs outside of a sum, by which it is known how alike runs are."""
ENOUGH = 5
"""Recorded runs of which none is a sum of the others."""
MOST_AGAIN = 0.8
"""The share of readings that are there more than once, from which on they may be few numbers."""
OF_LOSSES = 2e-7
"""By how little numbers differ that were computed of others: some have 24 bits."""


@check("R4.6", "R3.9", of=ResultSet, ours_alone=True)
def no_run_is_a_sum_of_others(results: ResultSet) -> Iterator[Fault]:
    """Losses, scores and lengths of epochs of a run, or their logarithms, are not a constant and those of up to four
    other runs of the set, or recorded ones, each times a number; nor are lengths another run's that begin elsewhere.

    Where no runs were recorded, or theirs are such sums, nobody knows that training leaves noise, and nothing is said.
    """
    logs = closed_logs(results)[:MOST_RUNS]
    known = recorded_at(logs[0])[:MOST_RECORDED] if logs else ()
    for kind in LEARNED if known else ():
        own = {log.path.name: curve for log in logs if (curve := learned_of(log).get(kind))}
        recorded = {
            f"recorded run {number}": list(curve.losses if kind == LOSSES else curve.values)
            for number, curve in enumerate(known)
        }
        if kind == RATES:
            yield from _told(results, own, {}, kind, OF_LOSSES)
            continue
        first = dict([*recorded.items()][:ENOUGH])
        if sum_of_others(first, {}, OF_LOSSES, 0.0) is None:  # batches drawn by chance leave noise
            others = {name: curve for name, curve in recorded.items() if curve not in own.values()}  # copies aside
            yield from _told(results, own, others, kind, OF_LOSSES)
    lengths = {log.path.name: [1000 * each for each in epoch_seconds(log).values()] for log in logs}
    yield from _told(results, lengths, {}, "the lengths of epochs", 0.0)


def _told(
    results: ResultSet,
    own: Mapping[str, Sequence[float]],
    others: Mapping[str, Sequence[float]],
    what: str,
    share: float,
) -> Iterator[Fault]:
    """The first run of which it is so. Values are exact to `share` of them, or to a millisecond where that is 0."""
    found = sum_of_others(own, others, share, 0.0 if share else 1.0, alike=not share)
    if found is not None:
        name, parts = found
        yield Fault(
            f"{what} of a run are made of those of others",
            file=f"{results.file}/{name}",
            found=f"a constant and those of {', '.join(parts)}, each times a number",
            expected="numbers that no others give",
            severity=Severity.WARNING,
        )


@check("R3.9", of=ResultSet, ours_alone=True)
def lengths_are_of_their_own_runs(results: ResultSet) -> Iterator[Fault]:
    """The epochs of a run do not last as long as another's in another order, where chance does so in fewer than one set
    in 1,000,000."""
    told = [
        (log, [round(1000 * each) for each in epoch_seconds(log).values()]) for log in closed_logs(results)[:MOST_RUNS]
    ]
    pairs = list(itertools.combinations(told, 2))
    for (log, one), (again, other) in pairs:
        alike = sorted(one) == sorted(other)
        if alike and len(pairs) * in_another_order(one, [each for _, each in told]) < DOUBTFUL:
            yield Fault(
                "the epochs of a run last as long as another's, in another order",
                file=again.file,
                found=f"{len(one)} lengths of {log.path.name}, to the millisecond",
                expected="lengths of its own",
                severity=Severity.WARNING,
            )
            return


def in_another_order(lengths: Sequence[int], runs: Sequence[Sequence[int]]) -> float:
    """The chance, at most, that as many lengths in ms are these in any of n! orders: normal ones that vary as the same
    epoch does between the runs, by the median of its epochs, of which none is likelier than 1 in 2.5 spreads."""
    import numpy as np

    width = min(map(len, runs))
    spread = float(np.median([_spread(np.array([run[at] for run in runs], float)) for at in range(width)] or [0.0]))
    place = 1 / max(1.0, math.sqrt(2 * math.pi) * spread)
    return math.exp(min(0.0, math.lgamma(len(lengths) + 1) + len(lengths) * math.log(place)))


@check("R5.6", of=ResultSet, ours_alone=True)
def no_power_is_a_sum_of_others(results: ResultSet) -> Iterator[Fault]:
    """The power readings of a run are not a constant and those of others, each times a number; and readings of a fine
    meter are not a few numbers again and again."""
    logs = results.read[:MOST_RUNS] if results.scaling == STRONG else []
    told = {log.path.name: (log, readings_of(log)) for log in logs}
    for node in sorted({node for _, nodes in told.values() for node in nodes}):
        runs = {
            name: list(nodes[node])[:MOST_VALUES]
            for name, (_, nodes) in told.items()
            if len(nodes.get(node, ())) >= FEWEST_READINGS and max(map(abs, nodes[node])) < LARGEST
        }
        if not runs:
            continue
        values = sorted({each for some in runs.values() for each in some})
        step = least_step(values)
        if not 0 < step <= FINE * values[-1]:
            continue  # what a coarse meter tells of one load is much alike
        found = sum_of_others(runs, {}, 0.0, step, logarithms=False)
        if found is not None:
            yield _of_a_meter(
                f"{power_folder(told[found[0]][0])}/{node}",
                "are made of other runs'",
                f"a constant and those of {', '.join(found[1])}, each times a number",
            )
        elif few_values([each for some in runs.values() for each, _ in itertools.groupby(some)], step) < DOUBTFUL:
            yield _of_a_meter(
                f"{power_folder(told[next(iter(runs))][0])}/{node}",
                "are a few numbers again and again",
                f"{len(values)} numbers in {sum(map(len, runs.values()))} readings, told to {step:g} W",
            )


def _of_a_meter(file: str, what: str, found: str) -> Fault:
    return Fault(
        f"the power readings {what}",
        file=file,
        found=found,
        expected="what a meter measured in this run",
        severity=Severity.WARNING,
    )


def few_values(values: Sequence[float], step: float) -> float:
    """The chance, at most, that values that a fine meter tells in steps are so few different ones, of those that are
    there more than once: of n draws from L places, all from some d, C(L, d) (d / L)^n. Each value has as many places to
    itself as the median of the steps to the next; 1 where many are there once, or a meter's steps are coarse."""
    times = {value: count for value, count in Counter(values).items() if count > 1}
    told, count = sorted(times), sum(times.values())
    if (
        count < max(FEWEST_READINGS, MOST_AGAIN * len(values))
        or len(told) < FEWEST_LEFT
        or not 0 < step <= FINE * told[-1]
    ):
        return 1.0
    places = len(told) * median(b - a for a, b in itertools.pairwise(told)) / step
    share = len(told) / max(places, len(told))
    return math.exp(min(0.0, len(told) * (1 - math.log(share)) + count * math.log(share)))


def sum_of_others(
    own: Mapping[str, Sequence[float]],
    others: Mapping[str, Sequence[float]],
    share: float,
    step: float,
    *,
    logarithms: bool = True,
    alike: bool = False,
) -> tuple[str, tuple[str, ...]] | None:
    """The first run, by name, whose values are a constant and those of up to four others, each times a number; and the
    names of these, of which more than two are the set's own. None where chance leaves so much in one set of a million.

    Values are exact to `share` of them and to half a `step`. What is left of n values when a constant and k factors are
    fitted is within a width w of nought by a chance of at most (2 w / r)^(n - k - 1), r their spread without the fit by
    the median, times the number of sums tried. Where runs are `alike`, as the same work takes about as long in all, r
    is the spread that is left when one run outside of the sum is fitted, by the median of these. Nothing is asked of
    the `others` themselves. A single run is also tried from each place on, its end before its beginning.
    """
    import numpy as np

    curves = {**others, **own}
    for logarithm in (False, True) if logarithms else (False,):
        table = {}
        for name, curve in curves.items():
            values = np.array(curve[:MOST_VALUES], float)
            if len(values) and np.isfinite(values).all() and abs(values).max() < LARGEST:
                if not logarithm or values.min() > 0:
                    table[name] = np.log(values) if logarithm else values
        tried = [
            (name, parts)
            for name in own
            if name in table
            for count in range(1, MOST_OTHERS + 1)
            for parts in itertools.combinations(
                [each for each in table if each != name and (each in own or count <= MOST_OF_RECORDED)], count
            )
        ]
        for name, parts in tried:
            told, rows = _beside(table, name, parts)
            freedom = len(told) - len(parts) - 1
            if freedom < FEWEST_LEFT:
                continue
            exact = share if logarithm else share * float(abs(told).max())
            exact += step / float(np.exp(told.min())) if logarithm else step
            shifts = range(len(told)) if len(parts) == 1 and step else (0,)
            for shift in shifts:
                left, factors = _left(told, np.roll(rows, -shift, axis=1))
                near = exact * (1 + float(np.abs(factors).sum()))
                if np.abs(left).max() > near:
                    continue
                rest = [_left(*_beside(table, name, (each,)))[0] for each in table if each not in (name, *parts)]
                if alike and len(rest) < FEWEST_UNRELATED:
                    continue
                spread = median(map(_spread, rest)) if alike else _spread(told)
                if spread > 0 and 2 * len(tried) * len(shifts) * min(1.0, 2 * near / spread) ** freedom < DOUBTFUL:
                    return name, parts
    return None


def _beside(table: Mapping[str, np.ndarray], name: str, parts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The values of a run, and those of others as rows, as many as all have."""
    import numpy as np

    width = min(len(table[each]) for each in (name, *parts))
    return table[name][:width], np.stack([table[each][:width] for each in parts])


def _left(told: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a constant and the best factors of the rows leave, and these factors."""
    import numpy as np

    told, rows = told - told.mean(), rows - rows.mean(axis=1, keepdims=True)
    factors = np.linalg.lstsq(rows.T, told, rcond=None)[0]
    return told - factors @ rows, factors


def _spread(values: np.ndarray) -> float:
    """The standard deviation of normal values by their median distance from the median, which few far ones leave."""
    import numpy as np

    return float(1.4826 * np.median(np.abs(values - np.median(values))))
