"""Whether runs of a batch size that lies between two recorded ones learn as much as runs of these two."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from statistics import fmean, stdev

from benchmark.definition.curves import Curve
from benchmark.events import keys
from benchmark.validation.checks.likeness import closed_logs, learned_of
from benchmark.validation.checks.plausible import settings_as_recorded
from benchmark.validation.copies import LOSSES
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet, as_count

Losses = tuple[int, list[float]]
"""A batch size, and the losses of the first epoch of the runs that were recorded at it."""

FEWEST_RECORDED = 3
"""Runs at a batch size by which their spread is known."""
OF_THE_SPREAD, ERRORS = 2.5, 3.0
"""Standard deviations of one run, and of a mean of so many runs, by which their mean may be off the line between the
neighbours: other processors round otherwise, no line is the curve itself, and between neighbours single runs were seen
to lie about three off it."""
BEND = 0.25
"""The share of the way between the neighbours by which it may lie below, besides: the loss rises more steeply towards
the larger. The mean of measured runs of batch size 48 lay a seventh of the way below."""


@check("R3.11", of=ResultSet, ours_alone=True)
def runs_learn_as_between_neighbours(results: ResultSet) -> Iterator[Fault]:
    """The mean loss of the first epoch, which the number of steps decides, lies between those of runs recorded at the
    next smaller and the next larger batch size, as the logarithm of the batch size does."""
    logs = closed_logs(results)
    batches = {as_count(log.value(keys.GLOBAL_BATCH_SIZE)) for log in logs}
    batch = batches.pop() if len(batches) == 1 else None
    first = [losses[0] for log in logs if (losses := learned_of(log).get(LOSSES))]
    curves = results.standard.curves if results.standard is not None else ()
    known = neighbours(curves, batch) if batch and first and all(map(settings_as_recorded, logs)) else None
    if not batch or known is None:
        return
    low, high = between(*known, batch, len(first))
    if not low <= sum(first) / len(first) <= high:
        yield Fault(
            f"{LOSSES} after epoch 1 are not those of batch size {batch}",
            file=logs[0].file,
            expected=f"{low:.3f} to {high:.3f} in the mean, between recorded runs of {known[0][0]} and {known[1][0]}",
            found=f"{sum(first) / len(first):.4f}",
            severity=Severity.WARNING,
            hint="a run of another batch size, or of other settings",
        )


def neighbours(curves: tuple[Curve, ...], batch: int) -> tuple[Losses, Losses] | None:
    """The next smaller and the next larger batch size that have runs enough; None where a batch size has recorded runs
    itself, or lies beyond all."""
    first: dict[int, list[float]] = {}
    for curve in sorted(curves, key=lambda each: each.global_batch_size):
        first.setdefault(curve.global_batch_size, []).append(curve.losses[0])
    enough = [each for each in first.items() if len(each[1]) >= FEWEST_RECORDED]
    around = (pair for pair in itertools.pairwise(enough) if pair[0][0] < batch < pair[1][0])
    return next(around, None) if batch not in first else None


def between(less: Losses, more: Losses, batch: int, runs: int) -> tuple[float, float]:
    """The least and the greatest mean of the first epoch's loss that so many runs may have."""
    (small, smaller), (large, larger) = less, more
    apart = fmean(larger) - fmean(smaller)
    line = fmean(smaller) + math.log(batch / small) / math.log(large / small) * apart
    margin = max(stdev(smaller), stdev(larger)) * (OF_THE_SPREAD + ERRORS / math.sqrt(runs))
    return line - margin - BEND * abs(apart), line + margin
