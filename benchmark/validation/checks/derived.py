"""Numbers of a run that its clocks, batches and instruments give apart, and that were made of one another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from statistics import median, pstdev

from benchmark.events import keys
from benchmark.validation.chance import DOUBTFUL, all_one_way, all_together
from benchmark.validation.checks.likeness import EXACT, FEWEST_EPOCHS
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.intervals import seconds_of
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet, as_count, as_number

SINGLE_BITS, SMALLER = 23, 8
"""Digits of a 32-bit number after the first, and how many times two is as often in a mean loss as in the least of its
batches. Of 1,979 recorded epochs of ten rungs the largest was 4."""
SAME = 1e-9
"""The share that two products of measured numbers differ by where they are one."""
FEWEST = 4
VARY_MS = 5.0
"""Standard deviation of evaluations that a clock of milliseconds shows."""
FORMS = {
    "the score": lambda score: score,
    "the square of the score": lambda score: score**2,
    "the logarithm of the score": lambda score: math.log(score) if score > 0 else math.nan,
    "the root of the score": lambda score: math.sqrt(score) if score >= 0 else math.nan,
    "the inverse of the score": lambda score: 1 / score if score else math.nan,
}


@check("R4.6", of=Log, ours_alone=True)
def losses_are_means_of_batches(log: Log) -> Iterator[Fault]:
    """The reference's loss is a sum of 32-bit numbers by the steps of all ranks, so that times these it has few bits
    behind the point; what somebody wrote or changed has as many as a number can."""
    ranks, before = as_count(log.settings().get("ranks")), 0
    if not log.closed or not ranks or ranks < 1 or "trainer" in log.settings() or log.standard is None:
        return
    others = []
    for event in log.of(keys.TRACKED_STATS):
        step = as_count(event.metadata.get("step_num"))
        loss = as_number(event.value.get("loss")) if isinstance(event.value, dict) else None
        if step is None or step <= before or loss is None:
            return  # R4.7 and R3.11 say so
        if not is_mean(float(loss), (step - before) * ranks):
            others.append((event.line, loss))
        before = step
    if others:
        line, loss = others[0]
        yield Fault(
            "a loss is not a mean of the losses of batches",
            line=line,
            expected="a sum of numbers of 32 bits by the number of steps and ranks, as the trainer makes it",
            found=f"{loss!r}" + (f", and {len(others) - 1} more" if len(others) > 1 else ""),
            severity=Severity.WARNING,
        )


def is_mean(value: float, count: int) -> bool:
    """Whether a number is the mean of `count` numbers of 32 bits, of its size or a 256th of it, summed in 64 bits; of
    others about one in 10,000 is."""
    if value == 0.0:
        return True
    bits = SINGLE_BITS + SMALLER - math.floor(math.log2(abs(value)))
    if not 0 <= bits <= 1000:
        return False
    total = round(value * count * 2.0**bits)
    return any((total + near) / 2.0**bits / count == value for near in (-1, 0, 1))


@check("R4.6", of=ResultSet, ours_alone=True)
def losses_are_not_made_of_scores(results: ResultSet) -> Iterator[Fault]:
    """The losses of a run do not lie on a line in its scores, or in their squares, logarithms, roots or inverses, to
    seven digits: losses are of the train split, scores of dev."""
    for log in results.read if all(log.closed for log in results.read) else ():
        stats = [event.value if isinstance(event.value, dict) else {} for event in log.of(keys.TRACKED_STATS)]
        pairs = [
            (float(loss), float(score))
            for value, event in zip(stats, log.metrics, strict=False)
            if (loss := as_number(value.get("loss"))) is not None and (score := as_number(event.value)) is not None
        ]
        if len(pairs) < FEWEST_EPOCHS:
            continue
        losses = [loss for loss, _ in pairs]
        for name, form in FORMS.items():
            by = [form(score) for _, score in pairs]
            if off_a_line(losses, by) <= EXACT * (max(losses) - min(losses)):
                yield _doubted(log.file, f"the losses of the run are a line in {name}", f"in all {len(pairs)} epochs")
                return


def off_a_line(told: Sequence[float], by: Sequence[float]) -> float:
    """The largest distance from the best line of some numbers in others; infinite where there is none."""
    if not all(map(math.isfinite, by)):
        return math.inf
    mean, middle = sum(told) / len(told), sum(by) / len(by)
    spread = sum((each - middle) ** 2 for each in by)
    if spread <= 0:
        return math.inf
    slope = sum((each - middle) * (value - mean) for each, value in zip(by, told, strict=True)) / spread
    return max(abs(value - mean - slope * (each - middle)) for each, value in zip(by, told, strict=True))


@check("R3.9", of=ResultSet, ours_alone=True)
def lengths_are_not_made_of_others(results: ResultSet) -> Iterator[Fault]:
    """Evaluations are not one share of the epochs before them, to the millisecond, and the epochs of the runs do not
    all get longer, or shorter, one after another."""
    logs = [log for log in results.read if log.closed]
    pairs, orders = [], []
    for log in logs:
        epochs = seconds_of(log, keys.EPOCH_START, keys.EPOCH_STOP)
        evaluations = seconds_of(log, keys.EVAL_START, keys.EVAL_STOP)
        pairs += [(1000 * epochs[epoch], 1000 * evaluations[epoch]) for epoch in epochs.keys() & evaluations.keys()]
        orders.append(all_one_way([round(1000 * each) for each in epochs.values()]))
    if len(pairs) >= FEWEST_EPOCHS and pstdev(each for _, each in pairs) >= VARY_MS:
        share = median(evaluation / epoch for epoch, evaluation in pairs if epoch)
        off = max(abs(evaluation - share * epoch) for epoch, evaluation in pairs)
        if off <= 1.0 + 1e-6 * max(epoch for epoch, _ in pairs) and pstdev(each for each, _ in pairs) >= VARY_MS:
            yield _doubted(
                logs[0].file,
                "the evaluations are one share of the epochs",
                f"{share:.5g} of {len(pairs)}, to {off:.1f} ms",
            )
    if orders and max(orders) < 1.0 and all_together(orders) < DOUBTFUL:
        yield _doubted(logs[0].file, "the epochs of all runs are sorted by their length", f"{len(orders)} runs")


@check("R7.5", of=ResultSet, ours_alone=True)
def preflights_measure_apart(results: ResultSet) -> Iterator[Fault]:
    """What a preflight measures does not follow from something else that it measured, or from the log's times, by one
    number in all runs."""
    logs = [log for log in results.read if log.closed]
    rows = [(log, figures) for log in logs if (figures := _figures(log))]
    names = sorted(set.intersection(*(set(figures) for _, figures in rows))) if len(rows) >= FEWEST else []
    for one, other in itertools.combinations(names, 2):
        columns = [[figures[name] for _, figures in rows] for name in (one, other)]
        if any(min(column) <= 0 or pstdev(column) < 1e-5 * max(column) for column in columns):
            continue
        for what, made in (
            ("product", [a * b for a, b in zip(*columns, strict=True)]),
            ("ratio", [a / b for a, b in zip(*columns, strict=True)]),
            ("difference", [a - b for a, b in zip(*columns, strict=True)]),
            ("sum", [a + b for a, b in zip(*columns, strict=True)]),
        ):
            if max(made) - min(made) <= SAME * max(map(abs, (*made, *columns[0]))):
                yield _doubted(results.file, f"{one} and {other} of the preflights have one {what}", shown(made[0]))


def _figures(log: Log) -> dict[str, float]:
    """The seconds, latency and bandwidth of a preflight, and the seconds from the log's start to it."""
    events, starts = log.of(keys.PREFLIGHT), log.of(keys.INIT_START)
    value = events[0].value if events and isinstance(events[0].value, dict) else {}
    figures = value.get("figures") if isinstance(value.get("figures"), dict) else {}
    network = figures.get("all_reduce") if isinstance(figures.get("all_reduce"), dict) else {}
    told = {
        "seconds": as_number(figures.get("seconds")),
        "latency": as_number(network.get("latency_seconds")),
        "bandwidth": as_number(network.get("bandwidth_bytes_per_second")),
        "the time in the log": (events[0].time_ms - starts[0].time_ms) / 1000 if starts and events else None,
    }
    return {name: float(each) for name, each in told.items() if each is not None}


def _doubted(file: str, what: str, found: str) -> Fault:
    expected = "numbers that are measured, or learned, apart"
    return Fault(what, file=file, expected=expected, found=found, severity=Severity.WARNING)
