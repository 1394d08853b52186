"""One run: what it is of, what it reached and when, and that every epoch was evaluated."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.definition.goal import Goal
from benchmark.events import keys
from benchmark.foundation.errors import nearest
from benchmark.submission.record_format import are_shares
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.standard import standards
from benchmark.validation.subjects import Log, as_count, as_number

BEFORE_SEEDS = ("0.7.0", "1.0.0", "2.0.0")
"""Rounds of MLPerf HPC that asked a seed of deepcam alone."""
FAR_BELOW = 0.2
"""A test score this much worse than the dev score is asked about, of metrics from 0 to 1: the dev split may have been
trained on."""


@check("R1.5", of=Log)
def benchmark_known(log: Log) -> Iterator[Fault]:
    """The log is of a rung of ours, or of a benchmark of MLPerf HPC."""
    events = log.of(keys.SUBMISSION_BENCHMARK)
    if events and log.standard is None:
        name = events[0].value
        yield Fault(
            "there is no such benchmark",
            line=events[0].line,
            found=shown(name),
            expected=" or ".join(sorted(standards())),
            hint=nearest(name[:80], standards()) if isinstance(name, str) else "",
        )


@check("R1.4", "R3.5", of=Log)
def stops_at_the_target(log: Log) -> Iterator[Fault]:
    """The last evaluation before run_stop reaches the target, and none before it does."""
    standard, stop = log.standard, log.stop
    if standard is None or stop is None:
        return
    severity = Severity.WARNING if log.may_miss else Severity.ERROR
    counted = [
        (event, value)
        for event in log.metrics
        if event.line < stop.line and (value := as_number(event.value)) is not None
    ]
    if not counted:
        yield Fault(
            "no evaluation stands before run_stop",
            line=stop.line,
            severity=severity,
            expected=f"{standard.goal.log_key} of at least one epoch",
        )
        return
    last, reached = counted[-1]
    if not standard.goal.reached_by(reached):
        yield Fault(
            "the last evaluation before run_stop misses the target",
            line=last.line,
            found=shown(reached),
            expected=f"{standard.goal.reaches.replace('_', ' ')} {standard.goal.target:g}",
            severity=severity,
            hint="a run that does not reach the target has no time to train",
        )
    for event, value in counted[:-1]:
        if standard.goal.reached_by(value):
            yield Fault(
                "the target was reached before the last evaluation",
                line=event.line,
                rule="R3.5",
                expected="run_stop after the first evaluation that reaches it",
                found=shown(value),
                severity=Severity.ERROR if log.ours else Severity.WARNING,
            )


@check("R3.5", of=Log)
def ends_with_success(log: Log) -> Iterator[Fault]:
    """run_stop says success."""
    for event in log.of(keys.RUN_STOP):
        status = event.metadata.get(keys.STATUS)
        if status != keys.SUCCESS:
            yield Fault(
                "the run did not end with success",
                line=event.line,
                expected='status "success"',
                found=shown(status),
                severity=Severity.WARNING if log.may_miss else Severity.ERROR,
            )


@check("R1.2", of=Log)
def metric_values(log: Log) -> Iterator[Fault]:
    """The metric is a number, of ours within its bounds; both keys of older logs say the same."""
    goal = log.goal
    for event in log.metrics:
        value = as_number(event.value)
        if value is None or (log.ours and not goal.possible(value)):
            yield Fault(
                f"{event.key} is not a value of the metric",
                line=event.line,
                found=shown(event.value),
                expected=_number_of(goal) if log.ours else "a number",
            )
    if not log.ours:
        return
    twins = log.of(keys.F1_MACRO)
    said, again = (
        [(each.value, each.metadata.get(keys.EPOCH_NUM), each.metadata.get(keys.SAMPLES_COUNT)) for each in events]
        for events in (log.metrics, twins)
    )
    if twins and said != again:
        odd = next((one for one, other in zip(log.metrics, twins, strict=False) if one.value != other.value), None)
        yield Fault(
            f"{keys.EVAL_ACCURACY} and {keys.F1_MACRO} differ",
            line=odd.line if odd else None,
            expected="the same values, epochs and counts under both keys",
        )
    values = [value for event in log.metrics if (value := as_number(event.value)) is not None]
    best = goal.best(values) if values else None
    for event in log.of(goal.test_key):
        value = as_number(event.value)
        if value is None or not goal.possible(value):
            yield Fault(
                "the test score is not a value of the metric",
                line=event.line,
                found=shown(event.value),
                expected=_number_of(goal),
            )
        elif None not in (best, goal.low, goal.high) and goal.distance(value) - goal.distance(best) > FAR_BELOW:
            yield Fault(
                "the test score is far below that of the dev split",
                line=event.line,
                found=shown(value),
                expected=f"near {best:g}",
                severity=Severity.WARNING,
            )
    for event in log.of(keys.TEST_BY_PART):
        if not are_shares(event.value):
            yield Fault(
                "the test score by part is not made of shares",
                line=event.line,
                found=shown(event.value),
                expected="by part and name, a number from 0 to 1",
            )


def _number_of(goal: Goal) -> str:
    return "a finite number" if goal.low is goal.high is None else f"a number {goal.range}"


@check("R4.1", of=Log, ours_alone=True)
def evaluated_after_each_epoch(log: Log) -> Iterator[Fault]:
    """Epoch, evaluation and its metric follow each other, once each for epochs 1, 2, 3, ..."""
    turn = (keys.EPOCH_START, keys.EPOCH_STOP, keys.EVAL_START, keys.EVAL_STOP, log.goal.log_key)
    found = [event for event in log.events if event.key in turn]
    for place, event in enumerate(found):
        key, epoch = turn[place % len(turn)], place // len(turn) + 1
        number = event.metadata.get(keys.EPOCH_NUM)
        if event.key != key or as_count(number) != epoch:
            yield Fault(
                "epochs and evaluations do not take turns",
                line=event.line,
                expected=f"{key} of epoch {epoch}",
                found=f"{event.key} of epoch {shown(number)}",
            )
            return
    if len(found) % len(turn) or not found:
        yield Fault(
            "the last epoch was not evaluated" if found else "there is no epoch",
            line=found[-1].line if found else None,
            expected=turn[len(found) % len(turn)],
        )


@check("R4.3", of=Log)
def epochs_numbered(log: Log) -> Iterator[Fault]:
    """Whatever has an epoch says its number; of one key they rise; ours count from 1."""
    for key in {
        keys.EPOCH_START,
        keys.EPOCH_STOP,
        keys.EVAL_START,
        keys.EVAL_STOP,
        *(event.key for event in log.metrics),
    }:
        before: float | None = None
        for event in log.of(key):
            number = as_number(event.metadata.get(keys.EPOCH_NUM))
            if number is None:
                yield Fault(
                    f"{key} does not say its epoch",
                    line=event.line,
                    found=shown(dict(event.metadata)),
                    expected=f"{keys.EPOCH_NUM} in its metadata",
                )
            elif before is not None and number <= before:
                yield Fault(
                    f"{key} of epoch {number:g} follows that of epoch {before:g}",
                    line=event.line,
                    severity=Severity.ERROR if log.ours else Severity.WARNING,
                )
            before = before if number is None else number


@check("R4.4", of=Log, ours_alone=True)
def not_resumed(log: Log) -> Iterator[Fault]:
    """A resumed run is not scored."""
    for event in log.of(keys.RESUMED):
        yield Fault(
            "the run was resumed",
            line=event.line,
            found=f"after epoch {shown(event.value)}",
            expected="a run in one piece",
        )


@check("R4.2", of=Log)
def seed_logged(log: Log) -> Iterator[Fault]:
    """A closed run logs the seed that it took."""
    seeds = log.of(keys.SEED)
    asked = log.ours or log.ruleset not in BEFORE_SEEDS or log.value(keys.SUBMISSION_BENCHMARK) == "deepcam"
    if not seeds and asked and (log.closed or log.ours):
        yield Fault("the run logs no seed", expected=f"{keys.SEED} with a whole number")
    for event in seeds:
        if as_count(event.value) is None:
            yield Fault(
                "the seed is not a whole number",
                line=event.line,
                found=shown(event.value),
                severity=Severity.ERROR if log.ours else Severity.WARNING,
            )


@check("R5.2", of=Log)
def division_known(log: Log) -> Iterator[Fault]:
    """A log says closed or open, in all the places where it says a division."""
    settings = log.settings()
    for name, key in (
        ("division", keys.SUBMISSION_DIVISION),
        ("status", keys.SUBMISSION_STATUS),
        ("org", keys.SUBMISSION_ORG),
    ):
        if name in settings and settings[name] != log.value(key):
            yield Fault(
                f"{key} differs from the settings",
                line=log.of(key)[0].line if log.of(key) else None,
                expected=f"{shown(settings[name])}, as in config",
                found=shown(log.value(key)),
            )
