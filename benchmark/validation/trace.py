"""What of a run is compared with other runs: what it learned, how long it took, and where it ran."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmark.definition.curves import Curve, at_batch_size
from benchmark.events import keys
from benchmark.metrics.agreement import decimals_of
from benchmark.validation.checks.measured import evaluated_samples, has_all_digits, is_share
from benchmark.validation.checks.pace import free_share, load_of
from benchmark.validation.checks.placement import cpus_of, placements
from benchmark.validation.finding import shown
from benchmark.validation.intervals import seconds_of
from benchmark.validation.subjects import Log, as_count, as_number

OF_TIMES = 4
"""Epochs whose times are compared: a run on a fast node is fast in all of them, and they are not independent."""
MOST_EPOCHS = 200
MOST_RANKS, MOST_CPUS = 64, 8
"""Ranks whose cores are compared with those of other sets, and cores of each."""
FEWEST_WRONG = 30
"""Wrong predictions below which two scores are often the same by chance."""
METRIC, LOSSES, RATES, TIMES = "the scores", "the losses", "the samples/s", "the times of epochs and evaluations"
LEARNED = (METRIC, LOSSES, RATES)


@dataclass(frozen=True)
class Trace:
    """What of a log is compared.

    `values` are by kind, and by epoch, None for what is not a number or says nothing; `steps` are those that they are
    written in. `told` is everything that was learned, as texts; `exact` are the numbers, by kind, that no other run has
    to the last digit; `recorded` are runs of the reference at its batch; `cores` are hosts and CPUs of its ranks, and
    `free_share` is what other programs left of their time.
    """

    path: Path
    file: str
    line: int | None
    benchmark: str
    ours: bool
    told: tuple[str, ...]
    evaluations: int
    exact: frozenset[tuple[str, float]]
    values: dict[str, list[float | None]]
    steps: dict[str, float]
    recorded: tuple[Curve, ...]
    seed: int | None
    start_ms: int
    stop_ms: int
    cores: frozenset[tuple[str, int]] = frozenset()
    free_share: float = 1.0

    @classmethod
    def of(cls, log: Log) -> Trace:
        """What is compared of a log."""
        names = {event.key for event in log.metrics} | {keys.TRACKED_STATS}
        logged = [event for event in log.events if event.key in names]
        stats = [event.value if isinstance(event.value, dict) else {} for event in log.of(keys.TRACKED_STATS)]
        lengths = [
            [1000 * each for each in seconds_of(log, start, stop).values()][:OF_TIMES]
            for start, stop in ((keys.EPOCH_START, keys.EPOCH_STOP), (keys.EVAL_START, keys.EVAL_STOP))
        ]
        metric = [_told(log, event.value) for event in log.metrics[:MOST_EPOCHS]]
        losses = [as_number(each.get("loss")) for each in stats[:MOST_EPOCHS]]
        rates = [as_number(each.get(keys.THROUGHPUT)) for each in stats[:OF_TIMES]]
        times = [each for some in lengths for each in [*some, *[None] * (OF_TIMES - len(some))]]
        return cls(
            log.path,
            log.file,
            logged[0].line if logged else None,
            log.standard.name if log.standard is not None else "",
            log.ours,
            tuple(sorted(shown(event.value) for event in logged)),
            len(log.metrics),
            frozenset(_exact(log, [*metric, _told(log, log.value(log.goal.test_key))], losses, rates)),
            {METRIC: changes(metric), LOSSES: changes(losses), RATES: rates, TIMES: times},
            {METRIC: decimals_of(metric), LOSSES: decimals_of(losses), RATES: decimals_of(rates), TIMES: 1.0},
            recorded_at(log),
            as_count(log.value(keys.SEED)),
            log.start.time_ms if log.start is not None else 0,
            log.stop.time_ms if log.stop is not None else 0,
            frozenset(
                (shown(place["host"]), cpu)
                for place in placements(log)[:MOST_RANKS]
                for cpu in sorted(cpus_of(place["cpus"]) or ())[:MOST_CPUS]
            ),
            free_share(load_of(log) or {}),
        )

    def meets(self, other: Trace) -> bool:
        """Whether the clocks of two runs ran at one time."""
        return self.start_ms < other.stop_ms and other.start_ms < self.stop_ms

    @cached_property
    def same_file(self) -> str:
        """The identity by which a log that is judged by two names is one."""
        return str(self.path.resolve())


def recorded_at(log: Log) -> tuple[Curve, ...]:
    """The recorded runs that a log's are like: at its batch size, or the nearest below."""
    batch = as_count(log.value(keys.GLOBAL_BATCH_SIZE))
    known = log.standard.curves if log.standard is not None else ()
    return at_batch_size(known, batch) if known and batch else ()


def _exact(log: Log, *values: list[float | None]) -> Iterator[tuple[str, float]]:
    """The numbers of a run of ours with all the digits of a computation, which another run has by no chance: not the
    shares of samples. What was learned is compared where recorded runs show that the seed changes it."""
    samples = evaluated_samples(log.standard)
    for kind, numbers in zip(LEARNED, values, strict=True) if log.ours else ():
        for each in numbers if kind == RATES or recorded_at(log) else ():
            if each is not None and has_all_digits(each) and not (kind == METRIC and is_share(each, samples)):
                yield kind, float(each)


def _told(log: Log, value: object) -> float | None:
    """A score; None for one that so few wrong predictions leave that many runs have it."""
    number, samples = as_number(value), log.number(keys.EVAL_SAMPLES)
    few = log.ours and log.goal.high == 1.0 and number is not None and (1.0 - number) * (samples or 0) < FEWEST_WRONG
    return None if few else number


def changes(values: Sequence[float | None]) -> list[float | None]:
    """The first value, and the change to each of the others: a run ahead of another stays ahead, and the values of
    the epochs after are not independent of it. A value that is logged again and again says nothing."""
    changes = [None if None in (a, b) or a == b else b - a for a, b in itertools.pairwise(values)]
    return [*values[:1], *changes]
