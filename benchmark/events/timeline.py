"""What a run's events say, as one value: when it ran, what it reached, on what. Nothing missing is made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.events import keys
from benchmark.events.reader import Event


@dataclass(frozen=True)
class Timeline:
    """A run, read from its log. Whatever the log does not hold is None.

    Of a mark that a log holds more than once (a resumed run does), the start is the first and the stop the last, so
    no time is lost; of a value, the first. Whether it may be there twice is for the validation to say.

    Attributes
    ----------
    status : of the last run_stop: "success", "aborted", or whatever it says.
    run_start_ms, run_stop_ms : wall clock, milliseconds since 1970.
    init_seconds : from the first init_start to the last init_stop.
    staging_seconds : sum of the staging intervals.
    train_seconds : sum of the finished epochs, less what of them was evaluation.
    eval_seconds : sum of the finished evaluations.
    epochs : how many were finished.
    evaluations : (epoch_num, metric in [0, 1]) of each eval_accuracy, in the log's order, even after run_stop.
    values : of each point in time, the first value.
    """

    status: str | None
    run_start_ms: int | None
    run_stop_ms: int | None
    init_seconds: float | None
    staging_seconds: float | None
    train_seconds: float | None
    eval_seconds: float | None
    epochs: int | None
    evaluations: tuple[tuple[int | None, float], ...]
    values: Mapping[str, Any]

    @classmethod
    def of(cls, events: Iterable[Event]) -> Timeline:
        """One pass over the events of a log, in its order."""
        first: dict[str, int] = {}
        last: dict[str, Event] = {}
        values: dict[str, Any] = {}
        evaluations: list[tuple[int | None, float]] = []
        finished_epochs: set[str] = set()
        spans = {name: _Spans() for name in (keys.STAGING, keys.EPOCH, keys.EVAL)}
        for event in events:
            first.setdefault(event.key, event.time_ms)
            last[event.key] = event
            if event.event_type == keys.POINT_IN_TIME:
                values.setdefault(event.key, event.value)
            name, _, edge = event.key.rpartition("_")
            if name in spans and edge == "start":
                spans[name].begin(event.time_ms)
            elif name in spans and edge == "stop":
                length_ms = spans[name].end(event.time_ms)
                spans[keys.EPOCH].take_out(length_ms if name == keys.EVAL else 0)
            if event.key == keys.EPOCH_STOP:
                finished_epochs.add(str(event.metadata.get(keys.EPOCH_NUM, f"line {event.line}")))
            if event.key == keys.EVAL_ACCURACY:
                evaluations.append((event.metadata.get(keys.EPOCH_NUM), event.value))
        stop = last.get(keys.RUN_STOP)
        stop_ms = {key: event.time_ms for key, event in last.items()}
        return cls(
            status=stop.metadata.get(keys.STATUS) if stop else None,
            run_start_ms=first.get(keys.RUN_START),
            run_stop_ms=stop_ms.get(keys.RUN_STOP),
            init_seconds=_seconds(first.get(keys.INIT_START), stop_ms.get(keys.INIT_STOP)),
            staging_seconds=spans[keys.STAGING].seconds,
            train_seconds=spans[keys.EPOCH].seconds,
            eval_seconds=spans[keys.EVAL].seconds,
            epochs=len(finished_epochs) or None,
            evaluations=tuple(evaluations),
            values=values,
        )

    def value(self, key: str) -> Any:
        """The first value that the log holds under a point in time of that key, or None."""
        return self.values.get(key)

    @property
    def time_to_train_seconds(self) -> float | None:
        """run_stop less run_start: the score, when the status is success."""
        return _seconds(self.run_start_ms, self.run_stop_ms)

    @property
    def samples_per_second(self) -> float | None:
        """Computed, not the trainer's own tracked_stats: finished epochs x train_samples / train_seconds."""
        if None in (self.epochs, self.train_samples) or not self.train_seconds:
            return None
        return self.epochs * self.train_samples / self.train_seconds

    @property
    def benchmark(self) -> str | None:
        """The rung's name."""
        return self.value(keys.SUBMISSION_BENCHMARK)

    @property
    def division(self) -> str | None:
        return self.value(keys.SUBMISSION_DIVISION)

    @property
    def seed(self) -> int | None:
        return self.value(keys.SEED)

    @property
    def global_batch_size(self) -> int | None:
        return self.value(keys.GLOBAL_BATCH_SIZE)

    @property
    def train_samples(self) -> int | None:
        return self.value(keys.TRAIN_SAMPLES)

    @property
    def eval_samples(self) -> int | None:
        return self.value(keys.EVAL_SAMPLES)

    @property
    def nodes(self) -> int | None:
        return self.value(keys.NUMBER_OF_NODES)

    @property
    def accelerators_per_node(self) -> int | None:
        return self.value(keys.ACCELERATORS_PER_NODE)


class _Spans:
    """Adds up the intervals of one name; one that is never ended adds nothing."""

    def __init__(self) -> None:
        self.total_ms: int | None = None
        self.start_ms: int | None = None
        self.taken_out_ms = 0

    def begin(self, time_ms: int) -> None:
        self.start_ms, self.taken_out_ms = time_ms, 0

    def take_out(self, length_ms: int) -> None:
        """What lies within an interval and is not to be counted; without an interval begun, nothing."""
        self.taken_out_ms += length_ms

    def end(self, time_ms: int) -> int:
        """The length of the interval that ends, in milliseconds."""
        if self.start_ms is None:
            return 0
        length_ms = time_ms - self.start_ms - self.taken_out_ms
        self.total_ms, self.start_ms = (self.total_ms or 0) + length_ms, None
        return length_ms

    @property
    def seconds(self) -> float | None:
        return None if self.total_ms is None else self.total_ms / 1000


def _seconds(start_ms: int | None, stop_ms: int | None) -> float | None:
    return None if start_ms is None or stop_ms is None else (stop_ms - start_ms) / 1000
