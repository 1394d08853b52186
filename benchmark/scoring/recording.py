"""Reference convergence points from recorded reference runs (MLPerf training rules, section 13)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.definition.scored import RULESETS, ScoredBenchmark, scored_benchmark
from benchmark.events import keys
from benchmark.events.reader import iter_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.scoring.log_folders import find_log_folders
from benchmark.scoring.scored_run import ScoredRun, read_names, read_run_log

_NOT_TUNED = (keys.DATA_RECIPE_SHA256, keys.SUBMISSION_GITHUB_COMMIT_VERSION)


@dataclass(frozen=True)
class _ReferenceRun:
    run: ScoredRun
    values: Mapping[str, Any]

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What the log says of the batch and the optimizer."""
        return {
            key: value
            for key, value in sorted(self.values.items())
            if key.startswith("opt_") or key in (keys.GLOBAL_BATCH_SIZE, keys.GRADIENT_ACCUMULATION_STEPS)
        }


def record_points(paths: Iterable[Path], ruleset: str = RULESETS[-1]) -> dict[str, dict[str, Any]]:
    """Records of the reference's epochs to the target by batch size, in the form of mlperf-logging's rcps_*.json.

    The logs in and below the paths are reference runs of one benchmark. Of each batch size there must be 2N runs at
    least, N being the runs of a score; all must have converged, with a seed each, on the same data and by the same
    hyperparameters. Raises StemdlError naming what is not so.
    """
    logs = [log for folder in find_log_folders(paths) for log in folder.logs]
    benchmark = _benchmark(logs, ruleset)
    runs = sorted((_read(log, benchmark) for log in logs), key=lambda each: (each.run.start_ms, each.run.log))
    for key in _NOT_TUNED:
        _one(runs, key, {str(each.values.get(key)) for each in runs})
    sizes = sorted({each.run.global_batch_size for each in runs})
    return {
        f"{benchmark.name}_ref_{size}": _record(
            benchmark, [each for each in runs if each.run.global_batch_size == size]
        )
        for size in sizes
    }


def _benchmark(logs: Sequence[Path], ruleset: str) -> ScoredBenchmark:
    names = {read_names(log)[0] for log in logs}
    benchmark = scored_benchmark(name, ruleset) if len(names) == 1 and (name := min(names, key=str)) else None
    if benchmark is None:
        raise StemdlError(
            "reference points are of one benchmark that is defined",
            where=logs[0],
            found=", ".join(sorted(map(str, names))),
        )
    return benchmark


def _read(log: Path, benchmark: ScoredBenchmark) -> _ReferenceRun:
    run = read_run_log(log, benchmark)
    if not run.converged:
        raise StemdlError("a reference run must converge", where=log, found=run.problem)
    if not run.global_batch_size or run.seed is None:
        raise StemdlError("a reference run must log its global_batch_size and its seed", where=log)
    return _ReferenceRun(run, Timeline.of(iter_events(log, as_official=True)).values)


def _record(benchmark: ScoredBenchmark, runs: Sequence[_ReferenceRun]) -> dict[str, Any]:
    first = runs[0]
    size = first.run.global_batch_size
    if len(runs) < 2 * benchmark.runs:
        raise StemdlError(
            f"too few reference runs at batch size {size}",
            where=first.run.log.parent,
            expected=f"{2 * benchmark.runs}, twice as many as a score needs",
            found=len(runs),
        )
    seeds = [each.run.seed for each in runs]
    if len(set(seeds)) != len(seeds):
        raise StemdlError(f"two reference runs at batch size {size} have one seed", where=first.run.log.parent)
    for key in sorted({key for each in runs for key in each.hyperparameters}):
        _one(runs, f"{key} at batch size {size}", {str(each.values.get(key)) for each in runs})
    return {
        "Benchmark": benchmark.name,
        "Creator": first.values.get(keys.SUBMISSION_ORG),
        "When": time.strftime("%Y-%m-%d", time.gmtime(first.run.start_ms / 1000)),
        "Platform": first.values.get(keys.SUBMISSION_PLATFORM),
        "Commit": first.values.get(keys.SUBMISSION_GITHUB_COMMIT_VERSION),
        "Data recipe": first.values.get(keys.DATA_RECIPE_SHA256),
        "BS": size,
        "Hyperparams": first.hyperparameters,
        "Settings": first.values.get(keys.CONFIG),
        "Epochs to converge": [each.run.epochs_to_target for each in runs],
        "Seeds": seeds,
    }


def _one(runs: Sequence[_ReferenceRun], what: str, found: set[str]) -> None:
    if len(found) != 1:
        raise StemdlError(
            f"reference runs must agree on {what}", where=runs[0].run.log.parent, found=", ".join(sorted(found))
        )
