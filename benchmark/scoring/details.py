"""What stands behind a score: how far chance moves it, how fast and how soon the runs learned, where the time went."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from benchmark.events.power_log import energy_joules
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.spread import coefficient_of_variation
from benchmark.scoring.averages import bootstrap_interval
from benchmark.scoring.log_folders import WEAK
from benchmark.scoring.score import Score
from benchmark.scoring.scored_run import ScoredRun


def details(score: Score) -> dict[str, Any]:
    """Figures of the runs that count and converged; times in minutes, None for what the logs do not say.

    `interval_minutes` is of score_minutes; compute, evaluation, staging, throughput and epochs are plain means;
    `energy_joules` is the olympic mean over the runs of the score, normalised as it is, and of weak scaling the sum.
    """
    runs = [run for run in score.counted if run.converged]
    minutes = [run.minutes for run in runs]
    strong = score.scaling != WEAK
    interval = bootstrap_interval(minutes) if strong and score.complete else None
    energy, problems = _energy(score, runs)
    return {
        "interval_minutes": None if interval is None else [bound * score.factor for bound in interval],
        "coefficient_of_variation": coefficient_of_variation(minutes),
        "global_batch_size": runs[0].global_batch_size if len({run.global_batch_size for run in runs}) == 1 else None,
        "epochs_to_target": _mean([run.epochs_to_target for run in runs]),
        "samples_per_second": _mean([run.samples_per_second for run in runs]),
        "compute_minutes": _mean([run.train_minutes for run in runs]),
        "evaluation_minutes": _mean([run.eval_minutes for run in runs]),
        "staging_minutes": _mean([run.staging_minutes for run in runs]),
        "energy_joules": energy,
        "factor": score.factor,
        "convergence": _convergence(score),
        "counted": [run.log.name for run in score.counted],
        "minutes": [run.minutes for run in score.counted],
        "warnings": [*score.warnings, *problems],
    }


def _convergence(score: Score) -> dict[str, Any] | None:
    verdict = score.verdict
    return (
        None
        if verdict is None
        else {
            "point": verdict.match,
            "passed": verdict.passed,
            "epochs": verdict.mean,
            "reference_epochs": verdict.point.mean if verdict.point else None,
            "fewest_epochs": verdict.point.fewest if verdict.point else None,
        }
    )


def _energy(score: Score, runs: Sequence[ScoredRun]) -> tuple[float | None, list[str]]:
    """The energy in joule, and what is wrong with the power logs. The olympic mean drops the runs that the score drops,
    whatever their energy (MLPerf power measurement rules, Scoring)."""
    joules = []
    for run in sorted(runs, key=lambda run: run.minutes):
        try:
            joules.append(energy_joules(run.log, run.stop_ms - run.start_ms))
        except StemdlError as error:
            return None, [" ".join(str(error).split())]
    missing = joules.count(None)
    if missing:
        return None, [] if missing == len(joules) else [f"{missing} of {len(joules)} runs have no power logs"]
    if score.scaling == WEAK:
        return sum(joules) or None, []
    kept = joules[1 : len(joules) - 1 + len(score.counted) - len(runs)]
    return (statistics.fmean(kept) * score.factor if score.complete and kept else None), []


def _mean(values: Sequence[float | None]) -> float | None:
    """None as soon as one value is missing: a mean of some runs is not a figure of the set."""
    good = values and all(value is not None and math.isfinite(value) for value in values)
    return statistics.fmean(values) if good else None
