"""What a folder of logs is scored by: the benchmark that it is of, and the reference's convergence."""

from __future__ import annotations

import functools
from dataclasses import replace

from benchmark.definition.scored import RULESETS, ScoredBenchmark, scored_benchmark
from benchmark.scoring.log_folders import LogFolder
from benchmark.scoring.reference_points import CODE, ReferencePoints, read_points
from benchmark.scoring.scored_run import read_names

_points = functools.cache(read_points)  # a tree has many folders of one benchmark


def standard_of(
    folder: LogFolder, ruleset: str = RULESETS[-1], statistics_of: str = CODE, envelope: str = CODE
) -> tuple[LogFolder, ScoredBenchmark | None, ReferencePoints | None]:
    """What a folder of logs is scored by: the folder with its benchmark's name, the benchmark and its reference points.
    Raises as `scored_benchmark` does."""
    folder = folder if folder.benchmark else _named_by_logs(folder)
    benchmark = scored_benchmark(folder.benchmark, ruleset) if folder.benchmark else None
    if benchmark is None or benchmark.reference_points is None:
        return folder, benchmark, None
    points = _points(benchmark.reference_points, benchmark.runs, statistics_of, envelope, benchmark.name)
    return folder, benchmark, points


def _named_by_logs(folder: LogFolder) -> LogFolder:
    """Where folders do not say it: the first log that names a benchmark names it for all, and the submitter."""
    benchmark, organisation = next((names for log in folder.logs if (names := read_names(log))[0]), (None, None))
    return replace(folder, benchmark=benchmark, submitter=folder.submitter or organisation)
