"""How the times of a set's runs vary: as clocks and machines do, and not as somebody writes them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from statistics import fmean, geometric_mean, median, pvariance, stdev

from benchmark.events import keys
from benchmark.validation.chance import DOUBTFUL, of_one_length
from benchmark.validation.checks.pace import free_share, load_of
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.intervals import seconds_of
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, Log, ResultSet, as_count
from benchmark.validation.told import ledger_of, run_of

FEWEST_RUNS, FEWEST_EPOCHS = 3, 3
RHYTHM_EPOCHS, RHYTHM_SHARE, RHYTHM_SPREAD = 5, 0.02, 0.005
"""Epochs of which the lengths tell whose they are: where they vary by half a percent or more, those of two runs, each
by its mean, lie within a fiftieth of that in five epochs by a chance of 1 in 1,000,000."""
MOST_RUNS = 20
CHECKPOINTS = "checkpoints"
TIMES_THE_INIT, INIT_SECONDS = 5, 10
"""By how much longer than the others, by the median, a run waits for what they found: a first one compiles kernels."""
LEAST_SPREAD, TIMES_SAVED = 0.01, 3
"""The least share of their mean that honest times are said to vary by, and how much more the writing of files does:
that of recorded runs varies by 37 % and 45 %, six and three times as much as what else they do."""
LEAST_SECONDS = 0.5
"""Of a shorter interval other programs take a large share."""
ROUNDED_MS = 1
"""What two whole milliseconds of one time differ by."""
QUICK_SHARE = {keys.EPOCH_START: 0.8, keys.EVAL_START: 0.7}
"""The same work takes the same time: by the median of three runs or more, an epoch takes no less than this share of the
others of its log, and an evaluation no less of the others."""
NO_STEP_MS = 5
"""Epochs that differ by less from one to the next lie on a line by chance."""
BETWEEN_MS, MANY = 8, 16
"""What lies between an evaluation and the next epoch where nothing is written, 0 or 1 ms on 2 cores, is less than this
with fewer ranks than these."""
TAKEN_BY_HALF, STEADY = 0.5, 0.01
"""The share of cores that is free on a busy machine at most, and the spread of epochs on one: in three
measured sets whose runs were all so it was 14 % and more, in quiet ones 2 % and more."""
SAVED_MS = 1
"""In a millisecond no checkpoint is written, put on the disk and renamed: recorded runs took 12 ms at least."""


@check("R3.9", of=ResultSet, ours_alone=True)
def times_vary_as_clocks_do(results: ResultSet) -> Iterator[Fault]:
    """Runs, and what all of them do, do not take one time to the millisecond; epochs do not differ by one step, and are
    not another run's, longer by a factor, or the mean of two other runs'."""
    logs = [log for log in results.read if log.closed and log.start and log.stop]
    if len(logs) < FEWEST_RUNS:
        return
    told = {what: lengths for what, lengths in lengths_of(results, logs) if len(lengths) >= FEWEST_RUNS}
    for what, lengths in told.items():
        if _are_of_one_length(what, told):
            yield _doubtful(
                logs[0],
                f"all {what} took one time, to the millisecond",
                f"{len(lengths)} of {lengths[0] / 1000:g} s",
                "times that differ, as those of any machine do",
            )
    if results.scaling != STRONG:
        return  # what instances that share a machine wait for, they wait for together
    epochs = [_milliseconds(log, keys.EPOCH_START, keys.EPOCH_STOP) for log in logs]
    if all(len(each) >= FEWEST_EPOCHS and _is_a_progression(each) for each in epochs):
        yield _doubtful(
            logs[0],
            "the epochs of each run take longer, or less long, by one step",
            ", ".join(f"{each / 1000:g} s" for each in epochs[0][:4]),
            "times that differ, as those of any machine do",
        )
    rhythms = [(log, each) for log, each in zip(logs, epochs, strict=True) if len(each) >= RHYTHM_EPOCHS][:MOST_RUNS]
    for (log, own), others in ((one, [each for each in rhythms if each is not one]) for one in rhythms):
        known = [(each.path.name, lengths) for each, lengths in others]
        pairs = itertools.combinations(known, 2)
        known += [
            (f"{a} and {b}", [(x + y) / 2 for x, y in zip(one, two, strict=False)]) for (a, one), (b, two) in pairs
        ]
        alike = next((name for name, lengths in known if _is_one_rhythm(own, lengths)), None)
        if alike is not None:
            yield _doubtful(
                log,
                "the epochs take as long as those of other runs, one after another",
                f"the lengths of {alike}, but for a factor",
                "times that differ, as those of any machine do",
            )
            return


def _is_one_rhythm(own: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two runs' epochs vary, from the second on, and alike, each by its own mean."""
    count = min(len(own), len(other))
    one, two = ([each / fmean(some[1:count]) for each in some[1:count]] for some in (own, other))
    spread = stdev(one) if count >= RHYTHM_EPOCHS else 0.0
    return spread >= RHYTHM_SPREAD and all(abs(a - b) <= RHYTHM_SHARE * spread for a, b in zip(one, two, strict=True))


