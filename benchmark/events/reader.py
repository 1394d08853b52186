"""The reader of MLLOG events: every event keeps the number of its line, and a malformed one is never passed over."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.events import keys
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.reading import Unreadable, lines_of

_FIELDS: tuple[tuple[str, type], ...] = (
    ("time_ms", int),
    ("event_type", str),
    ("key", str),
    ("value", object),
    ("metadata", dict),
)
_PREFIX = keys.PREFIX.encode()
LINE_BYTES = 256 * 2**10
MOST_BYTES, WHOLE_BYTES = 2**29, 2**26
"""The size at most of a log that is read event by event, and of one whose events are all kept: hundreds of times the
largest that was ever published, and what some seconds and 1 GB of memory are enough for."""
MOST_EVENTS = 2_000_000
_TOKEN = _PREFIX + b" "  # what mlperf-logging's parser looks for, anywhere in a line
_LAST_TIME_MS = 2**53  # the first whole number that a float cannot tell from the next


class Event(NamedTuple):
    """One line of a log. `line` counts from 1; `time_ms` is the wall clock in milliseconds since 1970. A tuple, since
    millions are made, each in a third of the time that a frozen dataclass takes."""

    line: int
    time_ms: int
    event_type: str
    key: str
    value: Any
    metadata: Mapping[str, Any]


def iter_events(path: Path, *, as_official: bool = False, most_bytes: int = MOST_BYTES) -> Iterator[Event]:
    """The events of a log of at most `most_bytes` one by one, in little memory; lines that do not begin with
    `:::MLLOG` are passed over.

    With `as_official` a line is one that mlperf-logging's own parser takes (mlp_parser/ruleset_300.py): whatever
    stands before the last `:::MLLOG ` of it is cut off (`srun -l` writes the rank there), its bytes are latin-1, NaN
    and infinity are numbers, and nobody looks at the type of event. Published logs need all of that.

    Raises StemdlError with file:line at an MLLOG line that does not hold what mlperf-logging writes, and for what is no
    regular file or beyond the bounds.
    """
    parse = _parse_as_official if as_official else _parse
    events, before = 0, b""
    try:
        for number, line, whole in lines_of(path, most_bytes, LINE_BYTES):
            if not whole:  # a piece of a long line, which may be text between events, and with which no event goes on
                said, before = before + line, line[-len(_TOKEN) :]
                if _TOKEN in said if as_official else said.startswith(_PREFIX):
                    raise StemdlError(
                        "this MLLOG line is too long", where=f"{path}:{number}", expected=f"at most {LINE_BYTES} bytes"
                    )
                before = b"" if line.endswith(b"\n") else before
            elif _TOKEN in line if as_official else line.startswith(_PREFIX):
                events += 1
                if events > MOST_EVENTS:
                    raise StemdlError(
                        "the log has more events than are read",
                        where=f"{path}:{number}",
                        expected=f"at most {MOST_EVENTS}",
                    )
                try:
                    yield parse(line, number)
                except _Malformed as error:
                    raise StemdlError(
                        "this MLLOG line is malformed",
                        where=f"{path}:{number}",
                        expected=error.expected,
                        found=error.found,
                    ) from error
    except Unreadable as error:
        raise StemdlError("the log cannot be read", where=path, found=error) from error


def read_events(path: Path, *, as_official: bool = False) -> list[Event]:
    """All events of a log, in its order. As `iter_events` does."""
    return list(iter_events(path, as_official=as_official, most_bytes=WHOLE_BYTES))


class _Malformed(Exception):
    def __init__(self, expected: str, found: object) -> None:
        super().__init__(expected)
        self.expected, self.found = expected, found


def _parse(line: bytes, number: int) -> Event:
    event = _event(line[len(_PREFIX) :], "utf-8", _STRICT, number)
    if event.event_type not in keys.EVENT_TYPES:
        raise _Malformed(f"'event_type' one of {', '.join(keys.EVENT_TYPES)}", repr(event.event_type))
    return event


def _parse_as_official(line: bytes, number: int) -> Event:
    return _event(line[line.rindex(_TOKEN) + len(_TOKEN) :], "latin-1", _LENIENT, number)


def _event(text: bytes, encoding: str, decoder: json.JSONDecoder, number: int) -> Event:
    try:
        values = decoder.decode(text.decode(encoding))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise _Malformed(f"{keys.PREFIX} and a JSON object", error) from error
    if not isinstance(values, dict):
        raise _Malformed("a JSON object", type(values).__name__)
    for name, kind in _FIELDS:
        if name not in values:
            raise _Malformed(f"a field {name!r}", ", ".join(values) or "no field")
        if not isinstance(values[name], kind) or (kind is int and isinstance(values[name], bool)):
            raise _Malformed(f"{name!r} of type {kind.__name__}", repr(values[name]))
    if not 0 <= values["time_ms"] < _LAST_TIME_MS:
        raise _Malformed("'time_ms' in milliseconds since 1970", repr(values["time_ms"]))
    return Event(number, values["time_ms"], values["event_type"], values["key"], values["value"], values["metadata"])


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# Made once: json.loads with any option makes a new decoder for every line, which takes longer than the line.
_STRICT = json.JSONDecoder(parse_constant=_refuse)
_LENIENT = json.JSONDecoder()
