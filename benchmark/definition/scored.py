"""What scoring has to know of a benchmark, ours or another's, read from data: its metric, runs and reference points.

Benchmarks of MLPerf HPC are the files of `scored/`, one each; ours are the rungs of the tasks, with their reference
points in `reference_points/`. To score another one, add a file.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmark.definition.finder import find_task, readable
from benchmark.definition.goal import Goal, read_goal
from benchmark.foundation.errors import StemdlError, nearest

SCORED = Path(__file__).parent / "scored"
REFERENCE_POINTS = "reference_points"
"""The folder in a task that has those of its rungs."""
RULESETS = ("0.7.0", "1.0.0", "2.0.0", "3.0.0")
"""The rounds of MLPerf HPC, the newest last. 0.7.0 had no reference points."""
EPOCHS, SAMPLES = UNITS = ("epochs", "samples")


@dataclass(frozen=True)
class ScoredBenchmark:
    """One benchmark of one round.

    Attributes
    ----------
    runs : N, of a strong-scaling set; a weak-scaling set has at least as many models.
    epoch_num : what the logs' `epoch_num` counts, epochs or samples.
    reference_points : file of reference convergence points, in the form of mlperf-logging's rcps_*.json.
    distinct_seeds : whether two runs of a set with one seed make it unfit to be scored.
    """

    name: str
    goal: Goal
    runs: int
    epoch_num: str = EPOCHS
    reference_points: Path | None = None
    distinct_seeds: bool = False


def scored_benchmark(name: str, ruleset: str = RULESETS[-1]) -> ScoredBenchmark | None:
    """The benchmark of that name as that round has it; None where there is none.

    Raises StemdlError where its definition is malformed, or for a ruleset that is not one of `RULESETS`.
    """
    if ruleset not in RULESETS:
        raise StemdlError(f"there is no ruleset {ruleset!r}", where="--ruleset", remedy=nearest(ruleset, RULESETS))
    path = _shipped(SCORED).get(name)
    return read_scored(path, ruleset) if path else _of_rung(name)


@functools.cache
def _shipped(folder: Path) -> Mapping[str, Path]:
    return {path.stem: path for path in folder.glob("*.yaml")}


def _of_rung(name: str) -> ScoredBenchmark | None:
    """Rungs are scored alike in all rounds: they carry a version of their own."""
    for task, benchmark in readable().items():
        if name in benchmark.rungs:
            points = find_task(task).folder / REFERENCE_POINTS / f"{name}.json"
            return ScoredBenchmark(
                name,
                benchmark.goal_at(name),
                benchmark.runs,
                reference_points=points if points.is_file() else None,
                distinct_seeds=True,
            )
    return None


def read_scored(path: Path, ruleset: str) -> ScoredBenchmark | None:
    """A benchmark from its file, for a round; None where that round did not have it. Raises StemdlError."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        round_ = values["rulesets"].get(ruleset)
        if round_ is None:
            return None
        benchmark = ScoredBenchmark(
            name=values["name"],
            goal=read_goal(f"{path}: metric", values["metric"]),
            runs=int(round_["runs"]),
            epoch_num=values.get("epoch_num", EPOCHS),
            reference_points=_resolve(round_["reference_points"], path) if "reference_points" in round_ else None,
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise StemdlError("the benchmark's definition cannot be read", where=path, found=repr(error)) from error
    if benchmark.epoch_num not in UNITS:
        raise StemdlError("epoch_num counts epochs or samples", where=path, found=benchmark.epoch_num)
    if benchmark.runs < 3:
        raise StemdlError(
            "without the fastest and the slowest no run is left",
            where=path,
            expected="3 runs at least",
            found=benchmark.runs,
        )
    return benchmark


def _resolve(source: Mapping[str, str], where: Path) -> Path:
    """`{package: P, file: F}` is a file of an installed package, found without importing it; `{file: F}` one next to
    the definition."""
    if "package" not in source:
        return where.parent / source["file"]
    spec = importlib.util.find_spec(source["package"])
    if spec is None or not spec.submodule_search_locations:
        raise StemdlError(
            f"the package {source['package']} is not installed",
            where=where,
            remedy="set up the environment again: ./scripts/setup_env.sh",
        )
    return Path(next(iter(spec.submodule_search_locations))) / source["file"]
