"""A log as its checks see it: every event with the number of its line, and everything about its form that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.foundation.reading import Unreadable, parse_json, read_bytes
from benchmark.validation.finding import Fault, Severity, printable, shown
from benchmark.validation.limits import Limits

_TOKEN = keys.PREFIX.encode()
_OLDER = re.compile(rb":::MLL(?=[ \t])|:::MLP?v?[0-9][0-9.]*")
_OTHER = re.compile(rb"^(?!:::ML)(?=[^\n]*[^\s])(?![^\n]*:::ML)[^\n]*", re.MULTILINE)
"""A line with text and without an event."""
OTHER_TEXT = "the log holds text that is not an event"
_FIELDS: Mapping[str, tuple[type, ...]] = {"time_ms": (int,), "event_type": (str,), "key": (str,), "metadata": (dict,)}


def scan_log(path: Path, limits: Limits) -> tuple[list[Event], list[Fault]]:
    """The events of a log in its order, and the faults of its form (rules R4.6 and R8.6).

    An event is looked for wherever `:::MLLOG` stands, not at the beginning of lines alone: the official checkers read
    those too, so one behind other text must not escape ours. A line that is not an event in full gives a fault and no
    event. Other text is passed over.
    """
    try:
        content = read_bytes(path, limits.log_bytes)
    except Unreadable as error:
        return [], [
            Fault(
                f"the log cannot be checked: {error}",
                rule="R8.6",
                hint="a log is a regular file that holds the events of one run and little else",
            )
        ]
    events: list[Event] = []
    faults: list[Fault] = []
    line, previous, at = 1, 0, content.find(_TOKEN)
    while at >= 0:
        line += content.count(b"\n", previous, at)
        begin = max(content.rfind(b"\n", previous, at) + 1, previous)
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        if len(events) + len(faults) >= limits.events:
            faults.insert(
                0,
                Fault(
                    "the log is not checked from here on",
                    line=line,
                    rule="R8.6",
                    expected=f"at most {limits.events} events",
                ),
            )
            break
        text = content[at + len(_TOKEN) : end]
        if begin < at:
            faults.append(
                Fault(
                    "an event stands behind other text",
                    line=line,
                    severity=Severity.NOTE,
                    found=printable(content[begin:at][-40:].decode("latin-1")),
                    hint="rank 0 writes each event at the beginning of a line of its own",
                )
            )
        if len(text) > limits.line_bytes:
            faults.append(
                Fault(
                    "the event is too long to be checked",
                    line=line,
                    rule="R8.6",
                    expected=f"at most {limits.line_bytes} bytes",
                    found=f"{len(text)} bytes",
                )
            )
        elif _TOKEN in text:
            faults.append(
                Fault(
                    "two events stand in one line",
                    line=line,
                    expected="a line for each event",
                    found=printable(text.decode("latin-1"), 80),
                )
            )
        else:
            event = _event(text, line, limits, faults)
            events += [event] if event is not None else []
        previous, at = end, content.find(_TOKEN, end)
    if not events and not faults and (older := _OLDER.search(content)):
        faults.append(
            Fault(
                f"the log is in an older form, {older[0].decode().strip()}, which is not read",
                expected=f"lines that begin with {keys.PREFIX}, as MLPerf's logs do since 2019",
            )
        )
    elif not events and not faults:
        faults.append(Fault("there is no event in this log", expected=f"lines that begin with {keys.PREFIX}"))
    elif content and not content.endswith(b"\n"):
        faults.append(
            Fault(
                "the last line is not ended",
                line=line,
                severity=Severity.WARNING,
                hint="a log that breaks off, or was edited, looks like this",
            )
        )
    if events and (other := _OTHER.search(content)):
        faults.append(
            Fault(
                OTHER_TEXT,
                line=content.count(b"\n", 0, other.start()) + 1,
                severity=Severity.NOTE,
                found=printable(other[0][:80].decode("latin-1").strip()),
                hint="rank 0 writes events alone",
            )
        )
    return events, faults


def _event(text: bytes, line: int, limits: Limits, faults: list[Fault]) -> Event | None:
    """The event of a line; None, and one more fault, where it is not one."""
    values = _parsed(text, line, limits, faults)
    if values is None:
        return None
    for name, kinds in _FIELDS.items():
        value = values.get(name)
        if not isinstance(value, kinds) or isinstance(value, bool):
            faults.append(
                Fault(
                    f"the event has no {name!r} of the right type",
                    line=line,
                    expected=kinds[0].__name__,
                    found=shown(value) if name in values else f"only {', '.join(map(shown, [*values][:6]))}",
                )
            )
            return None
    if "value" not in values:
        faults.append(
            Fault(
                "the event has no 'value'",
                line=line,
                expected="a value, null if there is none to say",
                found=f"key {shown(values['key'])}",
            )
        )
        return None
    if values["event_type"] not in keys.EVENT_TYPES:
        faults.append(
            Fault(
                "there is no such type of event",
                line=line,
                expected=" or ".join(keys.EVENT_TYPES),
                found=shown(values["event_type"]),
            )
        )
        return None
    if extra := sorted(values.keys() - {*_FIELDS, "value", "namespace"}):
        faults.append(_unread(line, "the event has fields that nothing reads", shown(extra[:6])))
    if values.get("namespace", "") != "":
        faults.append(_unread(line, "the event is of a namespace", shown(values["namespace"])))
    return Event(line, values["time_ms"], values["event_type"], values["key"], values["value"], values["metadata"])


def _unread(line: int, message: str, found: str) -> Fault:
    return Fault(message, line=line, severity=Severity.NOTE, found=found, hint="the reference writes no such thing")


def _parsed(text: bytes, line: int, limits: Limits, faults: list[Fault]) -> dict[str, Any] | None:
    expected = f"{keys.PREFIX} and a JSON object"
    try:
        values = parse_json(text, limits.nesting)
    except Unreadable as error:
        found = printable(text.decode("latin-1").strip(), 80)
        try:  # NaN is not JSON, but most readers take it: the event is kept, and the fault reported
            values = parse_json(text, limits.nesting, constants=True)
        except Unreadable:
            faults.append(Fault(f"the event cannot be read: {error}", line=line, expected=expected, found=found))
            return None
        faults.append(
            Fault(
                f"the event cannot be read by all: {error}",
                line=line,
                expected=expected,
                found=found,
                severity=Severity.WARNING,
            )
        )
    if not isinstance(values, dict):
        faults.append(Fault("the event is not a JSON object", line=line, expected=expected, found=shown(values)))
        return None
    return values
