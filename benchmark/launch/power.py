"""The power that a node draws while a run lasts: sampled from its meters, or read from a meter's file."""

from __future__ import annotations

import csv
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from benchmark.foundation.errors import StemdlError
from benchmark.launch.power_meters import Meter

SECONDS_BETWEEN_READINGS = 0.5
"""The rules ask for one per second at least (MLPerf Training power measurement rules)."""


@dataclass(frozen=True)
class PowerReading:
    """`watts` on average from the reading before (or from the start of sampling) to `time_ms`, since 1970."""

    time_ms: int
    watts: float


class Sampler:
    """Reads a meter in a thread of its own while the block lasts, every `seconds`; once more at the end.

    Attributes
    ----------
    readings : what was read. started_ms : the time since 1970 at which the first of them begins.
    cpu_seconds : what the sampling itself took of the processor. fault : why it broke off, if it did; a run goes on
        without it.
    """

    def __init__(self, meter: Meter, seconds: float = SECONDS_BETWEEN_READINGS) -> None:
        self._meter, self._seconds = meter, seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="power", daemon=True)
        self.readings: list[PowerReading] = []
        self.started_ms = 0
        self.cpu_seconds = 0.0
        self.fault: StemdlError | None = None

    def __enter__(self) -> Sampler:
        self._meter.watts()  # counters begin here; one that cannot be read is reported before the run
        self.started_ms = _now_ms()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        last = False
        while not last:
            last = self._ended.wait(self._seconds)
            try:
                watts = self._meter.watts()
            except StemdlError as error:
                self.fault = error
                break
            self.readings.append(PowerReading(_now_ms(), watts))
        self.cpu_seconds = time.thread_time()


def read_readings(path: Path, fewest: int = 2) -> list[PowerReading]:
    """The readings of a meter at the socket: a CSV file of time and watts, with or without a heading. Times are seconds
    since 1970, or dates by ISO 8601 with their offset from UTC; they increase.

    Raises StemdlError with file:line.
    """
    readings: list[PowerReading] = []
    try:
        with open(path, newline="", encoding="utf-8") as handle:
            for number, row in enumerate(csv.reader(handle), 1):
                if not row or (number == 1 and len(row) > 1 and not _is_number(row[-1])):
                    continue
                readings.append(_reading(row, f"{path}:{number}"))
                if len(readings) > 1 and readings[-1].time_ms <= readings[-2].time_ms:
                    raise StemdlError("the times do not increase", where=f"{path}:{number}", found=row[0])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StemdlError("the power readings cannot be read", where=path, found=error) from error
    if len(readings) < fewest:
        raise StemdlError("there are too few power readings", where=path, expected="two lines of time,watts at least")
    return readings


def _reading(row: list[str], where: str) -> PowerReading:
    try:
        time_text, watts = row[0].strip(), float(row[1])
        seconds = float(time_text) if _is_number(time_text) else _timestamp(time_text)
        if not 0 <= seconds < 1e11 or not 0 <= watts < 1e9:
            raise ValueError("a number out of range")
        return PowerReading(round(seconds * 1000), watts)
    except (ValueError, IndexError) as error:
        raise StemdlError(
            "this is not a power reading",
            where=where,
            expected="time,watts",
            found=f"{','.join(row)} ({error})",
            remedy="times in seconds since 1970, or like 2026-01-31T12:00:00+00:00",
        ) from error


def _timestamp(text: str) -> float:
    parsed = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if parsed.tzinfo is None:
        raise ValueError("no offset from UTC")
    return parsed.timestamp()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