def lengths_of(results: ResultSet, logs: Sequence[Log]) -> Iterator[tuple[str, list[int]]]:
    """What the runs do, and the milliseconds that it took. Instances of weak scaling wait for each other before they
    start, and are measured from the first start."""
    strong, starts = results.scaling == STRONG, [log.start.time_ms for log in logs if log.start]
    began = starts if strong else [min(starts)] * len(starts)
    yield "runs", [log.stop.time_ms - start for log, start in zip(logs, began, strict=True) if log.stop]
    for what, start, stop in (
        ("epochs", keys.EPOCH_START, keys.EPOCH_STOP),
        ("evaluations", keys.EVAL_START, keys.EVAL_STOP),
        *((("initialisations", keys.INIT_START, keys.INIT_STOP),) if strong else ()),
        ("stagings", keys.STAGING_START, keys.STAGING_STOP),
    ):
        yield what, [each for log in logs for each in _milliseconds(log, start, stop)]
    yield CHECKPOINTS, [each for log in logs for each in _saved(log)]
    ledger = ledger_of(results)
    ran = [(log, run) for log in logs if ledger is not None and (run := run_of(ledger, log)) is not None]
    if strong:
        yield "waits for the logs", [log.events[0].time_ms - run.started_ms for log, run in ran if run.started_ms]
    ends = [run.ended_ms - log.events[-1].time_ms for log, run in ran if run.ended_ms is not None]
    yield "ends of the runs", ends


def _are_of_one_length(what: str, told: Mapping[str, Sequence[int]]) -> bool:
    """Whether chance makes times of one kind so alike in fewer than one set in 1,000,000, where they vary by as large a
    share as those of the other kinds do."""
    usual = fmean(told[what])
    if _span(told[what]) > ROUNDED_MS or usual <= SAVED_MS:
        return False
    spreads = [max(LEAST_SPREAD, _spread(each)) for other, each in told.items() if other != what]
    spread = geometric_mean(spreads or [LEAST_SPREAD]) * (TIMES_SAVED if what == CHECKPOINTS else 1)
    return of_one_length(len(told[what]), spread * usual, _span(told[what])) < DOUBTFUL


def _spread(lengths: Sequence[int]) -> float:
    return stdev(lengths) / usual if (usual := fmean(lengths)) > 0 else 0.0


def _milliseconds(log: Log, start: str, stop: str) -> list[int]:
    return [round(1000 * each) for each in seconds_of(log, start, stop).values()]


def _span(lengths: Sequence[int]) -> int:
    return max(lengths) - min(lengths)


def _is_a_progression(lengths: Sequence[int]) -> bool:
    steps = [b - a for a, b in itertools.pairwise(lengths)]
    return _span(steps) <= ROUNDED_MS and min(map(abs, steps)) >= NO_STEP_MS


@check("R3.9", of=ResultSet, ours_alone=True)
def no_epoch_is_always_quick(results: ResultSet) -> Iterator[Fault]:
    """The same epochs, or evaluations, are not quicker than the others in all runs: each is the same work."""
    logs = [log for log in results.read if log.closed]
    for start, stop in ((keys.EPOCH_START, keys.EPOCH_STOP), (keys.EVAL_START, keys.EVAL_STOP)):
        shares = [each for log in logs if (each := _shares(log, start, stop))]
        for place, column in enumerate(zip(*shares, strict=False), start=1) if len(shares) >= FEWEST_RUNS else ():
            if (share := median(column)) < QUICK_SHARE[start]:
                what = "epoch" if start == keys.EPOCH_START else "evaluation"
                yield _doubtful(
                    logs[0],
                    f"{what} {place} is quicker than the others in most runs",
                    f"{share:.2f} of the others of its run",
                    f"at least {QUICK_SHARE[start]:g}: each is the same work",
                )


