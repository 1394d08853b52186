"""Reference convergence points from recorded reference runs (MLPerf training rules, section 13)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.definition.finder import benchmark_with
from benchmark.definition.scored import RULESETS, ScoredBenchmark, scored_benchmark
from benchmark.definition.settings import FREE
from benchmark.events import keys
from benchmark.events.reader import iter_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.errors import StemdlError
from benchmark.scoring.log_folders import find_log_folders
from benchmark.scoring.scored_run import ScoredRun, read_names, read_run_log

_OF_ALL = (
    keys.SUBMISSION_DIVISION,
    keys.SUBMISSION_GITHUB_COMMIT_VERSION,
    keys.DATA_RECIPE_SHA256,
    keys.DATA_MANIFEST_SHA256,
    keys.DATA_PARTITION,
)
"""What the runs of every batch size say alike."""
_OF_THE_MACHINE = ("ranks", "launcher", "threads_per_rank")
"""What a log's config says of how many computed: of them the batch alone changes how soon a run converges."""
_REMEDY = "leave it out: name the run folders that belong together"


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

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the log says of the settings; empty where it says none."""
        config = self.values.get(keys.CONFIG)
        return config if isinstance(config, dict) else {}


def record_points(paths: Iterable[Path], ruleset: str = RULESETS[-1]) -> dict[str, dict[str, Any]]:
    """Records of the reference's epochs to the target by batch size, in the form of mlperf-logging's rcps_*.json.

    The logs in and below the paths are reference runs of one benchmark. Of each batch size there must be 2N runs at
    least, N being the runs of a score; all must have converged, with a seed each, on the same data and by the same
    hyperparameters and settings, of which those may differ that change no result. Raises StemdlError naming what is not
    so, and a log of which it is not.
    """
    logs = [log for folder in find_log_folders(paths) for log in folder.logs]
    benchmark = _benchmark(logs, ruleset)
    runs = sorted((_read(log, benchmark) for log in logs), key=lambda each: (each.run.start_ms, each.run.log))
    for key in _OF_ALL:
        _agree(runs, key, [each.values.get(key) for each in runs])
    sizes = sorted({each.run.global_batch_size for each in runs})
    return {
        f"{benchmark.name}_ref_{size}": _record(
            benchmark, [each for each in runs if each.run.global_batch_size == size]
        )
        for size in sizes
    }


def _benchmark(logs: Sequence[Path], ruleset: str) -> ScoredBenchmark:
    names = [read_names(log)[0] for log in logs]
    _one("reference points are of one benchmark", logs, names)
    benchmark = scored_benchmark(names[0], ruleset) if names[0] else None
    if benchmark is None:
        raise StemdlError("reference points are of a benchmark that is defined", where=logs[0], found=names[0])
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
    twin = next((each.run for place, each in enumerate(runs) if each.run.seed in seeds[:place]), None)
    if twin is not None:
        other = runs[seeds.index(twin.seed)].run.log
        raise StemdlError(
            f"two reference runs at batch size {size} have one seed",
            where=twin.log,
            found=f"{twin.seed}, as in {other}",
            remedy=_REMEDY,
        )
    for key in sorted({key for each in runs for key in each.hyperparameters}):
        _agree(runs, f"{key} at batch size {size}", [each.values.get(key) for each in runs])
    for name in sorted({name for each in runs for name in each.settings} - _changing_nothing(benchmark)):
        _agree(runs, f"the setting {name} at batch size {size}", [each.settings.get(name) for each in runs])
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


def _changing_nothing(benchmark: ScoredBenchmark) -> set[str]:
    """Settings in which runs may differ and converge alike."""
    definition = benchmark_with(benchmark.name)
    return {*(definition.closed.free if definition is not None else FREE), *_OF_THE_MACHINE}


def _agree(runs: Sequence[_ReferenceRun], name: str, values: Sequence[Any]) -> None:
    _one(f"reference runs must agree on {name}", [each.run.log for each in runs], values)


def _one(what: str, logs: Sequence[Path], values: Sequence[Any]) -> None:
    """Raises StemdlError where the logs say different values, and names one that does not say what most of them do."""
    said = ["not said" if value is None else str(value) for value in values]
    (usual, times), *others = Counter(said).most_common()
    if others:
        odd = next(place for place, each in enumerate(said) if each != usual)
        raise StemdlError(
            what,
            where=logs[odd],
            expected=f"{usual}, as in {times} of {len(logs)} logs",
            found=said[odd],
            remedy=_REMEDY,
        )
