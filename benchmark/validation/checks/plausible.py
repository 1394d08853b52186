"""Whether what a log says to have been learned, evaluated and read can be: held to recorded runs of the reference."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

from benchmark.definition.curves import Curve
from benchmark.definition.goal import AT_LEAST, AT_MOST, Goal
from benchmark.events import keys
from benchmark.validation.checks.measured import evaluated_samples, is_share
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.intervals import epoch_of
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, as_number
from benchmark.validation.trace import recorded_at

OF_THE_WAY, AS_RECORDED = 0.5, 0.65
"""A run keeps at least this share of a recorded run's distance to perfection (of the metric to its best value, of the
loss to its least), and more where its settings are theirs: of recorded runs at one batch size the best keeps 0.79 of
what the next one does, or more."""
TIMES_THE_WAY = 1.5
"""How many times as far from perfection a score may be as the worst recorded one, of a run with the settings of the
recorded runs. At one batch size, recorded runs lie 1.3 times as far as each other after the first epoch."""
TIMES_BACK = 1.4
"""How many times as far from perfection as after an epoch before, and as in recorded runs, a score may come, of a run
with their settings: no recorded score fell by more than a tenth of what was left."""
CHANGE_NO_CURVE = {"global_batch_size", "threads_per_rank"}
TIMES_THE_LOSS = 1.5
"""How many times as far above its least value a run's loss may be at the target as a recorded run's."""
ROUNDING = 1e-3
"""How far the mean of float32 losses may lie below what can be."""
TEST_SIGMAS, TEST_OFFSET, OF_AN_ERROR = 2.0, 0.03, 0.75
"""Standard deviations, of two splits of so many samples, by which dev and test score may differ beyond the offsets of
recorded runs, whose test split is 0.00 to 0.03 the easier. The splits are the same in all runs. The root of a mean of
squares has a standard deviation of this share by one sample, whose square varies by one and a half of its mean."""


def least_loss(classes: int, smoothing: float) -> float:
    """The least cross entropy with smoothed labels, that of the smoothed label itself (Szegedy et al. 2016, section 7:
    H(q, p) >= H(q)), in nats."""
    other = smoothing / classes
    own = 1.0 - smoothing + other
    return -own * math.log(own) - (classes - 1) * (other * math.log(other) if other > 0 else 0.0)


@check("R3.11", of=Log, ours_alone=True)
def losses_can_be(log: Log) -> Iterator[Fault]:
    """The loss is a number, not below the least that smoothed labels leave, and as the reference's in each epoch."""
    least, known = _least(log), _recorded(log)
    if least is None:
        return
    for place, event in enumerate(log.of(keys.TRACKED_STATS)):
        value = event.value if isinstance(event.value, dict) else {}
        loss = as_number(value.get("loss"))
        if "loss" not in value and not log.closed:
            continue
        if loss is None or loss < least - ROUNDING:
            yield Fault(
                "the loss is below the least that there is" if loss is not None else "the loss is not a number",
                line=event.line,
                expected=f"at least {least:.4f}" + (", with label_smoothing" if least else ""),
                found=shown(value.get("loss")),
                severity=Severity.ERROR if log.closed else Severity.WARNING,
            )
            continue
        recorded = [curve.losses[place] for curve in known if place < len(curve.losses)]
        most = least + TIMES_THE_LOSS * (max(recorded) - least) if recorded and as_recorded(log) else None
        if most is not None and loss > most and place < len(log.of(keys.TRACKED_STATS)) - 1:
            yield Fault(
                f"the loss of epoch {epoch_of(event)} is far above that of the reference at these settings",
                line=event.line,
                expected=f"at most {most:.3f}; recorded {_range(recorded)}",
                found=f"{loss:.4f}",
                severity=Severity.WARNING,
            )
        fewest = least + _of_the_way(log) * (min(recorded) - least) if recorded else None
        if fewest is not None and loss < fewest:
            yield Fault(
                f"the loss of epoch {epoch_of(event)} is far below that of the reference",
                line=event.line,
                expected=f"at least {fewest:.3f}; recorded {_range(recorded)}",
                found=f"{loss:.4f}",
                severity=Severity.WARNING,
            )
    yield from _loss_at_the_target(log, least, known)


