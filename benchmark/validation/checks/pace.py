"""That what was done fits into the time, and that the machine was free to do it."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmark.events import keys
from benchmark.launch.load import in_words, is_busy
from benchmark.submission.run_record import facts_of
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.intervals import epoch_of, epoch_seconds, paces, seconds_of
from benchmark.validation.registry import check
from benchmark.validation.sample_size import sample_bytes
from benchmark.validation.subjects import Log, as_number

SLACK_SHARE, SLACK_SECONDS = 0.05, 0.1
"""How far the trainer's own clock may differ from the log's: a line is written, and perhaps waited for, between
them."""
CLOCKS_SHARE, CLOCKS_SECONDS = 0.002, 0.02
"""The reference takes its time between the two lines of an epoch; where it is longer by more than two clocks of one
machine run apart (at most 1 in 2,000, as the kernel slews them), a reader asks. It is shorter by as much where a line
was held up, but not by the median: that was 9 ms of 18 s at most, of 29 recorded runs."""
ONE_CLOCK_SECONDS = 1e-7
"""The trainer's clock is finer than the log's milliseconds: that the two agree so well in two epochs is by chance so
in 1 of 25,000,000 runs, and that they differ by one step, or share, in three epochs in about as many."""
FEWEST_FOR_A_STEP = 3
STEPS_SECONDS = (1e-3, 1e-4, 1e-5, 1e-6)
HELD_UP_SECONDS = 1.0
"""A line that was written so much later than what it tells of makes no run faster: a reader asks."""
FAST_SHARE, FAST_SHARE_OF_OURS, FAST_SHARE_OF_THE_BUSY = 0.1, 0.6, 0.4
"""An epoch shorter than this share of the median one is asked about."""
FAST_EVALUATION, CLOCK_STEP_SECONDS = 50, 0.002
"""So many times the samples/s of training an evaluation, which has no backward pass, is asked about; a log's times are
whole milliseconds."""

DOUBTFUL = 1e-5
"""The chance below which a reader asks: the differences of n times are multiples of k by 1 in k^(n - 1), of some k at
least as large by some times as much."""
OF_AN_EVALUATION, SHORTEST_SECONDS = 0.6, 0.02
"""The share of an evaluation's time that as many samples of the test split take at least, if for more than a moment."""


def load_of(log: Log) -> dict[str, Any] | None:
    """What other programs took of the machine before the clock."""
    load: dict[str, Any] | None = facts_of(log.timeline, log.goal.test_key)["load"]
    return load


def free_share(load: Mapping[str, Any]) -> float:
    """Of the cores that a run was given, the share of their time that others left; 1 where it is not told."""
    given, free = (as_number(load.get(name)) for name in ("given", "free"))
    return free / given if given and free is not None else 1.0


@check("R3.10", of=Log, ours_alone=True)
def cores_were_free(log: Log) -> Iterator[Fault]:
    """What the preflight measured before the clock; logs of before it did so say nothing."""
    load = load_of(log)
    if load is not None and is_busy(load):
        yield Fault(
            "other programs kept the machine busy before the clock",
            line=log.of(keys.PREFLIGHT)[0].line,
            found=in_words(load),
            expected="the cores given free",
            severity=Severity.WARNING,
            hint="time it again on a quiet machine: this time is not the machine's own",
        )


