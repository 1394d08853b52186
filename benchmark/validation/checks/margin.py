"""Runs pass the target by as much, and their clocks start as soon after initialisation, as those of honest runs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, Log, ResultSet, as_number

DOUBTFUL = 1e-6
"""The chance below which a reader asks."""
LATE_MS, LATE_MEDIAN_MS = 250, 100
"""Milliseconds from init_stop to run_start: ranks that have met already meet once more. Of 36 honest runs on CPUs the
longest was 187 ms, on a machine with other work, and the median 1 ms; of no set was the median above 100 ms."""


@check("R3.11", of=ResultSet, ours_alone=True)
def runs_pass_the_target_by_chance(results: ResultSet) -> Iterator[Fault]:
    """The runs of a set do not all end just above the target, nor all as far beyond it.

    Within the width of recorded runs' margins any margin is about as likely as another, so that all of n are below m by
    a chance of (m / w)^n, w twice the median margin of the recorded runs, and within a span of s of each other by one
    of n (s / w)^(n - 1).
    """
    standard = results.standard
    if standard is None or not standard.curves:
        return
    goal = standard.goal
    recorded = [-goal.distance(curve.values[-1]) for curve in standard.curves if goal.reached_by(curve.values[-1])]
    margins = [margin for log in results.read if (margin := _margin(log)) is not None]
    if not recorded or len(margins) < 3:
        return
    width = 2 * statistics.median(recorded)
    if width > 0 and (max(margins) / width) ** len(margins) < DOUBTFUL:
        yield Fault(
            "all runs end just above the target",
            found=f"by {max(margins):.2g} at most",
            expected=f"about {width / 2:.2g}, as recorded runs do",
            severity=Severity.WARNING,
            hint="scores were changed, or training was ended by them within an epoch",
        )
    span, count = max(margins) - min(margins), len(margins)
    if width > 0 and count * (span / width) ** (count - 1) < DOUBTFUL:
        yield Fault(
            "all runs end as far beyond the target",
            found=f"by {min(margins):.6g} to {max(margins):.6g}",
            expected=f"scores that differ as those of recorded runs do, by up to {width:.2g}",
            severity=Severity.WARNING,
            hint="scores that one source gave",
        )


def _margin(log: Log) -> float | None:
    """How far beyond the target the last score is; None where it is none, or short of it."""
    value = as_number(log.metrics[-1].value) if log.metrics else None
    return -log.goal.distance(value) if value is not None and log.goal.reached_by(value) else None


@check("R3.1", of=ResultSet, ours_alone=True)
def clock_starts_at_once(results: ResultSet) -> Iterator[Fault]:
    """Nothing is done between init_stop and run_start: what is read before it is off the clock. Instances of weak
    scaling wait for each other there, but the last one for nobody."""
    waits = {}
    for log in results.read + [log for log in results.pruned if not log.unread]:
        stops = log.of(keys.INIT_STOP)
        if stops and log.start is not None:
            waits[log.file] = (log.start, log.start.time_ms - stops[-1].time_ms)
    if results.scaling != STRONG:
        waits = dict(sorted(waits.items(), key=lambda each: each[1][1])[:1])
    for file, (start, wait_ms) in waits.items():
        if wait_ms > LATE_MS:
            yield Fault(
                f"the clock starts {wait_ms} ms after init_stop",
                file=file,
                line=start.line,
                expected=f"at most {LATE_MS} ms: the ranks have met already",
                severity=Severity.WARNING,
            )
    median = statistics.median(wait_ms for _, wait_ms in waits.values()) if len(waits) > 2 else 0
    if LATE_MEDIAN_MS < median <= LATE_MS:
        yield Fault(
            f"the clocks of the runs start {median:g} ms after init_stop, by the median",
            expected=f"at most {LATE_MEDIAN_MS} ms",
            severity=Severity.WARNING,
        )