def _least(log: Log) -> float | None:
    """The least loss that the task leaves: that of smoothed labels, or 0 of an error; None where nobody knows."""
    standard, smoothing = log.standard, log.setting("label_smoothing")
    if standard is not None and standard.classes and smoothing is not None and 0 <= smoothing < 1:
        return least_loss(standard.classes, smoothing)
    return 0.0 if standard is not None and standard.curves and standard.goal.reaches == AT_MOST else None


def _loss_at_the_target(log: Log, least: float, known: tuple[Curve, ...]) -> Iterator[Fault]:
    told = log.of(keys.TRACKED_STATS)
    loss = as_number(told[-1].value.get("loss")) if told and isinstance(told[-1].value, dict) else None
    recorded = [curve.losses[-1] for curve in known]
    if loss is None or not recorded or log.timeline.status != keys.SUCCESS:
        return
    most = least + TIMES_THE_LOSS * (max(recorded) - least)
    if loss > most:
        yield Fault(
            "the loss is far above that of the reference at the target",
            line=told[-1].line,
            expected=f"at most {most:.3f}; recorded {_range(recorded)}",
            found=f"{loss:.4f}",
            severity=Severity.WARNING,
        )


@check("R3.11", of=Log, ours_alone=True)
def scores_can_be(log: Log) -> Iterator[Fault]:
    """After each epoch a run has not learned far more than the reference had, and the test split's score is near the
    dev split's and not the same."""
    goal = log.goal
    ahead, behind = ("above", "below") if goal.reaches == AT_LEAST else ("below", "above")
    for place, event in enumerate(log.metrics):
        recorded = [curve.values[place] for curve in _recorded(log) if place < len(curve.values)]
        value = as_number(event.value)
        if value is None or not recorded or _left(goal, value) is None:
            continue
        left, kept = _left(goal, value), [_left(goal, each) for each in recorded]
        if left < (nearest := _of_the_way(log) * min(kept)):
            yield Fault(
                f"the score after epoch {epoch_of(event)} is far {ahead} that of the reference",
                line=event.line,
                expected=f"not {ahead} {_reaching(goal, nearest):.3f}; recorded {_range(recorded)}",
                found=shown(value),
                severity=Severity.WARNING,
            )
        if as_recorded(log) and left > TIMES_THE_WAY * max(kept):
            yield Fault(
                f"the score after epoch {epoch_of(event)} is far {behind} that of the reference at these settings",
                line=event.line,
                expected=f"not {behind} {_reaching(goal, TIMES_THE_WAY * max(kept)):.3f}; recorded {_range(recorded)}",
                found=shown(value),
                severity=Severity.WARNING,
                hint="a run of another batch size, or of other settings",
            )
    yield from _falls_back(log)
    last = as_number(log.metrics[-1].value) if log.metrics else None
    samples, most_samples = (log.standard.samples if log.standard is not None else {}), evaluated_samples(log.standard)
    yield from _perfect(log)
    for event in log.of(log.goal.test_key) if log.standard is not None else ():
        value = as_number(event.value)
        if value is None or last is None:
            continue
        if value == last and value not in (log.goal.low, log.goal.high) and not is_share(value, most_samples):
            yield Fault(
                "the test score is the dev score, to the last digit",
                line=event.line,
                found=shown(value),
                expected="another: the splits have no unit in common",
                severity=Severity.WARNING,
            )
        if log.standard is None or not log.standard.curves:
            continue
        of_one = last * (1 - last) if goal.reaches == AT_LEAST else (OF_AN_ERROR * last) ** 2
        spread = of_one * (1 / max(samples.get("dev", 1), 1) + 1 / max(samples.get("test", 1), 1))
        apart = TEST_SIGMAS * math.sqrt(max(spread, 0.0))
        low, high = last - apart, last + apart + (TEST_OFFSET if goal.reaches == AT_LEAST else 0.0)
        if not low <= value <= high:
            yield Fault(
                f"the test score is far {'below' if value < low else 'above'} that of the dev split",
                line=event.line,
                found=shown(value),
                expected=f"{low:.3f} to {high:.3f}, with {last:g} on the dev split",
                severity=Severity.WARNING,
            )


