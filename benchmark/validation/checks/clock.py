"""The clock: when it starts and stops, that it runs forward, and that what was done fits into the time."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.launch.load import in_words, is_busy
from benchmark.submission.run_record import facts_of
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.intervals import epoch_of, epoch_seconds, seconds_of
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, as_number

INIT_MINUTES = 30
MLLOG_BEGAN_MS, FAR_FUTURE_MS = 1_514_764_800_000, 4_102_444_800_000  # 2018 and 2100
SLACK_SHARE, SLACK_SECONDS = 0.05, 0.1
"""How far the trainer's own clock may lie beside the log's: a line is written, and perhaps waited for, between them."""
FAST_SHARE = 0.1
"""An epoch shorter than this share of the median one is asked about."""
FAST_EVALUATION, CLOCK_STEP_SECONDS = 50, 0.002
"""So many times the samples/s of training an evaluation, which has no backward pass, is asked about; a log's times are
whole milliseconds."""


@check("R3.10", of=Log, ours_alone=True)
def cores_were_free(log: Log) -> Iterator[Fault]:
    """What the preflight measured before the clock; logs of before it did so say nothing."""
    load = facts_of(log.timeline, log.goal.test_key)["load"]
    if load is not None and is_busy(load):
        yield Fault(
            "other programs kept the machine busy before the clock",
            line=log.of(keys.PREFLIGHT)[0].line,
            found=in_words(load),
            expected="the cores given free",
            severity=Severity.WARNING,
            hint="time it again on a quiet machine: this time is not the machine's own",
        )


@check("R3.7", of=Log)
def time_runs_forward(log: Log) -> Iterator[Fault]:
    """No event is before the one above it, and none is of another age."""
    latest: Event | None = None
    for event in log.events:
        if not MLLOG_BEGAN_MS <= event.time_ms <= FAR_FUTURE_MS:
            yield Fault(
                "the time is none of this age",
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
                severity=Severity.ERROR if log.ours else Severity.WARNING,
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
    for name, event in running.items():  # the last epoch of a run that stopped within it is no fault of other suites
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
            if event.key == log.goal.test_key:
                yield Fault(
                    "the test split was evaluated while the clock ran",
                    line=event.line,
                    expected=f"after run_stop in line {log.stop.line}",
                )
        elif (
            event.key in {"eval_error", *_OF_THE_RUN}
            if not log.ours
            else event.key not in (log.goal.test_key, keys.TRACKED_STATS)
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


@check("R3.9", of=Log, ours_alone=True)
def throughput_fits(log: Log) -> Iterator[Fault]:
    """The trainer's samples/s times the seconds of the epoch are the samples that it says it has seen."""
    seconds = epoch_seconds(log)
    seen = {epoch_of(event): as_number(event.metadata.get(keys.SAMPLES_COUNT)) for event in log.metrics}
    before = 0.0
    for event in log.of(keys.TRACKED_STATS):
        rate = as_number(event.value.get(keys.THROUGHPUT)) if isinstance(event.value, dict) else None
        count, length = seen.get(epoch_of(event)), seconds.get(epoch_of(event))
        if rate is None or count is None or length is None:
            yield Fault(
                "the samples/s of an epoch cannot be held against its time",
                line=event.line,
                expected=f"a number under {keys.THROUGHPUT}, and the epoch's interval and evaluation",
            )
            continue
        samples, before = count - before, count
        told = samples / rate if rate > 0 else 0.0
        if abs(told - length) > SLACK_SHARE * length + SLACK_SECONDS:
            yield Fault(
                "samples, time and samples/s of this epoch do not fit",
                line=event.line,
                expected=f"{samples:g} samples in {length:.3f} s",
                found=f"{rate:g} samples/s",
                hint="times or counts were changed, or the clocks of the trainer and the log differ",
            )
    missing = seconds.keys() - {epoch_of(event) for event in log.of(keys.TRACKED_STATS)}
    if missing:
        yield Fault(
            "epochs without their samples/s",
            expected=f"{keys.TRACKED_STATS} after each epoch",
            found=f"none for epoch {', '.join(sorted(missing)[:5])}",
        )


@check("R3.9", of=Log)
def epochs_take_their_time(log: Log) -> Iterator[Fault]:
    """No epoch is over in a tenth of the time that the others take."""
    lengths = epoch_seconds(log)
    if len(lengths) < 3:
        return
    median = statistics.median(lengths.values())
    for epoch, seconds in lengths.items():
        if seconds < FAST_SHARE * median:
            yield Fault(
                f"epoch {epoch} is over in {seconds:g} s",
                severity=Severity.WARNING,
                expected=f"about {median:g} s, the median of this log",
            )


@check("R3.9", of=Log, ours_alone=True)
def no_work_without_time(log: Log) -> Iterator[Fault]:
    """Staging takes time where the data are read at once, and evaluation is not faster by far than training."""
    lengths = seconds_of(log, keys.STAGING_START, keys.STAGING_STOP)
    streamed = any(event.metadata.get(keys.IN_MEMORY) is False for event in log.of(keys.STAGING_STOP))
    if lengths and not sum(lengths.values()) and not streamed:
        yield Fault("the data were read in no time", line=log.of(keys.STAGING_STOP)[0].line, severity=Severity.WARNING)
    trained, samples = sum(epoch_seconds(log).values()), log.number(keys.EVAL_SAMPLES)
    last = log.metrics[-1] if log.metrics else None
    seen = as_number(last.metadata.get(keys.SAMPLES_COUNT)) if last is not None else None
    if not trained or not samples or not seen or last is None:
        return
    for epoch, seconds in seconds_of(log, keys.EVAL_START, keys.EVAL_STOP).items():
        if samples / (seconds + CLOCK_STEP_SECONDS) > FAST_EVALUATION * seen / trained:
            yield Fault(
                f"the evaluation of epoch {epoch} is over in {seconds:g} s",
                severity=Severity.WARNING,
                expected=f"at most {FAST_EVALUATION} times the {seen / trained:.0f} samples/s of the training",
                found=f"{samples:g} samples",
            )