@check("R3.9", of=Log, ours_alone=True)
def throughput_fits(log: Log) -> Iterator[Fault]:
    """The trainer's samples/s times the seconds of the epoch are the samples that it says it has seen."""
    around = _seconds_around(log)
    taken, lengths = [], []
    for event, pace in paces(log):
        if pace is None:
            yield Fault(
                "the samples/s of an epoch cannot be held against its time",
                line=event.line,
                expected=f"a number under {keys.THROUGHPUT}, and the epoch's interval and evaluation",
            )
            continue
        samples, rate, length = pace
        told = samples / rate if rate > 0 else 0.0
        taken.append(told)
        lengths.append(length)
        slack, whole = SLACK_SHARE * length + SLACK_SECONDS, around.get(epoch_of(event), length)
        short = log.closed and told > (1 + CLOCKS_SHARE) * whole + CLOCKS_SECONDS
        if abs(told - length) > slack or short:
            late = rate > 0 and told - slack <= whole and length - told <= HELD_UP_SECONDS
            yield Fault(
                "samples, time and samples/s of this epoch do not fit",
                line=event.line,
                expected=f"{samples:g} samples in {length:.3f} s",
                found=f"{rate:g} samples/s",
                hint="a line of the log was held up, or a clock was set"
                if late
                else "times or counts were changed, or the clocks of the trainer and the log differ",
                severity=Severity.WARNING if late else Severity.ERROR,
            )
    made = _made_up(taken, lengths) if log.closed else None
    if made is not None:
        message, expected, found = made
        yield Fault(
            message,
            line=log.of(keys.TRACKED_STATS)[0].line,
            expected=expected,
            found=f"{found}, in {len(taken)} epochs",
            severity=Severity.WARNING,
        )
    missing = epoch_seconds(log).keys() - {epoch_of(event) for event in log.of(keys.TRACKED_STATS)}
    if missing:
        yield Fault(
            "epochs without their samples/s",
            expected=f"{keys.TRACKED_STATS} after each epoch",
            found=f"none for epoch {', '.join(sorted(missing)[:5])}",
        )


def _made_up(taken: Sequence[float], lengths: Sequence[float]) -> tuple[str, str, str] | None:
    """What is wrong with the trainer's seconds of the epochs, which its samples/s come of, next to the log's; what is
    expected, and what was found. None where nothing is."""
    apart = [told - length for told, length in zip(taken, lengths, strict=True)]
    if len(taken) < 2 or min(*taken, *lengths) <= 0:
        return None
    if statistics.median(apart) < -(CLOCKS_SHARE * statistics.median(lengths) + CLOCKS_SECONDS):
        return (
            "the samples/s are higher than the epochs leave",
            "the seconds of the epochs, but for a few milliseconds",
            f"{-statistics.median(apart):.3f} s less by the median",
        )
    usual = statistics.median(lengths)
    shares = [usual * told / length for told, length in zip(taken, lengths, strict=True)]
    many = len(taken) >= FEWEST_FOR_A_STEP
    if max(map(abs, apart)) < ONE_CLOCK_SECONDS or (many and min(map(_span, (apart, shares))) < ONE_CLOCK_SECONDS):
        return (
            "the samples/s were made from the times of the log",
            "another clock's, which has no whole milliseconds",
            f"the same seconds to {ONE_CLOCK_SECONDS:g} s, or but for one step or factor",
        )
    step = next((step for step in STEPS_SECONDS if all(_is_multiple(each, step) for each in taken)), None)
    if step is not None:
        return (
            "the samples/s were made from times of few digits",
            "times of a clock that counts nanoseconds",
            f"whole multiples of {step:g} s",
        )
    return None


