"""A system's runs on a benchmark, with all that their logs and the system's description say. Each log is read once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.definition.scored import RULESETS, ScoredBenchmark
from benchmark.events import keys
from benchmark.events.reader import Event, iter_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.reading import NESTING, Unreadable, number_in, read_object
from benchmark.scoring.log_folders import RESULTS, WEAK, LogFolder, find_log_folders
from benchmark.scoring.score import Score, score_folder
from benchmark.scoring.scored_by import standard_of
from benchmark.scoring.scored_run import ScoredRun, run_of_timeline, unreadable_run
from benchmark.submission.run_record import SYSTEM
from benchmark.validation.judged_scores import held_to_rules
from benchmark.validation.trace import Trace

DESCRIPTION_BYTES = 2**20
SYSTEMS = "systems"


@dataclass(frozen=True)
class Evaluated:
    """One value of the metric: minutes after run_start, the `epoch_num` that it was logged with, and the value."""

    minutes: float
    epoch: float | None
    value: float


@dataclass(frozen=True)
class ComparedRun:
    """A run as its log has it. `values` are the log's points in time, the first of each key; `curve` the evaluations
    that are numbers, in order."""

    scored: ScoredRun
    status: str | None
    values: Mapping[str, Any]
    curve: tuple[Evaluated, ...]

    @property
    def name(self) -> str:
        """What tells the run from the others of its set."""
        log = self.scored.log
        return log.parent.name if log.parent.name.startswith(("run_", "instance_")) else log.stem


@dataclass(frozen=True)
class Result:
    """All runs of one system on one benchmark, in their order, and their score.

    `broken` are the rules that the runs break and their times rest on; `traces` what two results' runs are compared by.
    """

    folder: LogFolder
    benchmark: ScoredBenchmark | None
    score: Score
    runs: tuple[ComparedRun, ...]
    description: Mapping[str, Any]
    broken: tuple[str, ...] = ()
    traces: tuple[Trace, ...] = ()

    @property
    def name(self) -> str:
        """Submitter and system, or the folder's name."""
        return "/".join(filter(None, (self.folder.submitter, self.folder.system)))

    @property
    def weak(self) -> bool:
        """Whether the runs are instances of weak scaling."""
        return self.folder.scaling == WEAK

    @property
    def counted(self) -> tuple[ComparedRun, ...]:
        """The runs that the score is of."""
        logs = {run.log for run in self.score.counted}
        return tuple(run for run in self.runs if run.scored.log in logs)

    @property
    def times(self) -> list[float]:
        """Minutes to train of the runs that count, normalised as the score is; infinite where the target was missed."""
        return [
            math.inf if run.minutes is None else run.minutes * self.score.factor
            for run in sorted(self.score.counted, key=lambda run: str(run.log))
        ]

    def said(self, *names: str) -> tuple[Any, ...]:
        """What the logs of the runs that count say under the first of some keys that any has; of a key such as
        `config.precision` the part of its value. Each value once; nothing where no log says it."""
        for name in names:
            found: list[Any] = []
            for run in self.counted:
                value: Any = run.values
                for part in name.split("."):
                    value = value.get(part) if isinstance(value, Mapping) else None
                if value is not None and value not in found:
                    found.append(value)
            if found:
                return tuple(found)
        return ()


def read_results(paths: Iterable[Path], ruleset: str = RULESETS[-1]) -> Iterator[Result]:
    """The results in and below the paths. Raises as `score_paths` does; a bad log raises nothing."""
    for folder in find_log_folders(paths):
        yield read_result(folder, ruleset)


def read_result(folder: LogFolder, ruleset: str = RULESETS[-1]) -> Result:
    """The result of one folder of logs."""
    runs: dict[Path, ComparedRun] = {}

    def read(log: Path, benchmark: ScoredBenchmark | None) -> ScoredRun:
        runs[log] = _read(log, benchmark)
        return runs[log].scored

    folder, benchmark, points = standard_of(folder, ruleset)
    score = score_folder(folder, benchmark, points, read)
    judged = {run.log: run for run in score.counted}  # a run that is there twice is found when all have been read
    whole = tuple(
        ComparedRun(judged.get(log, run.scored), run.status, run.values, run.curve) for log, run in sorted(runs.items())
    )
    in_order = {log: place for place, log in enumerate(folder.logs)}
    whole = tuple(sorted(whole, key=lambda run: in_order[run.scored.log]))
    score, broken, traces = held_to_rules(score)
    return Result(folder, benchmark, score, whole, _description(folder), broken, tuple(traces))


def _read(log: Path, benchmark: ScoredBenchmark | None) -> ComparedRun:
    metric = benchmark.goal.log_key if benchmark else keys.EVAL_ACCURACY
    seen: list[Event] = []

    def events() -> Iterator[Event]:
        for event in iter_events(log, as_official=True):
            if event.key == metric:
                seen.append(event)
            yield event

    try:
        timeline = Timeline.of(events(), metric)
    except StemdlError as error:
        return ComparedRun(unreadable_run(log, error), None, {}, ())
    start = timeline.run_start_ms
    curve = tuple(
        Evaluated((event.time_ms - start) / 60_000, number_in(event.metadata.get(keys.EPOCH_NUM)), event.value)
        for event in seen
        if start is not None and number_in(event.value) is not None
    )
    return ComparedRun(run_of_timeline(log, timeline, benchmark), timeline.status, timeline.values, curve)


def _description(folder: LogFolder) -> Mapping[str, Any]:
    """The system's description: of a submission's `systems` folder, or next to the first log; empty where there is
    none, or one that cannot be read."""
    parts = folder.folder.parts
    places = [folder.logs[0].parent / SYSTEM]
    if RESULTS in parts[-4:]:
        top = Path(*parts[: len(parts) - 1 - parts[::-1].index(RESULTS)])
        places.insert(0, top / SYSTEMS / f"{folder.system}.json")
    for place in places:
        try:
            return read_object(place, DESCRIPTION_BYTES, NESTING)
        except Unreadable:
            continue
    return {}
