"""What is validated: a log, the runs of one system and benchmark, and the submission of one organisation."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.definition.goal import AT_LEAST, Goal
from benchmark.definition.request import LOG
from benchmark.definition.scored import RULESETS
from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.events.timeline import Timeline
from benchmark.foundation.reading import Unreadable, read_object, read_yaml
from benchmark.validation.finding import Fault, printable
from benchmark.validation.limits import Limits
from benchmark.validation.log_scan import scan_log
from benchmark.validation.standard import Standard, standards

_UNKNOWN = Goal(keys.EVAL_ACCURACY, AT_LEAST, 1.0, low=0.0, high=1.0, test_key=keys.TEST_F1_MACRO)
"""The goal of a log whose rung nobody knows."""
STRONG, WEAK = SCALINGS = ("strong", "weak")
RECORD = LOG.replace(".txt", ".json")
"""The record of the run of `result_{index}.txt`, next to it; in a folder of a single run it is `run.json`."""
_BYTES_OF_AN_EVENT = 300
"""About, besides its value and metadata."""


@dataclass
class DataFile:
    """An object of JSON or, by its name, YAML; `values` is None where it holds none, and `fault` says why."""

    path: Path
    file: str
    values: dict[str, Any] | None = None
    fault: str = ""

    @classmethod
    def read(cls, path: Path, file: str, limits: Limits) -> DataFile:
        """Never raises: what cannot be read says so in `fault`."""
        try:
            if path.suffix == ".yaml":
                return cls(path, file, read_yaml(path, limits.yaml_bytes))
            return cls(path, file, read_object(path, limits.text_bytes, limits.nesting))
        except Unreadable as error:
            return cls(path, file, None, printable(str(error)))


@dataclass
class Log:
    """One log. `file` is its name for the reader; what lies next to it (`record`, `system`, `config`, and the file of
    `tallies`) is None where it does not.

    `may_miss` says that its set is valid with this run short of the target; `ruleset`, by which round of MLPerf HPC a
    log of another suite is judged.
    """

    path: Path
    file: str
    events: list[Event]
    faults: list[Fault]
    record: DataFile | None = None
    system: DataFile | None = None
    config: DataFile | None = None
    tallies: Path | None = None
    may_miss: bool = False
    ruleset: str = RULESETS[-1]

    @classmethod
    def read(cls, path: Path, file: str, limits: Limits) -> Log:
        """A log, whatever it holds."""
        return cls(path, file, *scan_log(path, limits))

    @cached_property
    def by_key(self) -> Mapping[str, list[Event]]:
        """The events of each key, in their order."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            found.setdefault(event.key, []).append(event)
        return found

    def forget(self, kept: Collection[str]) -> int:
        """Leaves the events of these keys, of the metric and the test score, and the first and the last; returns about
        how many bytes they take. What else was logged has been judged, and is compared with no other log."""
        _ = self.timeline, self.metrics
        kept = {*kept, self.goal.log_key, self.goal.test_key, "eval_error"}
        ends = {id(event) for event in (*self.events[:1], *self.events[-1:])}
        self.events = [event for event in self.events if event.key in kept or id(event) in ends]
        self.__dict__.pop("by_key", None)
        return sum(_BYTES_OF_AN_EVENT + len(repr(event.value)) + len(repr(event.metadata)) for event in self.events)

    def of(self, key: str) -> list[Event]:
        """All events of a key, in the log's order."""
        return self.by_key.get(key, [])

    def value(self, key: str) -> Any:
        """The first value of a key, or None."""
        events = self.of(key)
        return events[0].value if events else None

    def number(self, key: str) -> int | float | None:
        """The first value of a key where it is a number."""
        return as_number(self.value(key))

    def settings(self) -> dict[str, Any]:
        """The value of `config` where it is an object."""
        value = self.value(keys.CONFIG)
        return value if isinstance(value, dict) else {}

    def setting(self, name: str) -> int | float | None:
        """A number of `config`."""
        return as_number(self.settings().get(name))

    @cached_property
    def standard(self) -> Standard | None:
        """The standard of the benchmark that the log says it is of; None for an unknown one."""
        name = self.value(keys.SUBMISSION_BENCHMARK)
        return standards().get(name) if isinstance(name, str) else None

    @property
    def unread(self) -> bool:
        """Whether nothing of it could be read: its faults say why, and nothing else is said of it."""
        return not self.events and bool(self.faults)

    @property
    def ours(self) -> bool:
        """Whether the checks of our own rungs alone hold: not for a log of another suite's benchmark."""
        return self.standard is None or self.standard.ours

    @property
    def division(self) -> Any:
        """The division that the log declares."""
        return self.value(keys.SUBMISSION_DIVISION)

    @property
    def closed(self) -> bool:
        """Whether the log is of the closed division."""
        return self.division == keys.CLOSED

    @cached_property
    def timeline(self) -> Timeline:
        """The log's events as a timeline."""
        return Timeline.of(self.events, self.goal.log_key)

    @cached_property
    def metrics(self) -> list[Event]:
        """The evaluations that the standard's metric, or either of the two known keys, was logged for."""
        if self.standard is not None:
            return self.of(self.standard.goal.log_key)
        return self.of(keys.EVAL_ACCURACY) or self.of("eval_error")

    @property
    def goal(self) -> Goal:
        """What the run is to reach; where nobody knows its rung, a share of 1."""
        return self.standard.goal if self.standard is not None else _UNKNOWN

    @property
    def start(self) -> Event | None:
        """The first run_start."""
        return next(iter(self.of(keys.RUN_START)), None)

    @property
    def stop(self) -> Event | None:
        """The last run_stop."""
        return next(reversed(self.of(keys.RUN_STOP)), None)


@dataclass
class ResultSet:
    """The logs of one system and benchmark in a submission; `pruned` are those that weak scaling left out.

    A run set that was not packed yet is one too, and is not `submitted`.
    """

    folder: Path
    file: str
    system_id: str
    scaling: str
    benchmark: str
    logs: list[Log]
    pruned: list[Log]
    system: DataFile | None
    submitted: bool = True

    @property
    def standard(self) -> Standard | None:
        return standards().get(self.benchmark)

    @property
    def ours(self) -> bool:
        return self.standard is None or self.standard.ours

    @property
    def read(self) -> list[Log]:
        """The logs that could be read: the others are not compared with them."""
        return [log for log in self.logs if not log.unread]


@dataclass(frozen=True)
class TreeEntry:
    """A file, folder or link of a tree. `file` is relative to the tree, with '/'."""

    path: Path
    file: str
    kind: str  # file, folder, link or special
    size: int = 0


@dataclass
class Submission:
    """One organisation's tree, laid out as MLPerf HPC asks: systems/, results/, benchmarks/."""

    folder: Path
    file: str
    entries: list[TreeEntry]
    overflow: str
    sets: list[ResultSet] = field(default_factory=list)
    systems: list[DataFile] = field(default_factory=list)

    @property
    def ours(self) -> bool:
        """Whether any of its results is of ours."""
        return any(each.ours for each in self.sets) or not self.sets


def as_number(value: Any) -> int | float | None:
    """A number that a float can be, true and false not counted; otherwise None."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return value if good else None


def as_count(value: Any) -> int | None:
    """A whole number; otherwise None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
