"""What a run's events say, as one value: when it ran, what it reached, on what. Nothing missing is made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.foundation.reading import number_in


@dataclass(frozen=True)
class Timeline:
    """A run, read from its log. Whatever the log does not hold is None.

    Of a mark that a log holds more than once (a resumed run does), the start is the first and the stop the last, so
    no time is lost; of a value, the first. Whether it may be there twice is for the validation to say.

    Attributes
    ----------
    status : of the last run_stop: "success", "aborted", or whatever it says.
    interrupted : whether that run_stop says that the run was asked to end.
    run_start_ms, run_stop_ms : wall clock, milliseconds since 1970.
    init_seconds : from the first init_start to the last init_stop.
    staging_seconds : sum of the staging intervals.
    staging_on_clock_seconds : the same, of those that began after run_start.
    train_seconds : sum of the finished epochs begun before run_stop, less their own evaluations; one of another epoch,
        which goes on alongside the training, is not taken out.
    eval_seconds : sum of the finished evaluations begun before run_stop.
    epochs : how many of those epochs there are. Some go on training after run_stop, for a longer power measurement.
    evaluations : (epoch_num, metric) of each evaluation, in the log's order, even after run_stop.
    evaluations_at_stop : how many of them stand before the last run_stop.
    values : of each point in time, the first value.
    marks : how often the log holds run_start, and run_stop.
    """

    status: str | None
    interrupted: bool
    run_start_ms: int | None
    run_stop_ms: int | None
    init_seconds: float | None
    staging_seconds: float | None
    staging_on_clock_seconds: float | None
    train_seconds: float | None
    eval_seconds: float | None
    epochs: int | None
    evaluations: tuple[tuple[int | None, float], ...]
    evaluations_at_stop: int
    values: Mapping[str, Any]
    marks: tuple[int, int]

    @classmethod
    def of(cls, events: Iterable[Event], metric: str = keys.EVAL_ACCURACY) -> Timeline:
        """One pass over the events of a log, in its order. `metric` is the key that evaluations are logged under."""
        first: dict[str, int] = {}
        last: dict[str, Event] = {}
        values: dict[str, Any] = {}
        evaluations: list[tuple[int | None, float]] = []
        evaluations_at_stop = 0
        finished_epochs: set[str] = set()
        marks = {keys.RUN_START: 0, keys.RUN_STOP: 0}
        spans = {name: _Spans() for name in (keys.STAGING, keys.EPOCH, keys.EVAL)}
        on_clock = _Spans()
        stopped = False
        for event in events:
            first.setdefault(event.key, event.time_ms)
            last[event.key] = event
            if event.event_type == keys.POINT_IN_TIME:
                values.setdefault(event.key, event.value)
            if event.key in marks:
                marks[event.key] += 1
                stopped = event.key == keys.RUN_STOP
            name, _, edge = event.key.rpartition("_")
            number = str(event.metadata.get(keys.EPOCH_NUM)).removesuffix(".0") if name in spans else ""
            if name in spans and edge == "start" and not stopped:
                spans[name].begin(number, event.time_ms)
                if name == keys.STAGING and keys.RUN_START in first:
                    on_clock.begin(number, event.time_ms)
            elif name in spans and edge == "stop":
                start_ms = spans[name].end(number, event.time_ms)
                if name == keys.EVAL and start_ms is not None:
                    spans[keys.EPOCH].take_out(number, start_ms, event.time_ms)
                elif name == keys.STAGING:
                    on_clock.end(number, event.time_ms)
                elif name == keys.EPOCH and (start_ms is not None or not stopped):
                    finished_epochs.add(str(event.metadata.get(keys.EPOCH_NUM, f"line {event.line}")))
            if event.key == keys.RUN_STOP:
                evaluations_at_stop = len(evaluations)
            if event.key == metric:
                evaluations.append((event.metadata.get(keys.EPOCH_NUM), event.value))
        stop = last.get(keys.RUN_STOP)
        stop_ms = {key: event.time_ms for key, event in last.items()}
        return cls(
            status=stop.metadata.get(keys.STATUS) if stop else None,
            interrupted=stop is not None and stop.metadata.get(keys.INTERRUPTED) is True,
            run_start_ms=first.get(keys.RUN_START),
            run_stop_ms=stop_ms.get(keys.RUN_STOP),
            init_seconds=_seconds(first.get(keys.INIT_START), stop_ms.get(keys.INIT_STOP)),
            staging_seconds=spans[keys.STAGING].seconds,
            staging_on_clock_seconds=on_clock.seconds,
            train_seconds=spans[keys.EPOCH].seconds,
            eval_seconds=spans[keys.EVAL].seconds,
            epochs=len(finished_epochs) or None,
            evaluations=tuple(evaluations),
            evaluations_at_stop=evaluations_at_stop,
            values=values,
            marks=(marks[keys.RUN_START], marks[keys.RUN_STOP]),
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
        """Computed, not the trainer's own tracked_stats: finished epochs x train_samples / train_seconds; None too
        where a log holds something else than a number of samples."""
        samples = number_in(self.train_samples)
        if samples is None or self.epochs is None or not self.train_seconds:
            return None
        return self.epochs * samples / self.train_seconds

    @property
    def benchmark(self) -> str | None:
        """The rung's name."""
        return self.value(keys.SUBMISSION_BENCHMARK)

    @property
    def division(self) -> str | None:
        """The division that is logged; None where none is."""
        return self.value(keys.SUBMISSION_DIVISION)

    @property
    def seed(self) -> int | None:
        """The seed that is logged; None where none is."""
        return self.value(keys.SEED)

    @property
    def global_batch_size(self) -> int | None:
        """Samples of a step over all ranks; None where the log does not say."""
        return self.value(keys.GLOBAL_BATCH_SIZE)

    @property
    def train_samples(self) -> int | None:
        """Samples of an epoch; None where the log does not say."""
        return self.value(keys.TRAIN_SAMPLES)

    @property
    def eval_samples(self) -> int | None:
        """Samples of an evaluation; None where the log does not say."""
        return self.value(keys.EVAL_SAMPLES)

    @property
    def nodes(self) -> int | None:
        """How many nodes the run had; None where the log does not say."""
        return self.value(keys.NUMBER_OF_NODES)

    @property
    def accelerators_per_node(self) -> int | None:
        """Accelerators of each node; None where the log does not say."""
        return self.value(keys.ACCELERATORS_PER_NODE)


