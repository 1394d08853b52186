"""Whether runs of a batch size that lies between two recorded ones learn as much as runs of these two."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from statistics import fmean, stdev

from benchmark.events import keys
from benchmark.validation.checks.likeness import closed_logs, learned_of
from benchmark.validation.checks.plausible import settings_as_recorded
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet, as_count
from benchmark.validation.trace import LOSSES, METRIC

First = tuple[int, list[float]]
"""A batch size, and the losses, or scores, of the first epoch of the runs that were recorded at it."""

FEWEST_RECORDED = 3
"""Runs at a batch size by which their spread is known."""
OF_THE_SPREAD, ERRORS = 2.5, 3.0
"""Standard deviations of one run, and of a mean of so many runs, by which their mean may be off the line between the
neighbours: other processors round otherwise, no line is the curve itself, and between neighbours single runs were seen
to lie about three off it."""
BEYOND = 1.2
"""How many times the largest recorded size, or the smallest one by it, the line of the two next to it still holds."""
BEND = 0.25
"""The share of the way between the neighbours by which it may lie below, besides: the loss rises more steeply towards
the larger. The mean of measured runs of batch size 48 lay a seventh of the way below."""


@check("R3.11", of=ResultSet, ours_alone=True)
def runs_learn_as_between_neighbours(results: ResultSet) -> Iterator[Fault]:
    """The mean loss and score of the first epoch, which the number of steps decides, lie between those of runs recorded
    at the next smaller and the next larger batch size, as the logarithm of the batch size does; a little beyond all of
    them, on the line of the two that are nearest."""
    logs = closed_logs(results)
    batches = {as_count(log.value(keys.GLOBAL_BATCH_SIZE)) for log in logs}
    batch = batches.pop() if len(batches) == 1 else None
    curves = results.standard.curves if results.standard is not None else ()
    if not batch or not all(map(settings_as_recorded, logs)):
        return
    for kind in (LOSSES, METRIC):
        first = [values[0] for log in logs if (values := learned_of(log).get(kind))]
        told = [(each.global_batch_size, (each.losses if kind == LOSSES else each.values)[0]) for each in curves]
        known = neighbours(told, batch) if first else None
        if known is None:
            continue
        low, high = between(*known, batch, len(first))
        if not low <= fmean(first) <= high:
            yield Fault(
                f"{kind} after epoch 1 are not those of batch size {batch}",
                file=logs[0].file,
                expected=f"{low:.3f} to {high:.3f} in the mean, by recorded runs of {known[0][0]} and {known[1][0]}",
                found=f"{fmean(first):.4f}",
                severity=Severity.WARNING,
                hint="a run of another batch size, or of other settings",
            )
            return


def neighbours(told: Sequence[tuple[int, float]], batch: int) -> tuple[First, First] | None:
    """The next smaller and the next larger batch size that have runs enough, or the two nearest where a size lies just
    beyond all; None where a batch size has recorded runs itself, or lies farther beyond. `told` has the batch size and
    the value of each recorded run."""
    first: dict[int, list[float]] = {}
    for size, value in sorted(told):
        first.setdefault(size, []).append(value)
    enough = [each for each in first.items() if len(each[1]) >= FEWEST_RECORDED]
    if batch in first or len(enough) < 2:
        return None
    if enough[0][0] / BEYOND <= batch < enough[0][0]:
        return enough[0], enough[1]
    if enough[-1][0] < batch <= enough[-1][0] * BEYOND:
        return enough[-2], enough[-1]
    return next((pair for pair in itertools.pairwise(enough) if pair[0][0] < batch < pair[1][0]), None)


def between(less: First, more: First, batch: int, runs: int) -> tuple[float, float]:
    """The least and the greatest mean of the first epoch's loss, or score, that so many runs may have."""
    (small, smaller), (large, larger) = less, more
    apart = fmean(larger) - fmean(smaller)
    line = fmean(smaller) + math.log(batch / small) / math.log(large / small) * apart
    spreads = stdev(smaller), stdev(larger)
    spread = max(spreads) if small < batch < large else math.hypot(*spreads) / math.sqrt(2)
    margin = spread * (OF_THE_SPREAD + ERRORS / math.sqrt(runs))
    bend = BEND * abs(apart)
    return line - margin - bend, line + margin + (bend if apart < 0 else 0.0)
