"""How the times of a set's runs vary: as clocks and machines do, and not as somebody writes them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from benchmark.events import keys
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.intervals import seconds_of
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, Log, ResultSet

FEWEST_RUNS, FEWEST_EPOCHS = 3, 3
FEWEST_LENGTHS = 6
"""Epochs, of all runs together, that are not all of one length by chance."""
LEAST_SECONDS = 0.5
"""Of a shorter interval whole milliseconds are often the same, and other programs take a large share."""
QUICK_SHARE = {keys.EPOCH_START: 0.8, keys.EVAL_START: 0.7}
"""The same work takes the same time: by the median of three runs or more, an epoch takes no less than this share of the
median one of its log, and an evaluation no less of the median evaluation."""


@check("R3.9", of=ResultSet, ours_alone=True)
def times_vary_as_clocks_do(results: ResultSet) -> Iterator[Fault]:
    """The runs, or all their epochs, do not take one time to the millisecond."""
    logs = [log for log in results.read if log.closed and log.start and log.stop]
    if results.scaling != STRONG or len(logs) < FEWEST_RUNS:
        return
    runs = [log.stop.time_ms - log.start.time_ms for log in logs]
    epochs = [
        round(1000 * each) for log in logs for each in seconds_of(log, keys.EPOCH_START, keys.EPOCH_STOP).values()
    ]
    for what, lengths, fewest in (("runs", runs, FEWEST_RUNS), ("epochs", epochs, FEWEST_LENGTHS)):
        if len(lengths) >= fewest and len(set(lengths)) == 1 and lengths[0] >= 1000 * LEAST_SECONDS:
            yield Fault(
                f"all {what} took one time, to the millisecond",
                file=logs[0].file,
                found=f"{len(lengths)} of {lengths[0] / 1000:g} s",
                expected="times that differ, as those of any machine do",
                severity=Severity.WARNING,
            )


@check("R3.9", of=ResultSet, ours_alone=True)
def no_epoch_is_always_quick(results: ResultSet) -> Iterator[Fault]:
    """The same epoch, or evaluation, is not quicker than the others in all runs: each is the same work."""
    logs = [log for log in results.read if log.closed]
    for start, stop in ((keys.EPOCH_START, keys.EPOCH_STOP), (keys.EVAL_START, keys.EVAL_STOP)):
        shares = [each for log in logs if (each := _shares(log, start, stop))]
        for place, column in enumerate(zip(*shares, strict=False), start=1) if len(shares) >= FEWEST_RUNS else ():
            if (share := statistics.median(column)) < QUICK_SHARE[start]:
                what = "epoch" if start == keys.EPOCH_START else "evaluation"
                yield Fault(
                    f"{what} {place} is quicker than the others in most runs",
                    file=logs[0].file,
                    found=f"{share:.2f} of the median one of its run",
                    expected=f"at least {QUICK_SHARE[start]:g}: each is the same work",
                    severity=Severity.WARNING,
                )


def _shares(log: Log, start: str, stop: str) -> Sequence[float]:
    """Each interval by the median one of its log; nothing of a few, or of short ones."""
    lengths = list(seconds_of(log, start, stop).values())
    median = statistics.median(lengths) if lengths else 0.0
    least = LEAST_SECONDS if start == keys.EPOCH_START else LEAST_SECONDS / 5
    return [each / median for each in lengths] if len(lengths) >= FEWEST_EPOCHS and median >= least else ()
