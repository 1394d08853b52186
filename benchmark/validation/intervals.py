"""How long the intervals of a log are."""

from __future__ import annotations

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.validation.finding import shown
from benchmark.validation.subjects import Log


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