def _shares(log: Log, start: str, stop: str) -> Sequence[float]:
    """Each interval by what the others of its log take, a quarter of them longer; nothing of a few, or of short ones.
    The longest is not taken, since the first often waits for what the others find."""
    lengths = list(seconds_of(log, start, stop).values())
    usual = sorted(lengths)[-1 - max(1, len(lengths) // 4)] if len(lengths) >= FEWEST_EPOCHS else 0.0
    least = LEAST_SECONDS if start == keys.EPOCH_START else LEAST_SECONDS / 5
    return [each / usual for each in lengths] if usual >= least else ()


@check("R3.2", of=ResultSet, ours_alone=True)
def initialisations_are_alike(results: ResultSet) -> Iterator[Fault]:
    """No run after the first prepares for far longer than the quickest of its set: each warms up the same network."""
    told = [(log, sum(_milliseconds(log, keys.INIT_START, keys.INIT_STOP))) for log in results.read if log.closed]
    least = min(ms for _, ms in told) if len(told) > FEWEST_RUNS else 0
    for log, ms in told[1:] if results.scaling == STRONG else ():
        if least and ms > max(TIMES_THE_INIT * least, 1000 * INIT_SECONDS):
            yield Fault(
                "a run was prepared for much longer than another of its set",
                file=log.file,
                expected=f"about {least / 1000:.1f} s",
                found=f"{ms / 1000:.1f} s",
                severity=Severity.WARNING,
                hint="training before the clock is not part of the score",
            )


@check("R3.9", of=ResultSet, ours_alone=True)
def checkpoints_take_time(results: ResultSet) -> Iterator[Fault]:
    """Between an evaluation and the next epoch each run writes the checkpoint that its settings ask for; one of few
    ranks that writes none takes no such time."""
    logs = [log for log in results.read if log.closed and log.settings().get("checkpoint") is True]
    for log in logs:
        *saved, last = _saved(log) or [0]
        if len(saved) > 1 and (median(saved) <= SAVED_MS or last <= SAVED_MS < min(saved) / 2):
            yield _doubtful(
                log,
                "checkpoints were written in no time",
                f"{len(saved)} in {median(saved):g} ms by the median, the last in {last} ms",
                "the time to write them, or the setting checkpoint false",
            )
    without = [log for log in results.read if log.closed and log.settings().get("checkpoint") is False]
    gaps = [
        (log, each) for log in without if (as_count(log.settings().get("ranks")) or MANY) < MANY for each in _saved(log)
    ]
    if len(gaps) > FEWEST_RUNS and min(each for _, each in gaps) > BETWEEN_MS:
        yield _doubtful(
            gaps[0][0],
            "no checkpoints are written, and epochs follow evaluations as if they were",
            f"{len(gaps)} gaps of {min(each for _, each in gaps):g} ms and more",
            f"at most {BETWEEN_MS} ms, or the setting checkpoint true",
        )


def _saved(log: Log) -> list[int]:
    """The milliseconds from each evaluation to the next epoch, or to the stop."""
    scores, after = (log.goal.log_key, keys.F1_MACRO), (keys.EPOCH_START, keys.RUN_STOP)
    return [
        event.time_ms - above.time_ms
        for above, event in itertools.pairwise(log.events)
        if event.key in after and above.key in scores
    ]


def _doubtful(log: Log, message: str, found: str, expected: str) -> Fault:
    return Fault(message, file=log.file, found=found, expected=expected, severity=Severity.WARNING)


@check("R3.9", of=ResultSet, ours_alone=True)
def epochs_vary_as_evaluations_do(results: ResultSet) -> Iterator[Fault]:
    """Within the runs of a closed set, the first of each aside, epochs vary by no fewer milliseconds than evaluations,
    which are shorter: by the F distribution of the two variances, but for one set in 1,000,000."""
    from scipy.special import fdtr

    squares, freedom = [0.0, 0.0], 0
    logs = [log for log in results.read if log.closed]
    for log in logs:
        epochs = _milliseconds(log, keys.EPOCH_START, keys.EPOCH_STOP)[1:]
        evaluations = _milliseconds(log, keys.EVAL_START, keys.EVAL_STOP)[1:]
        if len(epochs) == len(evaluations) > 1 and median(epochs) > median(evaluations):
            squares[0] += pvariance(epochs) * len(epochs)
            squares[1] += pvariance(evaluations) * len(evaluations)
            freedom += len(epochs) - 1
    if not freedom:
        return
    of_epochs, of_evaluations = (each / freedom + ROUNDED_MS for each in squares)
    chance = float(fdtr(freedom, freedom, of_epochs / of_evaluations))
    if chance < DOUBTFUL:
        yield Fault(
            "epochs vary by far less than evaluations within the runs",
            file=logs[0].file,
            expected="as many milliseconds, or more: they last longer",
            found=f"{sqrt(of_epochs):.1f} ms and {sqrt(of_evaluations):.1f} ms, by a chance of {chance:.0e}",
            severity=Severity.WARNING,
        )


@check("R3.9", of=ResultSet, ours_alone=True)
def busy_machines_are_unsteady(results: ResultSet) -> Iterator[Fault]:
    """Where other programs had half of the cores' time before each run of a closed set on CPUs, its epochs, the first
    of each run aside, vary."""
    logs = [log for log in results.read if log.closed and log.settings().get("device") == "cpu"]
    loads = [load_of(log) for log in logs]
    lengths = [each for log in logs for each in _milliseconds(log, keys.EPOCH_START, keys.EPOCH_STOP)[1:]]
    busy = all(load is not None and free_share(load) < TAKEN_BY_HALF for load in loads)
    if len(logs) >= FEWEST_RUNS and len(lengths) >= FEWEST_EPOCHS and busy and _spread(lengths) < STEADY:
        yield _doubtful(
            logs[0],
            "the epochs take one time, on a machine that other programs kept busy",
            f"{len(lengths)} epochs that vary by {_spread(lengths):.2%}",
            f"epochs that vary by {STEADY:.0%} and more, or free cores",
        )
