"""What a run left behind, as one record: `run.json` next to its log."""

from __future__ import annotations

import re
import socket
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.data.manifest import Manifest
from benchmark.definition.finder import benchmark_with
from benchmark.definition.request import CONFIG, RunRequest
from benchmark.events import keys
from benchmark.events.log import is_being_written
from benchmark.events.power_log import energy_covers, energy_joules
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file, write_json
from benchmark.foundation.reading import Unreadable, read_object
from benchmark.foundation.search import files_below
from benchmark.launch.load import LOAD
from benchmark.launch.nodes import read_nodes
from benchmark.launch.rank import Rank
from benchmark.launch.system import describe_system
from benchmark.metrics.spread import coefficient_of_variation
from benchmark.submission.record_format import FORMAT, of_the_newest_format, why_malformed

RUN, SYSTEM = "run.json", "system.json"
CRASHED = "crashed"
"""The status of a run that ended without a run_stop: a rank died, or an error ended the job."""
RUNNING, UNKNOWN, UNREADABLE = "running", "unknown", "unreadable"
"""The status of a run in progress; of one that may be, on another node, whose locks are not seen here; of one whose
record cannot be read."""
RECORD_BYTES, RECORD_NESTING = 2**20, 32
INTERRUPTED = keys.INTERRUPTED
"""The status of a run that was asked to end, and kept its state: as little a miss of the target as one that crashed."""


def write_run_record(request: RunRequest, manifest: Manifest, rank: Rank) -> dict[str, Any]:
    """Read the log of a finished run, write `run.json` and `system.json` next to it, and return the former.

    Nothing in it is taken from memory: every figure is the log's, or of the power logs next to it, so the record and
    the log cannot disagree.
    """
    goal = request.benchmark.goal_at(request.rung.name)
    timeline = Timeline.of(read_events(request.log), goal.log_key)
    facts = facts_of(timeline, goal.test_key)
    both = (timeline.run_start_ms, timeline.run_stop_ms)
    run_ms = both[1] - both[0] if None not in both else None
    record = {
        "format": FORMAT,
        "benchmark": request.benchmark.name,
        "rung": request.rung.name,
        "index": request.index,
        "metric": request.benchmark.measured.shown,
        "reaches": goal.reaches,
        "target": goal.target,
        "low": goal.low,
        "high": goal.high,
        **facts,
        "ranks": rank.size,
        "launcher": rank.launcher,
        "data": {
            "folder": str(request.data),
            **facts["data"],
            "manifest_sha256": manifest.sha256,
            "recipe_sha256": manifest.recipe_sha256,
        },
        "energy_joules": energy_joules(request.log, run_ms) if run_ms is not None else None,
        "energy_covers": energy_covers(request.log),
        "log": {"name": request.log.name, "sha256": sha256_of_file(request.log)},
    }
    settings = timeline.value(keys.CONFIG) or {}
    system = describe_system(
        ranks=rank.size,
        nodes=timeline.nodes or 1,
        accelerators_per_node=timeline.accelerators_per_node or 0,
        submitter=settings.get("org", ""),
        division=timeline.division or "",
        status=settings.get("status", ""),
        system_name=settings.get("platform") or None,
        kinds=read_nodes(request.output),
    )
    write_json(request.output / SYSTEM, system)
    write_json(request.output / RUN, record)
    return record


def facts_of(timeline: Timeline, test_key: str) -> dict[str, Any]:
    """What of a run's record follows from its log alone. `test_key` is that of the test split's value."""
    status = INTERRUPTED if timeline.interrupted else timeline.status or CRASHED
    resumed = timeline.value(keys.RESUMED) is not None
    return {
        "status": status,
        "time_to_train_seconds": timeline.time_to_train_seconds,
        "init_seconds": timeline.init_seconds,
        "staging_seconds": timeline.staging_seconds,
        "train_seconds": timeline.train_seconds,
        "eval_seconds": timeline.eval_seconds,
        "epochs": timeline.epochs,
        "evaluations": {str(epoch): value for epoch, value in timeline.evaluations},
        "test": timeline.value(test_key),
        **({keys.TEST_BY_PART: parts} if (parts := timeline.value(keys.TEST_BY_PART)) is not None else {}),
        "samples_per_second": timeline.samples_per_second,
        "global_batch_size": timeline.global_batch_size,
        "seed": timeline.seed,
        "data": {
            "manifest_sha256": timeline.value(keys.DATA_MANIFEST_SHA256),
            "recipe_sha256": timeline.value(keys.DATA_RECIPE_SHA256),
            "standard": timeline.value(keys.DATA_STANDARD),
            "recognised": timeline.value(keys.DATA_RECOGNISED),
            "train_samples": timeline.train_samples,
            "eval_samples": timeline.eval_samples,
        },
        "commit": timeline.value(keys.SUBMISSION_GITHUB_COMMIT_VERSION),
        "division": timeline.division,
        "resumed": resumed,
        "scorable": status == keys.SUCCESS and not resumed and bool(timeline.value(keys.DATA_STANDARD)),
        "versions": timeline.value(keys.VERSIONS),
        "load": _load(timeline.value(keys.PREFLIGHT)),
    }


def _load(preflight: Any) -> dict[str, float] | None:
    """How busy the cores were before the clock, from what a log says of its preflight; None where it does not say."""
    figures = preflight.get("figures") if isinstance(preflight, dict) else None
    load = figures.get("load") if isinstance(figures, dict) else None
    sound = isinstance(load, dict) and all(type(load.get(name)) in (int, float) for name in LOAD)
    return {name: load[name] for name in LOAD} if sound else None


