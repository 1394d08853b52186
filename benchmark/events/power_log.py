"""Power logs, and the energy to train: MLPerf Training power measurement rules, computed as result_summarizer.py does.

A run `result_<i>.txt` has `power/result_<i>/node_*.txt`, with a reading in watt at least every second, and
`sw_*.txt`, with an estimate for the interconnect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmark.events import keys
from benchmark.events.reader import Event, read_events
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text

POWER = "power"
MEASUREMENT_START, MEASUREMENT_STOP, READING = "power_measurement_start", "power_measurement_stop", "power_reading"
CONVERSION_EFFICIENCY, INTERCONNECT_ESTIMATE = "conversion_eff", "interconnect_power_est"
NODES, SWITCHES = "node_*.txt", "sw_*.txt"
COVERS = "covers"
"""Metadata of the start: what was measured."""


def node_log(log: Path, node: int) -> Path:
    """The power log of a run's node, by the node's number."""
    return log.parent / POWER / log.stem / f"node_{node}.txt"


def write_power_log(
    path: Path,
    begins_ms: int,
    readings: Iterable[tuple[int, float]],
    start_ms: int,
    stop_ms: int,
    about: dict[str, Any],
) -> None:
    """What was measured between start and stop, in milliseconds since 1970, as the rules ask for it.

    Parameters
    ----------
    begins_ms : when the first reading's time begins. readings : time and mean watts since the reading before.
    about : metadata of the start, `COVERS` among it.

    Raises StemdlError where the readings begin after the start or end before the stop: power is not guessed.
    """
    inside: list[tuple[int, float]] = []
    for time_ms, watts in readings:
        if inside and inside[-1][0] == stop_ms:
            break
        if time_ms > start_ms:
            inside.append((min(time_ms, stop_ms), watts))
    if begins_ms > start_ms or not inside or inside[-1][0] < stop_ms:
        raise StemdlError(
            "the power readings do not last from the run's start to its stop",
            where=path,
            expected=f"from {start_ms} to {stop_ms} ms since 1970",
            found=f"from {begins_ms} to {inside[-1][0] if inside else begins_ms}",
        )
    lines = [
        _line(start_ms, MEASUREMENT_START, None, about),
        *(_line(at, READING, watts, {}) for at, watts in inside),
        _line(stop_ms, MEASUREMENT_STOP, None, {}),
    ]
    write_text(path, "".join(lines))


def _line(time_ms: int, key: str, value: float | None, metadata: dict[str, Any]) -> str:
    event = {
        "namespace": "",
        "time_ms": time_ms,
        "event_type": keys.POINT_IN_TIME,
        "key": key,
        "value": value,
        "metadata": {"file": "benchmark/events/power_log.py", "lineno": 1, **metadata},
    }
    return f"{keys.PREFIX} {json.dumps(event)}\n"


def power_logs(log: Path, pattern: str = "*.txt") -> list[Path]:
    """The power logs of a run, or those of nodes or switches, in the order of their names; links are none."""
    folder = log.parent / POWER / log.stem
    if folder.is_symlink() or folder.parent.is_symlink():
        return []
    return [path for path in sorted(folder.glob(pattern)) if path.is_file() and not path.is_symlink()]


def energy_covers(log: Path) -> str | None:
    """What the first node's power log says that it measured; None where it says nothing, or is not there."""
    first = next(iter(power_logs(log, NODES)), None)
    starts = [event for event in read_events(first) if event.key == MEASUREMENT_START] if first else []
    return starts[0].metadata.get(COVERS) if starts else None


def energy_joules(log: Path, run_ms: int) -> float | None:
    """The energy of a run of `run_ms` milliseconds, summed over its nodes and switches; None where there are no power
    logs; links are none. Raises StemdlError where they cannot be read or say too little."""
    nodes, switches = (power_logs(log, pattern) for pattern in (NODES, SWITCHES))
    if not nodes:
        return None
    return sum(_node_joules(path, run_ms) for path in nodes) + sum(_switch_joules(path, run_ms) for path in switches)


def _node_joules(path: Path, run_ms: int) -> float:
    """Sum of reading times the time since the previous one, scaled from the time measured to the time of the run
    (`_compute_power_node`)."""
    events = sorted(read_events(path, as_official=True), key=lambda event: event.time_ms)
    starts = [event.time_ms for event in events if event.key == MEASUREMENT_START]
    stops = [event.time_ms for event in events if event.key == MEASUREMENT_STOP]
    start = starts[0] if starts else None
    readings = [
        event
        for event in events
        if event.key == READING
        and start is not None
        and event.time_ms >= start
        and (not stops or event.time_ms <= stops[0])
    ]
    if start is None or not readings:
        raise StemdlError(
            "the power log holds no reading after its start",
            where=path,
            expected=f"{MEASUREMENT_START}, then {READING}",
        )
    stop = stops[0] if stops else readings[-1].time_ms
    if stop <= start:
        raise StemdlError("the power measurement ends before it begins", where=path)
    watt_ms, previous = 0.0, start
    for reading in readings:
        watt_ms += _number(path, reading) * (reading.time_ms - previous)
        previous = reading.time_ms
    return _efficiency(path, events) * watt_ms * run_ms / (stop - start) / 1000


def _switch_joules(path: Path, run_ms: int) -> float:
    """Estimated power times the time of the run (`_compute_power_sw`)."""
    events = read_events(path, as_official=True)
    watts = next((_number(path, event) for event in events if event.key == INTERCONNECT_ESTIMATE), None)
    if watts is None:
        raise StemdlError("the power log of a switch holds no estimate", where=path, expected=INTERCONNECT_ESTIMATE)
    return _efficiency(path, events) * watts * run_ms / 1000


def _efficiency(path: Path, events: list[Event]) -> float:
    """The efficiency from AC to DC, where only the input of the power supply is measured; the last that is logged, or
    1."""
    return next((_number(path, event) for event in reversed(events) if event.key == CONVERSION_EFFICIENCY), 1.0)


def _number(path: Path, event: Event) -> float:
    if not isinstance(event.value, (int, float)) or isinstance(event.value, bool) or not 0 <= event.value < 2**53:
        raise StemdlError(f"{event.key} is not a number", where=f"{path}:{event.line}", found=repr(event.value))
    return event.value
