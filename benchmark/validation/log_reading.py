"""How the logs of a set are read: each in full, judged, and kept with what is compared between logs alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from benchmark.definition.request import CONFIG
from benchmark.definition.scored import RULESETS
from benchmark.metrics.tallies import SUBMITTED, TALLIES
from benchmark.submission.run_record import RUN, SYSTEM
from benchmark.validation.checks.log_form import KNOWN
from benchmark.validation.checks.result_set import index_of
from benchmark.validation.finding import Fault
from benchmark.validation.limits import Limits
from benchmark.validation.second_opinion import NAMES_RULE_FILES
from benchmark.validation.subjects import RECORD, DataFile, Log, TreeEntry

Judge = Callable[[Log], None]
"""Is given each log whole, with what lies next to it."""
KEPT = KNOWN | NAMES_RULE_FILES.keys()
"""Keys of events that are compared between logs, or asked for later."""


class Budget:
    """Bytes that may still be read, or kept."""

    def __init__(self, size: int) -> None:
        self.left = size

    def take(self, size: int) -> bool:
        """Whether so many more may be; they are then taken off."""
        if size > self.left:
            return False
        self.left -= size
        return True


@dataclass
class LogReader:
    """Reads the logs of one set.

    Attributes
    ----------
    above, files : name of the tree, and everything in it.
    of_tree : that may still be read of the tree, which bounds the time.
    of_set : that may still be kept of the set, which bounds the memory.
    ruleset : by which round of MLPerf HPC logs of other suites are judged.
    may_miss : whether one run of the set may be short of the target.
    of_runs : whether they lie in the folders of runs, with the system's description and the settings next to them.
    """

    limits: Limits
    above: str
    files: dict[str, TreeEntry]
    of_tree: Budget
    of_set: Budget
    judge: Judge
    ruleset: str = RULESETS[-1]
    may_miss: bool = False
    of_runs: bool = False

    def log(self, entry: TreeEntry) -> Log:
        """A log; one without events and with a fault where it and what lies next to it are beyond the bounds."""
        file = f"{self.above}/{entry.file}"
        record = self._beside(entry, RECORD.format(index=index_of(entry.path)))
        tallies = self._beside(entry, f"{SUBMITTED}/{RECORD.format(index=index_of(entry.path))}")
        if self.of_runs:
            record = record or self._beside(entry, RUN)
            tallies = tallies or self._beside(entry, TALLIES)
        system, config = (self._beside(entry, name) if self.of_runs else None for name in (SYSTEM, CONFIG))
        sizes = sum(each.size for each in (entry, record, system, config, tallies) if each)
        if entry.size <= self.limits.log_bytes and not self.of_tree.take(sizes):
            return _not_read(entry, file, "all that lie here have more bytes than are read")
        log = Log.read(entry.path, file, self.limits)
        log.may_miss, log.ruleset = self.may_miss, self.ruleset
        log.record, log.system, log.config = (self._data(each, log) for each in (record, system, config))
        log.tallies = tallies.path if tallies else None
        self.judge(log)
        if not self.of_set.take(log.forget(KEPT)):
            return _not_read(entry, file, "the logs of its set hold more than is compared")
        return log

    def _beside(self, entry: TreeEntry, name: str) -> TreeEntry | None:
        return self.files.get(str(PurePosixPath(entry.file).parent / name))

    def _data(self, entry: TreeEntry | None, log: Log) -> DataFile | None:
        if entry is None or not log.events:
            return None
        return DataFile.read(entry.path, f"{self.above}/{entry.file}", self.limits)


def _not_read(entry: TreeEntry, file: str, why: str) -> Log:
    fault = Fault(f"the log was not read: {why}", rule="R8.6", found=f"{entry.size} bytes")
    return Log(entry.path, file, [], [fault])
