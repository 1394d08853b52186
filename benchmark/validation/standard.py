"""What the definition of a benchmark asks of its logs, in one shape for ours and for those of MLPerf HPC."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.definition.benchmark import Benchmark
from benchmark.definition.curves import Curve, read_recorded
from benchmark.definition.finder import VARIABLE, benchmark_with, find_task, readable
from benchmark.definition.golden_files import golden_sha256
from benchmark.definition.rung import SPLITS
from benchmark.definition.scored import SCORED, Goal, scored_benchmark
from benchmark.definition.setting import Setting
from benchmark.definition.settings import at_rung, settings_of
from benchmark.definition.trainer import HARNESS, Trainer
from benchmark.foundation.files import shipped_yaml

OTHERS = Path(__file__).parent / "standards"
"""Benchmarks of other suites, a file for each suite."""

OURS = "stemdl"


@dataclass(frozen=True)
class Standard:
    """One benchmark, by the name that a log's `submission_benchmark` says: of ours, a rung.

    Attributes
    ----------
    suite : "stemdl" for ours; some checks are for ours alone.
    goal : the metric's key, and when the clock stops.
    runs : that a score needs; `missed_runs` of them may miss the target.
    epoch_unit : what `epoch_num` counts, epochs or samples.
    reference_points : file of the reference's convergence, or None where it was not recorded.
    required : keys of the log of a closed submission, besides those that all logs have.
    fixed : of a closed submission, key of the log to the values that it may have.
    tunable, free, implied_by_older_logs, precisions : settings in a log's `config`; ours alone.
    samples : split to number of samples, where the definition fixes it.
    recipe_sha256, golden_sha256 : of the data, and of what they are recognised by; ours alone.
    known_manifests : of the data of logs that do not say whether they were recognised.
    by_gradients : whether its trainer learns so.
    settings : what each setting of the trainer may be, by name, and is at the rung; ours alone.
    classes : that the metric tells apart. curves : of recorded runs of the reference; none where there are none.
    schema_sha256 : of the samples that those runs counted; "" where they kept no counts.
    """

    name: str
    suite: str
    goal: Goal
    runs: int
    missed_runs: int
    epoch_unit: str
    reference_points: Path | None = None
    required: tuple[str, ...] = ()
    fixed: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    tunable: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    implied_by_older_logs: tuple[str, ...] = ()
    precisions: tuple[str, ...] = ()
    samples: Mapping[str, int] = field(default_factory=dict)
    recipe_sha256: str = ""
    golden_sha256: str = ""
    known_manifests: tuple[str, ...] = ()
    by_gradients: bool = True
    settings: Mapping[str, Setting] = field(default_factory=dict)
    classes: int = 0
    curves: tuple[Curve, ...] = ()
    schema_sha256: str = ""

    @property
    def ours(self) -> bool:
        """Whether the benchmark is one of ours and not of MLPerf HPC."""
        return self.suite == OURS

    @property
    def takes_submissions(self) -> bool:
        """Whether recorded runs of the reference stand behind its target; other suites see to theirs."""
        return not self.ours or self.reference_points is not None


def standards() -> Mapping[str, Standard]:
    """Every known benchmark by name."""
    return _standards(os.environ.get(VARIABLE, ""))


@functools.cache
def _standards(folders: str) -> Mapping[str, Standard]:
    """The standards by one value of the variable that names folders of tasks: `--tasks` changes it."""
    known: dict[str, Standard] = {}
    for path in sorted(OTHERS.glob("*.yaml")):
        values = shipped_yaml(path)
        for name, each in values["benchmarks"].items():
            scored = scored_benchmark(name)
            assert scored is not None, f"{name} is in {path.name}, and not in {SCORED}"
            known[name] = Standard(
                name=name,
                suite=values["suite"],
                goal=scored.goal,
                runs=scored.runs,
                missed_runs=values["missed_runs"],
                epoch_unit=scored.epoch_num,
                reference_points=scored.reference_points,
                required=tuple(each["required"]),
                fixed={key: tuple(allowed) for key, allowed in each["fixed"].items()},
                samples=each.get("samples", {}),
            )
    for benchmark in readable().values():
        known |= _of_definition(benchmark)
    return known


def rungs_with_submissions() -> list[str]:
    """The rungs of ours that results may be submitted of (R1.6)."""
    return [standard.name for standard in standards().values() if standard.ours and standard.takes_submissions]


def _of_definition(benchmark: Benchmark) -> dict[str, Standard]:
    settings = settings_of(benchmark)  # of all its rungs
    return {
        rung.name: Standard(
            name=rung.name,
            suite=OURS,
            goal=scored.goal,
            runs=scored.runs,
            missed_runs=0,
            epoch_unit=scored.epoch_num,
            reference_points=scored.reference_points,
            fixed={key: (value,) for key, value in benchmark.closed.fixed_at(rung.name).items()},
            tunable=benchmark.closed.tunable,
            free=benchmark.closed.free,
            implied_by_older_logs=benchmark.closed.implied_by_older_logs,
            precisions=benchmark.precisions,
            samples={split: rung.total(split) for split in SPLITS},
            recipe_sha256=rung.recipe_sha256,
            golden_sha256=golden_sha256(rung.name),
            known_manifests=benchmark.known_manifests.get(rung.name, ()),
            by_gradients=benchmark.by_gradients,
            settings=at_rung(settings, benchmark, rung.name),
            classes=rung.classes,
            curves=recorded.runs,
            schema_sha256=recorded.schema_sha256,
        )
        for rung in benchmark.rungs.values()
        if (scored := scored_benchmark(rung.name)) is not None
        and (recorded := read_recorded(find_task(benchmark.task).folder, rung.name))
    }


def trainer_of(standard: Standard | None) -> str:
    """The package of the reference's trainer of a benchmark; the harness's own where the benchmark is not known."""
    benchmark = benchmark_with(standard.name) if standard is not None and standard.ours else None
    return Trainer.named(benchmark.trainer).package if benchmark is not None else HARNESS