class _Spans:
    """Adds up the intervals of one name, each told from the others by its number; one that is never ended adds
    nothing."""

    def __init__(self) -> None:
        self.total_ms: int | None = None
        self.start_ms: dict[str, int] = {}
        self.counted_from_ms: dict[str, int] = {}  # later than the start by what was taken out

    def begin(self, number: str, time_ms: int) -> None:
        """An interval begins; one of the same number that was not ended is forgotten."""
        self.counted_from_ms[number] = self.start_ms[number] = time_ms

    def take_out(self, number: str, start_ms: int, stop_ms: int) -> None:
        """What lies within the interval of that number and is not to be counted; without it begun, nothing."""
        if number in self.start_ms:
            self.counted_from_ms[number] += max(0, stop_ms - max(start_ms, self.start_ms[number]))

    def end(self, number: str, time_ms: int) -> int | None:
        """The interval of that number ends; when it began, or None where it had not."""
        start_ms = self.start_ms.pop(number, None)
        if start_ms is not None:
            self.total_ms = (self.total_ms or 0) + time_ms - self.counted_from_ms.pop(number)
        return start_ms

    @property
    def seconds(self) -> float | None:
        return None if self.total_ms is None else self.total_ms / 1000


def _seconds(start_ms: int | None, stop_ms: int | None) -> float | None:
    return None if start_ms is None or stop_ms is None else (stop_ms - start_ms) / 1000
