"""Two runs of a set whose times are one run's: turned round and stretched, or by what two clocks differ."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from statistics import fmean, median

from benchmark.validation.checks.likeness import FEWEST_RUNS, closed_logs
from benchmark.validation.checks.together import MOST_EPOCHS, MS, Told, told_runs
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.intervals import paces
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, Log, ResultSet

DOUBTFUL = 1e-6
"""The chance, of all pairs of a set together, below which a reader asks."""
SAME_MS, OF_A_MS = 1e-5, 1.0
"""By how little two clocks' differences in a run are another run's, and the width in which they lie: that of the log's
milliseconds."""
EPOCHS, EVALUATIONS = 1, 2
"""The places of these among the kinds of what a run told."""
Pair = tuple[int, int]


@check("R3.9", of=ResultSet, ours_alone=True)
def lengths_are_not_anothers_times_a_factor(results: ResultSet) -> Iterator[Fault]:
    """The epochs and the evaluations of a run do not last, in any order, as long as another's times a factor."""
    runs = told_runs(results) if results.scaling == STRONG else []  # instances of one machine wait for each other
    found = in_any_order(runs) if len(runs) >= FEWEST_RUNS else None
    if found is not None:
        chance, (one, other) = found
        yield Fault(
            "the epochs and evaluations of a run are another's in another order, times a factor",
            file=runs[other].log.file,
            found=f"those of {runs[one].log.path.name}, by a chance of {chance:.0e}",
            expected="lengths of its own",
            severity=Severity.WARNING,
        )


def in_any_order(runs: Sequence[Told]) -> tuple[float, Pair] | None:
    """The two runs whose lengths, sorted, have one ratio, of epochs and of evaluations, to a millisecond; with the
    chance. None where none do: of n lengths that a factor is fitted to, n - 1 are within w of nought by a chance of at
    most 2 w / r, r what is left by the median of the pairs that share no run with them."""
    pairs = list(itertools.combinations(range(len(runs)), 2))
    chances = dict.fromkeys(pairs, float(len(pairs)))
    for kind in (EPOCHS, EVALUATIONS):
        lengths = [sorted(run.kinds(MOST_EPOCHS)[kind]) for run in runs]
        left = {(a, b): _left(lengths[a], lengths[b]) for a, b in pairs if len(lengths[a]) == len(lengths[b])}
        for pair in pairs:
            rest = [median(each) for other, each in left.items() if not {*other} & {*pair}]
            exact = pair in left and max(left[pair]) <= MS / lengths[pair[0]][0] and rest and median(rest) > 0
            width = max(max(left[pair]), MS / 2 / lengths[pair[0]][0]) if exact else math.inf
            chances[pair] *= min(1.0, 2 * width / median(rest)) ** (len(left[pair]) - 1) if exact else math.inf
    chance, pair = min((chance, pair) for pair, chance in chances.items())
    return (chance, pair) if chance < DOUBTFUL else None


def _left(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """What a factor leaves of the logarithms of the ratios."""
    ratios = [math.log(a / b) for a, b in zip(one, other, strict=True)]
    return [abs(each - fmean(ratios)) for each in ratios]


@check("R3.9", of=ResultSet, ours_alone=True)
def clocks_differ_by_themselves(results: ResultSet) -> Iterator[Fault]:
    """By what the trainer's clock has more than the log's after each epoch, no run has another's: where the
    milliseconds of a log begin is chance."""
    told = [(log, differ) for log in closed_logs(results) if (differ := clock_differences_ms(log)[:MOST_EPOCHS])]
    pairs = list(itertools.combinations(told, 2))
    for (one, differ), (log, others) in pairs:
        expected = len(differ) * len(others) * 2 * SAME_MS / OF_A_MS
        same = sum(any(abs(a - b) <= SAME_MS for b in others) for a in differ)
        if same and len(pairs) * expected**same / math.factorial(min(same, 100)) < DOUBTFUL:
            yield Fault(
                "the trainer's clock differs from the log's by what it does in another run",
                file=log.file,
                found=f"{same} differences of {one.path.name}, to {SAME_MS:g} ms",
                expected="differences of its own",
                severity=Severity.WARNING,
            )
            return


def clock_differences_ms(log: Log) -> list[float]:
    """The milliseconds of each epoch by its samples/s, less those between its start and its stop."""
    told = [told for _, told in paces(log) if told is not None]
    return [1000 * (samples / rate - length) for samples, rate, length in told if rate]
