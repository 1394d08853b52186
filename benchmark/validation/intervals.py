"""How long the intervals of a log are."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.validation.finding import shown
from benchmark.validation.subjects import Log, as_number


def epoch_of(event: Event) -> str:
    """The number of an event's epoch, as text."""
    return shown(event.metadata.get(keys.EPOCH_NUM))


def epoch_seconds(log: Log) -> dict[str, float]:
    """Length of each finished epoch, by its number as text."""
    return seconds_of(log, keys.EPOCH_START, keys.EPOCH_STOP)


def seconds_of(log: Log, start: str, stop: str) -> dict[str, float]:
    """Length of each finished interval, by its epoch as text."""
    started: Event | None = None
    lengths = {}
    for event in log.events:
        if event.key == start:
            started = event
        elif event.key == stop and started is not None:
            lengths[epoch_of(started)] = (event.time_ms - started.time_ms) / 1000
            started = None
    return lengths


def paces(log: Log) -> Iterator[tuple[Event, tuple[float, float, float] | None]]:
    """The line of each epoch's samples/s, with the samples seen in it, the samples/s by the trainer's clock and
    the seconds by the log's; None in place of the three where one of them is not told."""
    lengths, before = epoch_seconds(log), 0.0
    seen = {epoch_of(event): as_number(event.metadata.get(keys.SAMPLES_COUNT)) for event in log.metrics}
    for event in log.of(keys.TRACKED_STATS):
        rate = as_number(event.value.get(keys.THROUGHPUT)) if isinstance(event.value, dict) else None
        count, length = seen.get(epoch_of(event)), lengths.get(epoch_of(event))
        told = None if rate is None or count is None or length is None else (count - before, rate, length)
        before = before if count is None else count
        yield event, told
