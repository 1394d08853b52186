"""Energy to train, from power logs: MLPerf Training power measurement rules, computed as result_summarizer.py does.

A run `result_<i>.txt` has `power/result_<i>/node_*.txt`, with a reading in watt at least every second, and
`sw_*.txt`, with an estimate for the interconnect.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.events.reader import Event, read_events
from benchmark.foundation.errors import StemdlError
from benchmark.scoring.tree import POWER

MEASUREMENT_START, MEASUREMENT_STOP, READING = "power_measurement_start", "power_measurement_stop", "power_reading"
CONVERSION_EFFICIENCY, INTERCONNECT_ESTIMATE = "conversion_eff", "interconnect_power_est"


def energy_joules(log: Path, run_ms: int) -> float | None:
    """The energy of a run of `run_ms` milliseconds, summed over its nodes and switches; None where there are no power
    logs; links are none. Raises StemdlError where they cannot be read or say too little."""
    folder = log.parent / POWER / log.stem
    if folder.is_symlink() or folder.parent.is_symlink():
        return None
    nodes, switches = ([path for path in sorted(folder.glob(pattern)) if path.is_file() and not path.is_symlink()]
                       for pattern in ("node_*.txt", "sw_*.txt"))
    if not nodes:
        return None
    return (sum(_node_joules(path, run_ms) for path in nodes)
            + sum(_switch_joules(path, run_ms) for path in switches))


def _node_joules(path: Path, run_ms: int) -> float:
    """Sum of reading times the time since the previous one, scaled from the time measured to the time of the run
    (`_compute_power_node`)."""
    events = sorted(read_events(path, as_official=True), key=lambda event: event.time_ms)
    starts = [event.time_ms for event in events if event.key == MEASUREMENT_START]
    stops = [event.time_ms for event in events if event.key == MEASUREMENT_STOP]
    start = starts[0] if starts else None
    readings = [event for event in events if event.key == READING and start is not None and event.time_ms >= start
                and (not stops or event.time_ms <= stops[0])]
    if start is None or not readings:
        raise StemdlError("the power log holds no reading after its start", where=path,
                          expected=f"{MEASUREMENT_START}, then {READING}")
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
    """From AC to DC, where only the input of the power supply is measured; the last that is logged, or 1."""
    return next((_number(path, event) for event in reversed(events) if event.key == CONVERSION_EFFICIENCY), 1.0)


def _number(path: Path, event: Event) -> float:
    if not isinstance(event.value, (int, float)) or isinstance(event.value, bool) or not 0 <= event.value < 2**53:
        raise StemdlError(f"{event.key} is no number", where=f"{path}:{event.line}", found=repr(event.value))
    return event.value
