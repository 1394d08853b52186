"""The reader of MLLOG events: every event keeps the number of its line, and a malformed one is never passed over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.events import keys
from benchmark.foundation.errors import StemdlError

_FIELDS: Mapping[str, type] = {"time_ms": int, "event_type": str, "key": str, "value": object, "metadata": dict}


@dataclass(frozen=True)
class Event:
    """One line of a log. `line` counts from 1; `time_ms` is the wall clock in milliseconds since 1970."""

    line: int
    time_ms: int
    event_type: str
    key: str
    value: Any
    metadata: Mapping[str, Any]


def iter_events(path: Path) -> Iterator[Event]:
    """The events of a log one by one, however long it is; lines that do not begin with `:::MLLOG` are passed over.

    Raises StemdlError with file:line at an MLLOG line that does not hold what mlperf-logging writes.
    """
    try:
        with open(path, "rb") as handle:
            for number, line in enumerate(handle, 1):
                if line.startswith(keys.PREFIX.encode()):
                    yield _event(line, number, f"{path}:{number}")
    except OSError as error:
        raise StemdlError("the log cannot be read", where=path, found=error) from error


def read_events(path: Path) -> list[Event]:
    """All events of a log, in its order. Raises as `iter_events` does."""
    return list(iter_events(path))


def _event(line: bytes, number: int, where: str) -> Event:
    def malformed(expected: str, found: object) -> StemdlError:
        return StemdlError("this MLLOG line is malformed", where=where, expected=expected, found=found)

    try:
        values = json.loads(line[len(keys.PREFIX) :].decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise malformed(f"{keys.PREFIX} and a JSON object", error) from error
    if not isinstance(values, dict):
        raise malformed("a JSON object", type(values).__name__)
    for name, kind in _FIELDS.items():
        if name not in values:
            raise malformed(f"a field {name!r}", ", ".join(values) or "no field")
        if not isinstance(values[name], kind) or isinstance(values[name], bool) and kind is int:
            raise malformed(f"{name!r} of type {kind.__name__}", repr(values[name]))
    if values["event_type"] not in keys.EVENT_TYPES:
        raise malformed(f"'event_type' one of {', '.join(keys.EVENT_TYPES)}", repr(values["event_type"]))
    return Event(number, **{name: values[name] for name in _FIELDS})


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
