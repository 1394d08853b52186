"""A score: from the logs of one system on one benchmark to its time to train, or to what it trains in all.

MLPerf training rules, section 12, and MLPerf HPC training rules, section 7; the arithmetic is that of mlperf-logging's
result_summarizer.py, so that the same bits come out where it is right. docs/scoring.md says where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.definition.scored import RULESETS, ScoredBenchmark
from benchmark.events import keys
from benchmark.metrics.spread import too_far_apart
from benchmark.scoring.averages import median_window, olympic_mean
from benchmark.scoring.log_folders import WEAK, LogFolder, find_log_folders
from benchmark.scoring.normalisation import factor_of, verdict_on
from benchmark.scoring.reference_points import CODE, ConvergenceTest, ReferencePoints
from benchmark.scoring.refusals import refusals
from benchmark.scoring.scored_by import standard_of
from benchmark.scoring.scored_run import ScoredRun, read_run_log


@dataclass(frozen=True)
class Score:
    """One row: a submitter's system on a benchmark, strong or weak. None is what does not apply or cannot be said.

    Attributes
    ----------
    runs : all logs of the row, whether or not their runs converged.
    raw_minutes : strong: olympic mean of the runs that count.
    score_minutes : strong: the same, normalised to the reference's convergence.
    models : weak: how many runs converged.
    accelerators_per_model : weak; a node without any counts as one.
    total_minutes : weak: from the first run_start to the last run_stop.
    counted : the runs that the figures are of; fewer than `runs` where more than N were made.
    factor : score_minutes by raw_minutes.
    verdict : of the test against the reference's convergence, in the closed division.
    warnings : what a reader of the row has to know.
    folder, logs : that it is of; of a run set, the folder of its runs.
    """

    submitter: str | None
    system: str
    scaling: str
    benchmark: str | None
    division: str | None
    runs: int
    raw_minutes: float | None
    score_minutes: float | None
    models: int | None
    accelerators_per_model: int | None
    total_minutes: float | None
    models_per_hour: float | None
    counted: tuple[ScoredRun, ...]
    factor: float
    verdict: ConvergenceTest | None
    warnings: tuple[str, ...]
    folder: Path
    logs: tuple[Path, ...]

    @property
    def complete(self) -> bool:
        """Whether the row has its figure."""
        return (self.total_minutes if self.scaling == WEAK else self.score_minutes) is not None


ROW = tuple(Score.__dataclass_fields__)[:12]
"""The fields of a row as other programs read it."""


def score_paths(
    paths: Iterable[Path], ruleset: str = RULESETS[-1], statistics_of: str = CODE, envelope: str = CODE
) -> Iterator[Score]:
    """The rows of all logs in and below the paths, one after another. Nothing is written. Raises as
    `find_log_folders` and `scored_benchmark` do; a bad log raises nothing, its row has a warning."""
    for folder in find_log_folders(paths):
        yield score_folder(*standard_of(folder, ruleset, statistics_of, envelope))


def score_folder(
    folder: LogFolder,
    benchmark: ScoredBenchmark | None,
    points: ReferencePoints | None,
    read: Callable[[Path, ScoredBenchmark | None], ScoredRun] = read_run_log,
) -> Score:
    """The row of one folder of logs, each of which is read once, by `read`."""
    runs = _without_twins(_of_benchmark(read(log, benchmark), folder.benchmark) for log in folder.logs)
    warnings = [f"{run.log.relative_to(folder.folder)}: {run.problem}" for run in runs if run.problem]
    if benchmark is None:
        warnings.append(f"this ruleset has no {folder.benchmark or 'benchmark without a name'}: it has no score")
    division = _division(runs, warnings)
    row = Score(
        submitter=folder.submitter,
        system=folder.system,
        scaling=folder.scaling,
        benchmark=folder.benchmark,
        division=division,
        runs=len(runs),
        raw_minutes=None,
        score_minutes=None,
        models=None,
        accelerators_per_model=None,
        total_minutes=None,
        models_per_hour=None,
        counted=tuple(runs),
        factor=1.0,
        verdict=None,
        warnings=(),
        folder=folder.folder,
        logs=folder.logs,
    )
    sound = benchmark is not None and division is not None and _seeds_differ(runs, benchmark, warnings)
    row = (_weak if folder.scaling == WEAK else _strong)(row, folder, benchmark, points, sound, warnings)
    return replace(row, warnings=tuple(warnings))


def _strong(
    row: Score,
    folder: LogFolder,
    benchmark: ScoredBenchmark | None,
    points: ReferencePoints | None,
    sound: bool,
    warnings: list[str],
) -> Score:
    """Time to train: MLPerf HPC training rules, section 7.1."""
    runs = sorted(row.counted, key=lambda run: math.inf if run.start_ms is None else run.start_ms)
    needed = benchmark.runs if benchmark else len(runs)
    window = median_window([run.minutes for run in runs], needed)
    if window is not None and len(runs) > needed:
        runs = runs[window.start : window.stop]
        warnings.append(
            f"more than {needed} runs: those count whose window of {needed} in a row has the median mean, "
            f"from {runs[0].log.name} to {runs[-1].log.name} in the order of time"
        )
    minutes = [run.minutes for run in runs if run.converged]
    raw = olympic_mean(minutes, len(runs) - len(minutes))
    if len(runs) < needed:
        warnings.append(f"a score needs {needed} runs, and here are {len(runs)}")
    elif raw is None:
        warnings.append(f"{len(runs) - len(minutes)} of {len(runs)} runs do not count; a score allows for one")
    spread = too_far_apart(minutes, [run.epochs_to_target for run in runs if run.converged])
    if spread is not None:
        warnings.append(spread)
    verdict = verdict_on(runs, row.division, points, warnings) if raw is not None else None
    factor = factor_of(folder.folder, verdict, warnings)
    refused = refusals(runs) if raw is not None and benchmark is not None and benchmark.distinct_seeds else []
    warnings += refused
    scored = sound and raw is not None and len(runs) == needed and not refused
    return replace(
        row,
        raw_minutes=raw,
        score_minutes=raw * factor if scored else None,
        counted=tuple(runs),
        factor=factor,
        verdict=verdict,
    )


def _weak(
    row: Score,
    folder: LogFolder,
    benchmark: ScoredBenchmark | None,
    points: ReferencePoints | None,
    sound: bool,
    warnings: list[str],
) -> Score:
    """Models trained at the same time: MLPerf HPC training rules, section 7.2; no run is dropped, none is scaled."""
    runs = [run for run in row.counted if run.converged]
    accelerators = {run.accelerators for run in runs}
    enough = benchmark is not None and len(runs) >= benchmark.runs
    if benchmark is not None and not enough:
        warnings.append(f"weak scaling needs {benchmark.runs} models that count, and here are {len(runs)}")
    if len(accelerators) > 1:
        warnings.append("the models were trained at different scales: " + ", ".join(sorted(map(str, accelerators))))
    total = None
    if sound and enough and len(accelerators) == 1:
        total = (max(run.stop_ms for run in runs) - min(run.start_ms for run in runs)) / 60 / 1000
    return replace(
        row,
        models=len(runs),
        total_minutes=total,
        counted=tuple(runs),
        accelerators_per_model=accelerators.pop() if len(accelerators) == 1 else None,
        models_per_hour=None if total is None else len(runs) * 60 / total,
        verdict=verdict_on(runs, row.division, points, warnings) if len(runs) > 2 else None,
    )


# ---- what stands between a log and its row


def _of_benchmark(run: ScoredRun, name: str | None) -> ScoredRun:
    if run.converged and name is not None and run.benchmark != name:
        return replace(
            run, problem=f"the log is of {run.benchmark!r}, not of {name!r}", minutes=None, epochs_to_target=math.inf
        )
    return run


def _without_twins(runs: Iterable[ScoredRun]) -> list[ScoredRun]:
    """One run in two files counts once, however the second was named."""
    seen: dict[tuple[Any, ...], Path] = {}
    kept = []
    for run in runs:
        same = (run.start_ms, run.stop_ms, run.seed, run.epochs_to_target, run.train_minutes, run.eval_minutes)
        if run.converged and same in seen:
            run = replace(
                run, problem=f"this is the run of {seen[same].name} again", minutes=None, epochs_to_target=math.inf
            )
        elif run.converged:
            seen[same] = run.log
        kept.append(run)
    return kept


def _division(runs: Sequence[ScoredRun], warnings: list[str]) -> str | None:
    divisions = {run.division for run in runs if run.converged} or {run.division for run in runs}
    if len(divisions) == 1 and divisions <= {keys.CLOSED, keys.OPEN}:
        return divisions.pop()
    warnings.append(
        "the logs must name one division, closed or open; they say " + ", ".join(sorted(map(repr, divisions)))
    )
    return None


def _seeds_differ(runs: Sequence[ScoredRun], benchmark: ScoredBenchmark, warnings: list[str]) -> bool:
    seeds = [run.seed for run in runs if run.converged]
    if not benchmark.distinct_seeds or len(set(seeds)) == len(seeds):
        return True
    warnings.append("two runs have the same seed: the set has no score (R4.2)")
    return False
