"""The clock: when it starts and stops, that it runs forward, and what stands before, between and after."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, as_count

INIT_MINUTES = 30
MLLOG_BEGAN_MS, FAR_FUTURE_MS = 1_514_764_800_000, 4_102_444_800_000  # 2018 and 2100
OURS_BEGAN_MS, AHEAD_MS = 1_793_491_200_000, 86_400_000
"""November 2026, before which no software logged a run of ours, and how far a log may be ahead of who judges it."""
STEP_MS = 10
"""Milliseconds by which a clock may be set back while it is kept: a reader asks."""


LONGEST_BETWEEN_LINES_MS = 1_000
"""Between events of which the trainer has the values at hand: the longest of 204 recorded logs is 127 ms."""
LOGGED_AT_ONCE = {
    *(keys.SEED, keys.GLOBAL_BATCH_SIZE, keys.GRADIENT_ACCUMULATION_STEPS, keys.NUMBER_OF_NODES),
    *(keys.ACCELERATORS_PER_NODE, keys.OPT_NAME, keys.OPT_BASE_LR, keys.OPT_WEIGHT_DECAY, keys.OPT_LR_WARMUP_STEPS),
    *(keys.DATA_MANIFEST_SHA256, keys.DATA_RECIPE_SHA256, keys.DATA_STANDARD, keys.TRAIN_SAMPLES, keys.EVAL_SAMPLES),
    *(keys.SUBMISSION_BENCHMARK, keys.SUBMISSION_ORG, keys.SUBMISSION_PLATFORM, keys.SUBMISSION_DIVISION),
}


@check("R3.7", of=Log)
def time_runs_forward(log: Log) -> Iterator[Fault]:
    """No event is before the one above it, and none is of another age."""
    latest: Event | None = None
    for event in log.events:
        if not MLLOG_BEGAN_MS <= event.time_ms <= FAR_FUTURE_MS:
            yield Fault(
                "the time is not in this age",
                line=event.line,
                found=f"time_ms {event.time_ms}",
                expected="milliseconds since 1970",
            )
        if latest is not None and event.time_ms < latest.time_ms:
            yield Fault(
                f"{shown(event.key)} is {latest.time_ms - event.time_ms} ms before the event above it",
                line=event.line,
                expected=f"at least {latest.time_ms}, of line {latest.line}",
                found=str(event.time_ms),
                severity=Severity.ERROR if log.ours and latest.time_ms - event.time_ms > STEP_MS else Severity.WARNING,
            )
        if latest is None or event.time_ms > latest.time_ms:
            latest = event
    if log.start and log.stop and log.stop.time_ms <= log.start.time_ms:
        yield Fault(
            "the run stops before it starts",
            line=log.stop.line,
            expected=f"after {log.start.time_ms}",
            found=str(log.stop.time_ms),
        )


@check("R3.7", of=Log, ours_alone=True)
def runs_are_of_their_time(log: Log) -> Iterator[Fault]:
    """No run was made before there was software for it, or long after it is judged."""
    now = time.time_ns() // 1_000_000
    at = log.events[0].time_ms if log.events else OURS_BEGAN_MS
    if at < OURS_BEGAN_MS or (now >= OURS_BEGAN_MS and at > now + AHEAD_MS):
        yield Fault(
            "the run was made before the software, or is of days to come",
            line=log.events[0].line,
            found=f"time_ms {at}",
            expected=f"from {OURS_BEGAN_MS} to {now}",
            severity=Severity.WARNING,
            hint="a clock that was not set: the times between events may be right all the same",
        )


@check("R3.8", of=Log)
def intervals_pair(log: Log) -> Iterator[Fault]:
    """Each start has its stop, of the same epoch, and no interval lies within another of its name."""
    severity = Severity.ERROR if log.ours else Severity.WARNING
    running: dict[str, Event] = {}
    for event in log.events:
        name, _, edge = event.key.rpartition("_")
        if name not in keys.INTERVALS or edge not in ("start", "stop"):
            continue
        before = running.pop(name, None)
        if edge == "start":
            if before is not None and not (name == keys.INIT and not log.ours):
                yield Fault(
                    f"{name} starts again before it has stopped",
                    line=event.line,
                    found=f"started in line {before.line}",
                    severity=severity,
                )
            running[name] = event
        elif before is None:
            yield Fault(
                f"{name} stops but never started", line=event.line, expected=f"{name}_start above it", severity=severity
            )
        elif name in (keys.EPOCH, keys.EVAL) and _epoch(before) != _epoch(event):
            yield Fault(
                f"{name} stops in another epoch",
                line=event.line,
                found=shown(_epoch(event)),
                expected=f"epoch {shown(_epoch(before))}, as in line {before.line}",
                severity=severity,
            )
    for name, event in running.items():  # the last epoch of a run that stopped within it is not a fault in other suites
        yield Fault(
            f"{name} never stops",
            line=event.line,
            expected=f"{name}_stop below it",
            severity=Severity.ERROR if log.ours or name == keys.RUN else Severity.NOTE,
        )


def _epoch(event: Event) -> object:
    return event.metadata.get(keys.EPOCH_NUM)


@check("R3.1", of=Log)
def clock_starts_after_init(log: Log) -> Iterator[Fault]:
    """init_start, init_stop and run_start stand in this order; no epoch or evaluation is before run_start."""
    starts, stops = log.of(keys.INIT_START), log.of(keys.INIT_STOP)
    if starts and stops and starts[0].line > stops[0].line:
        yield Fault("init_stop stands before init_start", line=stops[0].line)
    if log.start is None:
        return
    for event in stops:
        if event.line > log.start.line:
            yield Fault("init_stop stands after run_start", line=event.line, expected="before the clock starts")
    for name in (keys.EPOCH_START, keys.EVAL_START, keys.EPOCH_STOP, keys.EVAL_STOP, keys.EVAL_ACCURACY):
        for event in log.of(name):
            if event.line < log.start.line:
                yield Fault(f"{name} stands before run_start", line=event.line, expected=f"after line {log.start.line}")


@check("R3.2", of=Log)
def init_limit(log: Log) -> Iterator[Fault]:
    """Less than 30 minutes from the first init_start to run_start, by the rules of the HPC group as well."""
    starts, stops = log.of(keys.INIT_START), log.of(keys.INIT_STOP)
    ends = [event for event in (stops[-1] if stops else None, log.start if log.ours else None) if event is not None]
    if starts and ends:
        minutes = (max(event.time_ms for event in ends) - starts[0].time_ms) / 60_000
        if minutes >= INIT_MINUTES:
            yield Fault(
                "what is before the clock takes too long",
                line=ends[-1].line,
                expected=f"less than {INIT_MINUTES} minutes",
                found=f"{minutes:.1f} minutes",
            )


@check("R3.3", of=Log, ours_alone=True)
def staging_on_the_clock(log: Log) -> Iterator[Fault]:
    """The data are read between run_start and the first epoch, in a staging interval."""
    starts, stops = log.of(keys.STAGING_START), log.of(keys.STAGING_STOP)
    if not starts or not stops:
        yield Fault(
            "there is no staging interval",
            expected=f"{keys.STAGING_START} and {keys.STAGING_STOP}",
            hint="reading the data into memory is on the clock",
        )
        return
    first_epoch = next(iter(log.of(keys.EPOCH_START)), None)
    for event in (*starts, *stops):
        if log.start is not None and event.line < log.start.line:
            yield Fault(
                "the data are read before the clock starts",
                line=event.line,
                expected=f"after run_start in line {log.start.line}",
            )
        if first_epoch is not None and event.line > first_epoch.line:
            yield Fault(
                "the data are read after the first epoch has begun",
                line=event.line,
                expected=f"before line {first_epoch.line}",
            )


@check("R3.4", of=Log, ours_alone=True)
def caches_told(log: Log) -> Iterator[Fault]:
    """cache_clear says true or false, once and before the run; true only where the settings asked for it."""
    for event in log.of(keys.CACHE_CLEAR):
        if not isinstance(event.value, bool):
            yield Fault("cache_clear says neither true nor false", line=event.line, found=shown(event.value))
        if log.start is not None and event.line > log.start.line:
            yield Fault("the caches were cleared after the clock had started", line=event.line)
        if event.value is True and log.settings().get("clear_caches") is not True:
            yield Fault(
                "cache_clear says true, but the settings did not ask for it",
                line=event.line,
                expected="clear_caches: true in config",
            )


@check("R3.6", of=Log)
def nothing_after_the_stop(log: Log) -> Iterator[Fault]:
    """After run_stop the test score is logged, and nothing else that belongs to a run."""
    if log.stop is None:
        return
    for event in log.events:
        if event.line <= log.stop.line or event is log.stop:
            if event.key in (log.goal.test_key, keys.TEST_BY_PART):
                yield Fault(
                    "the test split was evaluated while the clock ran",
                    line=event.line,
                    expected=f"after run_stop in line {log.stop.line}",
                )
        elif (
            event.key in {"eval_error", *_OF_THE_RUN}
            if not log.ours
            else event.key not in (log.goal.test_key, keys.TEST_BY_PART, keys.TRACKED_STATS)
        ):
            yield Fault(
                f"{shown(event.key)} stands after run_stop",
                line=event.line,
                expected=f"before line {log.stop.line}",
                severity=Severity.ERROR if log.ours else Severity.WARNING,
            )


_OF_THE_RUN = {
    keys.EVAL_ACCURACY,
    keys.RUN_START,
    keys.SEED,
    keys.GLOBAL_BATCH_SIZE,
    *(f"{name}_{edge}" for name in (keys.EPOCH, keys.EVAL, keys.INIT) for edge in ("start", "stop")),
}


@check("R3.2", of=Log, ours_alone=True)
def settings_are_logged_at_once(log: Log) -> Iterator[Fault]:
    """Events that the trainer logs from one line after another, before the clock starts, leave no time for anything
    else between them."""
    for one, other in itertools.pairwise(log.events):
        if one.key == keys.RUN_START or other.key == keys.RUN_START:
            return
        lines = [as_count(each.metadata.get("lineno")) for each in (one, other)]
        if one.metadata.get("file") != other.metadata.get("file") or None in lines or other.key not in LOGGED_AT_ONCE:
            continue
        waited = other.time_ms - one.time_ms
        if one.key in LOGGED_AT_ONCE and waited > LONGEST_BETWEEN_LINES_MS:
            yield Fault(
                f"time went by between {one.key} and {other.key}, which are logged at once",
                line=other.line,
                expected=f"at most {LONGEST_BETWEEN_LINES_MS} ms",
                found=f"{waited} ms",
                severity=Severity.WARNING,
            )
