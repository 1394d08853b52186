"""How far runs have come, from their logs alone: read where the logs lie, on any node, without asking the ranks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.definition.finder import benchmark_with
from benchmark.definition.goal import Goal
from benchmark.definition.scored import scored_benchmark
from benchmark.events import keys
from benchmark.events.reader import Event, iter_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.reading import number_in
from benchmark.report.run_summary import in_digits
from benchmark.submission.run_record import CRASHED, StoredRun

STARTING, TRAINING = "before the clock", "training"
COLUMNS = ("run", "status", "epoch", "value", "goal", "samples/s", "so far", "at most left")
QUIET_EPOCHS = 3
"""After so many times the length of an epoch without a line, the log is said to be silent."""


@dataclass(frozen=True)
class Progress:
    """A run at one moment.

    Attributes
    ----------
    status : of run_stop; `STARTING` or `TRAINING` where there is none yet.
    best_value, goal : the value of the metric that comes nearest to the goal, and the goal in words.
    so_far_seconds : since run_start; to run_stop where the run has ended.
    most_left_seconds : what the epochs that are still allowed would take at the pace of those before. The goal may be
        reached sooner: nobody knows when.
    silent_seconds : since the last line of the log, where that is longer than `QUIET_EPOCHS` epochs take.
    """

    name: str
    status: str
    epochs: int
    best_value: float | None
    goal: str | None
    samples_per_second: float | None
    so_far_seconds: float | None
    most_left_seconds: float | None
    silent_seconds: float | None

    @property
    def ended(self) -> bool:
        """Whether the run neither starts nor trains any more."""
        return self.status not in (STARTING, TRAINING)

    def row(self) -> tuple[str, ...]:
        """The values by the names of `COLUMNS`."""
        silent = "" if self.silent_seconds is None else f", silent for {self.silent_seconds:.0f} s"
        return (
            self.name,
            f"{self.status}{silent}",
            str(self.epochs),
            in_digits(self.best_value) if self.best_value is not None else "-",
            self.goal or "-",
            "-" if self.samples_per_second is None else f"{self.samples_per_second:.0f}",
            "-" if self.so_far_seconds is None else f"{self.so_far_seconds:.0f} s",
            "-" if self.most_left_seconds is None else f"{self.most_left_seconds:.0f} s",
        )


def logs_of(path: Path) -> list[Path]:
    """The logs of a run or of all runs below a folder; a file is a log itself. Raises StemdlError where there are
    none."""
    found = [path] if path.is_file() else sorted(path.rglob("result_*.txt")) if path.is_dir() else []
    if not found:
        raise StemdlError("there is no log here", where=path, expected="files named result_*.txt", remedy="stemdl list")
    return found


def look(log: Path) -> Progress:
    """A run as it is now: one whose log nobody writes any more, and whose nodes are not elsewhere, has crashed."""
    seen = progress(log)
    if not seen.ended and StoredRun(log.parent, None).status == CRASHED:
        return replace(seen, status=CRASHED, most_left_seconds=None)
    return seen


def progress(log: Path, now_ms: int | None = None) -> Progress:
    """A run from its log as it is now, up to a line that is not whole yet. `now_ms` is when it is looked at, in
    milliseconds since 1970."""
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    events = list(_whole_events(log))
    name = next((event.value for event in events if event.key == keys.SUBMISSION_BENCHMARK), None)
    goal = _goal(name)
    timeline = Timeline.of(events, goal.log_key if goal else keys.EVAL_ACCURACY)
    values = [value for _, each in timeline.evaluations if (value := number_in(each)) is not None]
    epochs, ended = timeline.epochs or 0, timeline.run_stop_ms is not None
    start, stop = timeline.run_start_ms, timeline.run_stop_ms if ended else now_ms
    last = events[-1].time_ms if events else None
    pace = None if start is None or not epochs or last is None else max(0.0, (last - start) / 1000 / epochs)
    settings = timeline.value(keys.CONFIG)
    most = number_in(settings.get("max_epochs")) if isinstance(settings, dict) else None
    left = max(0, most - epochs) * pace if type(most) is int and pace is not None and not ended else None
    silent = None if ended or pace is None or last is None else (now_ms - last) / 1000
    return Progress(
        name=log.parent.name if log.parent.name.startswith(("run_", "instance_")) else f"{log.parent.name}/{log.name}",
        status=str(timeline.status) if ended else STARTING if start is None else TRAINING,
        epochs=epochs,
        best_value=(goal.best(values) if goal else values[-1]) if values else None,
        goal=goal.wanted if goal else None,
        samples_per_second=timeline.samples_per_second,
        so_far_seconds=None if start is None or stop is None else (stop - start) / 1000,
        most_left_seconds=left,
        silent_seconds=silent if silent is not None and pace is not None and silent > QUIET_EPOCHS * pace else None,
    )


def _whole_events(log: Path) -> Iterator[Event]:
    """The events up to the first line that cannot be read: that which is being written."""
    with suppress(StemdlError):
        yield from iter_events(log, as_official=True)


def _goal(name: Any) -> Goal | None:
    if not isinstance(name, str):
        return None
    with suppress(StemdlError):
        known = benchmark_with(name) or scored_benchmark(name)
        return known.goal if known is not None else None
    return None
