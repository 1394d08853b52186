"""What the site keeps of one result once its own pages are written: a row of the table, and what is drawn of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.comparison.comparable import guards
from benchmark.comparison.compare import summary
from benchmark.comparison.result import ComparedRun, Evaluated, Result
from benchmark.definition.finder import benchmark_with
from benchmark.events import keys
from benchmark.foundation.reading import number_in
from benchmark.report.site.naming import page_name
from benchmark.validation.judged_scores import UNRECORDED

POINTS = 60
"""Points of a curve; of a longer one every n-th is kept, and the last."""


@dataclass(frozen=True)
class RunEntry:
    """One run: `minutes` to train, None where it has none, and `problem` why. `counted`: whether the score has it."""

    name: str
    page: str
    minutes: float | None
    problem: str | None
    seed: str | None
    epochs: float | None
    samples_per_second: float | None
    counted: bool
    curve: tuple[Evaluated, ...]


@dataclass(frozen=True)
class Entry:
    """One result. `figures` are those of `summary` in benchmark/comparison/compare.py, and what this adds to them;
    `rank` and `shares_rank` are among the results of one benchmark, scaling and division."""

    page: str
    submitter: str
    system: str
    figures: Mapping[str, Any]
    runs: tuple[RunEntry, ...]
    target: float | None
    metric: str
    test_key: str = ""
    times: tuple[float, ...] = ()
    rank: int | None = None
    shares_rank: bool = False


def entry_of(result: Result) -> Entry:
    """What is kept of a result."""
    of = result.folder
    name = page_name(of.submitter or "", of.system, of.scaling, of.benchmark or "", kept_apart=str(of.folder))
    figures = summary(result)
    counted = {run.scored.log for run in result.counted}
    starts = [run.scored.start_ms for run in result.runs if run.scored.start_ms]
    began = time.gmtime(min(starts) / 1000) if starts else None
    scale = _scale(result, figures["ranks"])
    minutes = result.score.total_minutes if result.weak else figures["minutes"]
    figures |= {
        "minutes": minutes,
        "scored": result.score.complete,
        "year": began.tm_year if began else None,
        "date": time.strftime("%Y-%m-%d", began) if began else None,
        "began_ms": min(starts, default=None),
        "commit": next(iter(result.said(keys.SUBMISSION_GITHUB_COMMIT_VERSION)), None),
        "machine": result.folder.system if result.folder.submitter else _platform(result),
        "reference_epochs": _reference_epochs(result),
        "accelerator": _accelerator(result),
        "scale": scale,
        "scale_minutes": minutes * scale if minutes is not None and scale and not result.weak else None,
        "guards": guards(result),
        "models": result.score.models,
        "models_per_hour": result.score.models_per_hour,
        "train_samples": number_in(next(iter(result.said(keys.TRAIN_SAMPLES)), None)),
        "unrecorded": UNRECORDED in figures["warnings"],
        "epochs_are_samples": bool(result.benchmark and result.benchmark.epoch_num != "epochs"),
    }
    runs = tuple(
        RunEntry(
            run.name,
            f"{name}-{number}.html",
            run.scored.minutes,
            run.scored.problem,
            run.scored.seed,
            run.scored.epochs_to_target if run.scored.converged else None,
            run.scored.samples_per_second,
            run.scored.log in counted,
            thinned(run),
        )
        for number, run in enumerate(result.runs)
    )
    return Entry(
        page=f"{name}.html",
        submitter=result.folder.submitter or "",
        system=result.folder.system,
        figures=figures,
        runs=runs,
        target=result.benchmark.goal.target if result.benchmark else None,
        metric=_metric(result),
        test_key=result.benchmark.goal.test_key if result.benchmark else "",
        times=tuple(result.times),
    )


def _metric(result: Result) -> str:
    """As a reader knows it where the benchmark is ours, such as macro-F1; else the key that the logs have."""
    ours = benchmark_with(result.folder.benchmark) if result.folder.benchmark else None
    if ours is not None:
        return ours.measured.shown
    return result.benchmark.goal.log_key if result.benchmark else keys.EVAL_ACCURACY


def _platform(result: Result) -> str:
    """The machine of runs that are in no submission, by their logs; else the name of their folder."""
    said = next(iter(result.said(keys.SUBMISSION_PLATFORM)), None)
    return said if isinstance(said, str) and said else result.folder.system


def _reference_epochs(result: Result) -> tuple[float, float] | None:
    """Within two deviations of the mean, when the reference reaches the goal at the result's batch size, as `epoch_num`
    counts; None where nothing was recorded."""
    point = result.score.verdict.point if result.score.verdict else None
    return (point.mean - 2 * point.deviation, point.mean + 2 * point.deviation) if point else None


def thinned(run: ComparedRun) -> tuple[Evaluated, ...]:
    """The curve of a run in few enough points to be drawn, up to its time: some train on after the clock."""
    end = run.scored.minutes
    curve = tuple(at for at in run.curve if end is None or at.minutes <= end)
    every = -(-len(curve) // POINTS) or 1
    return curve[:-1:every] + curve[-1:]


def _scale(result: Result, ranks: object) -> int | None:
    """How many accelerators a run has; without any, ranks."""
    each = result.said(keys.ACCELERATORS_PER_NODE)
    if each and each[0] in (0, "0"):
        return ranks if isinstance(ranks, int) else None
    return next((run.scored.accelerators for run in result.counted), None)


def _accelerator(result: Result) -> str:
    """What trains: by the description, else by what the logs name."""
    described = result.description.get("accelerator_model_name")
    processor = result.description.get("host_processor_model_name")
    for said in (described, processor):
        if isinstance(said, str) and said.strip() and said.strip().upper() != "N/A":
            return said
    devices = next(iter(result.said(keys.DEVICES)), None)
    return str(devices[0]) if isinstance(devices, list) and devices else "not said"