def _span(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _is_multiple(seconds: float, step: float) -> bool:
    """To 1 in 100,000 of the step: two times are so by chance in 1 of 1,000,000,000 runs."""
    return math.isfinite(seconds / step) and abs(seconds / step - round(seconds / step)) < 1e-5


def _seconds_around(log: Log) -> dict[str, float]:
    """The time of each epoch, from the event above its start to the one below its stop: it cannot have taken longer,
    whichever of its lines was held up."""
    started: int | None = None
    lengths = {}
    for above, event in itertools.pairwise(log.events):
        if event.key == keys.EPOCH_START:
            started = above.time_ms
        elif above.key == keys.EPOCH_STOP and started is not None:
            lengths[epoch_of(above)] = (event.time_ms - started) / 1000
            started = None
    return lengths


@check("R3.9", of=Log)
def epochs_take_their_time(log: Log) -> Iterator[Fault]:
    """No epoch is over in a tenth of the time that the others take; of a closed run of ours in six tenths, or in four
    where other programs kept the machine busy, which R3.10 says."""
    lengths = epoch_seconds(log)
    share = FAST_SHARE
    if log.ours and log.closed:
        load = load_of(log)
        share = FAST_SHARE_OF_THE_BUSY if load is not None and is_busy(load) else FAST_SHARE_OF_OURS
    if len(lengths) < 3:
        return
    median = statistics.median(lengths.values())
    for epoch, seconds in lengths.items():
        if seconds < share * median:
            yield Fault(
                f"epoch {epoch} is over in {seconds:g} s",
                severity=Severity.WARNING,
                expected=f"about {median:g} s, the median of this log",
            )


@check("R3.9", of=Log, ours_alone=True)
def times_are_of_a_fine_clock(log: Log) -> Iterator[Fault]:
    """The times of a closed log are not whole steps of more than a millisecond."""
    times = sorted({event.time_ms for event in log.events}) if log.closed else []
    step = math.gcd(*(time - times[0] for time in times[1:]))
    if step > 1 and (len(times) - 2) * math.log(step) > -math.log(DOUBTFUL):
        yield Fault(
            "all times of the log are whole steps",
            line=log.events[0].line,
            expected="milliseconds, as the trainer writes them",
            found=f"{len(times)} times, in steps of {step} ms",
            severity=Severity.WARNING,
        )


@check("R3.9", of=Log, ours_alone=True)
def no_work_without_time(log: Log) -> Iterator[Fault]:
    """Staging takes time where the data are read at once, and evaluation is not faster by far than training."""
    lengths = seconds_of(log, keys.STAGING_START, keys.STAGING_STOP)
    streamed = any(event.metadata.get(keys.IN_MEMORY) is False for event in log.of(keys.STAGING_STOP))
    if lengths and not sum(lengths.values()) and not streamed:
        yield Fault("the data were read in no time", line=log.of(keys.STAGING_STOP)[0].line, severity=Severity.WARNING)
    for event in log.of(keys.STAGING_STOP):
        copied = as_number(event.metadata.get(keys.STAGED_BYTES)) or 0
        if copied and not log.settings().get("stage"):
            yield Fault(
                "data were copied to the nodes' disks, and the settings name no folder there",
                line=event.line,
                expected=f'"{keys.STAGED_BYTES}": 0, or the setting stage',
                found=f"{copied:g} bytes",
            )
        least = (log.number(keys.TRAIN_SAMPLES) or 1) * sample_bytes(log) / (log.number(keys.NUMBER_OF_NODES) or 1)
        if copied < least and log.closed and log.settings().get("stage"):
            yield Fault(
                "the settings name a folder to copy the data to, and they were not copied on the clock",
                line=event.line,
                expected=f"at least {least:g} under {keys.STAGED_BYTES}",
                found=shown(event.metadata.get(keys.STAGED_BYTES)),
                severity=Severity.WARNING,
            )
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


@check("R3.9", of=Log, ours_alone=True)
def test_split_takes_its_time(log: Log) -> Iterator[Fault]:
    """The score on the test split comes after the stop by the time that an evaluation of so many samples takes."""
    stop, tests = log.timeline.run_stop_ms, log.of(log.goal.test_key)
    samples = log.standard.samples if log.standard is not None else {}
    lengths = seconds_of(log, keys.EVAL_START, keys.EVAL_STOP).values()
    if stop is None or not tests or not lengths or not samples.get("dev"):
        return
    least = OF_AN_EVALUATION * min(lengths) * samples.get("test", 0) / samples["dev"]
    took = (tests[0].time_ms - stop) / 1000
    if least > SHORTEST_SECONDS and took < least:
        yield Fault(
            "the test split was evaluated in less time than it takes",
            line=tests[0].line,
            expected=f"at least {least:.3f} s after {keys.RUN_STOP}, as evaluations took {min(lengths):g} s",
            found=f"{took:g} s",
            severity=Severity.WARNING,
        )