def _left(goal: Goal, value: float) -> float | None:
    """The distance of a value to perfection; None where the metric has no best value."""
    if goal.reaches == AT_LEAST:
        return None if goal.high is None else goal.high - value
    return None if goal.low is None else value - goal.low


def _reaching(goal: Goal, left: float) -> float:
    """The value that is so far from perfection."""
    return (goal.high or 0.0) - left if goal.reaches == AT_LEAST else (goal.low or 0.0) + left


def _of_the_way(log: Log) -> float:
    return AS_RECORDED if as_recorded(log) else OF_THE_WAY


def as_recorded(log: Log) -> bool:
    """Whether a log is of a batch size at which runs were recorded, and of the settings that these had: then it learns
    no slower either."""
    batch, recorded = log.value(keys.GLOBAL_BATCH_SIZE), _recorded(log)
    return bool(recorded) and recorded[0].global_batch_size == batch and settings_as_recorded(log)


def settings_as_recorded(log: Log) -> bool:
    """Whether a log is of the settings that the recorded runs had, whatever its batch size and its threads are."""
    standard, settings = log.standard, log.settings()
    if standard is None:
        return False
    tuned = [name for name in standard.tunable if name in standard.settings and name not in CHANGE_NO_CURVE]
    return all(settings.get(name) == standard.settings[name].default for name in tuned)


def _falls_back(log: Log) -> Iterator[Fault]:
    """What a run has learned it does not lose."""
    known = [_farther(log.goal, list(curve.values)) for curve in _recorded(log)] if as_recorded(log) else []
    if not known:
        return
    most = TIMES_BACK * max([1.0, *itertools.chain.from_iterable(known)])
    for event, farther in zip(
        log.metrics[1:], _farther(log.goal, [as_number(event.value) for event in log.metrics]), strict=False
    ):
        if farther > most:
            yield Fault(
                f"the score after epoch {epoch_of(event)} is far from one that was reached before",
                line=event.line,
                expected=f"at most {most:.3g} times as far from perfection",
                found=f"{shown(event.value)}, {farther:.3g} times",
                severity=Severity.WARNING,
            )


def _farther(goal: Goal, values: Sequence[float | None]) -> list[float]:
    """How many times as far from perfection each value is, but for the first, as the best before it; nothing of what
    has no distance."""
    left = [None if value is None else _left(goal, value) for value in values]
    if None in left or not all(left):
        return []
    return [one / best for one, best in zip(left[1:], itertools.accumulate(left, min), strict=False)]


def _perfect(log: Log) -> Iterator[Fault]:
    """Shares may all be right; what is estimated by gradients is never without any error."""
    if not log.closed or log.goal.reaches != AT_MOST or log.standard is None or not log.standard.by_gradients:
        return
    for event in log.metrics + log.of(log.goal.test_key):
        if as_number(event.value) == log.goal.low:
            yield Fault(
                f"{event.key} is without any error",
                line=event.line,
                expected=f"above {log.goal.low:g}",
                found=shown(event.value),
                severity=Severity.WARNING,
            )


def _recorded(log: Log) -> tuple[Curve, ...]:
    """The recorded runs that a closed log is like."""
    return recorded_at(log) if log.closed else ()


def _range(values: list[float]) -> str:
    return f"{min(values):g} to {max(values):g}" if len(values) > 1 else f"{values[0]:g}"