def why_not_scored(record: Mapping[str, Any]) -> str | None:
    """Why a run is not scored whatever it reached, in words that name the rule; None for a run that may be."""
    if record.get("resumed"):
        return "resumed runs are not scored (R4.4)"
    if benchmark_with(record.get("rung", "")) is None:
        return "runs of a rung of one's own are not scored (R1.5)"
    if not record.get("data", {}).get("standard"):
        return "runs on other data or splits than the rung's own are not scored (R2.2)"
    return None


@dataclass(frozen=True)
class StoredRun:
    """A run's folder: its record, or None where the run has not ended, or did before one was written, or where `fault`
    says why it cannot be read."""

    folder: Path
    record: dict[str, Any] | None
    fault: str = ""

    @property
    def status(self) -> str:
        """success, aborted, interrupted, crashed, running, unknown or unreadable."""
        if self.fault:
            return UNREADABLE
        written = is_being_written(self.log) if self.log else False
        if written:
            return RUNNING
        if self.record is not None:
            return self.record["status"]
        return UNKNOWN if written is None or self.elsewhere else CRASHED

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The nodes that the run was begun on; none where this is one of them, or they are not known."""
        try:
            hosts = tuple(host for kind in read_nodes(self.folder) or () for host in kind.hosts)
        except StemdlError:
            return ()
        return () if socket.gethostname() in hosts else hosts

    @property
    def log(self) -> Path | None:
        """The file of the run's log; None where there is none."""
        logs = sorted(path for path in self.folder.glob("result_*.txt") if path.is_file())
        return logs[0] if logs else None


_REMEDY = "move the run's folder elsewhere, or put the record back"


def read_run(folder: Path) -> StoredRun:
    """A stored run. Raises StemdlError where the folder holds no run, or a record that cannot be read."""
    path = folder / RUN
    if path.is_file():
        try:
            record = of_the_newest_format(read_object(path, RECORD_BYTES, RECORD_NESTING, links=True))
        except Unreadable as error:
            raise StemdlError("the run's record cannot be read", where=path, found=error, remedy=_REMEDY) from error
        if why := why_malformed(record):
            raise StemdlError("the run's record cannot be read", where=path, found=why, remedy=_REMEDY)
        return StoredRun(folder, record)
    if (folder / CONFIG).is_file() or list(folder.glob("result_*.txt")):
        return StoredRun(folder, None)
    raise StemdlError("there is no run here", where=folder, expected=RUN, remedy="stemdl list")


def record_of_log(folder: Path) -> dict[str, Any] | None:
    """The record in a run's folder where it is of the log that lies there now; otherwise None. One that crashed after
    it was resumed has the record of before. Raises StemdlError for a record that cannot be read."""
    there = folder.is_dir() and any(_is_begun(path) or path.name == RUN for path in folder.iterdir())
    run = read_run(folder) if there else None
    if run is None or run.record is None or run.log is None or run.record["log"]["sha256"] != sha256_of_file(run.log):
        return None
    return run.record


def stored_runs(folder: Path) -> list[StoredRun]:
    """All runs in and below a folder, those of a run set in their order; the oldest first. Folders that cannot be read
    are said on stderr."""
    found = {path.parent for path in files_below(folder) if path.name == RUN or _is_begun(path)}
    return [_read_or_told(each) for each in sorted(found, key=_in_order)]


def _read_or_told(folder: Path) -> StoredRun:
    """A stored run; of one whose record cannot be read, why: it is listed with the others, and stops none of them."""
    try:
        return read_run(folder)
    except StemdlError as error:
        return StoredRun(folder, None, f"{error.what} ({error.found})")


def newest(folder: Path) -> Path | None:
    """The run or run set in a folder in which a run was begun or continued last; None where there is none."""
    logs = [path for path in files_below(folder) if _is_begun(path)]
    last = max(logs, key=lambda path: path.stat().st_mtime_ns, default=None)
    return None if last is None else folder / last.relative_to(folder).parts[0]


def _is_begun(path: Path) -> bool:
    """Whether a file shows that a run was begun in its folder."""
    return path.name == CONFIG or path.match("result_*.txt")


def _in_order(folder: Path) -> list[str | int]:
    """Names compare as texts, the numbers in them as numbers: run_10 comes after run_2."""
    return [int(piece) if piece.isdecimal() else piece for piece in re.split(r"([0-9]+)", str(folder))]


def summarise_set(records: list[dict[str, Any]]) -> dict[str, Any]:
    """A run set's figures: how many reached the target, and the mean of their seconds without the fastest and the
    slowest.

    The olympic mean (MLPerf training rules, section 12) is None below three runs, where a run missed the target, and
    where two runs had the same seed.
    """
    seconds = sorted(record["time_to_train_seconds"] for record in records if record["status"] == keys.SUCCESS)
    seeds = [record["seed"] for record in records]
    complete = len(seconds) == len(records) == len(set(seeds)) >= 3
    return {
        "runs": len(records),
        "reached": len(seconds),
        "seeds_differ": len(set(seeds)) == len(seeds),
        "olympic_mean_seconds": statistics.fmean(seconds[1:-1]) if complete else None,
        "coefficient_of_variation": coefficient_of_variation(seconds),
        "seconds": [record["time_to_train_seconds"] for record in records],
    }
