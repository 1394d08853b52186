"""What a mean time is multiplied by, so that runs that happened to converge early do not score better for it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from benchmark.events import keys
from benchmark.scoring.reference_points import MISSING, ConvergenceTest, ReferencePoints
from benchmark.scoring.scored_run import ScoredRun

SCALING_FILE = "scaling.json"
_MOST_BYTES = 1 << 16


def verdict_on(
    runs: Sequence[ScoredRun], division: str | None, points: ReferencePoints | None, warnings: list[str]
) -> ConvergenceTest | None:
    """The verdict of the convergence test, which the open division does not have (MLPerf training rules, section
    13)."""
    if division != keys.CLOSED or points is None or len(runs) < 3:
        return None
    batch_sizes = {run.global_batch_size for run in runs if run.converged}
    if len(batch_sizes) != 1 or None in batch_sizes:
        warnings.append(
            "no convergence test: the runs must log one global_batch_size, and log "
            + ", ".join(sorted(map(str, batch_sizes)))
        )
        return None
    if any(run.converged and math.isinf(run.epochs_to_target) for run in runs):
        warnings.append("no convergence test: the evaluations must log their epoch_num")
        return None
    verdict = points.test(batch_sizes.pop(), [run.epochs_to_target for run in runs])
    if verdict.match == MISSING:
        warnings.append("the convergence test fails: the reference has no point for this batch size")
    elif not verdict.passed:
        warnings.append(
            f"the convergence test fails: {verdict.mean:g} epochs to the target are fewer than the "
            f"{verdict.point.fewest:g} that the reference's {verdict.point.mean:g} allow"
        )
    return verdict


def factor_of(folder: Path, verdict: ConvergenceTest | None, warnings: list[str]) -> float:
    """What the mean is multiplied by: the test's own factor where it passed; otherwise the one that a review committee
    put into `scaling.json`, if that makes the score no better (result_summarizer.py: `_get_scaling_factor`)."""
    shipped = _shipped_factor(folder / SCALING_FILE, warnings)
    if verdict is not None and verdict.passed:
        if shipped is not None and not math.isclose(shipped, verdict.factor, rel_tol=1e-9):
            warnings.append(
                f"{SCALING_FILE} says {shipped:g}; the convergence test says {verdict.factor:g}, which counts"
            )
        return verdict.factor
    if shipped is not None and shipped < 1:
        warnings.append(f"{SCALING_FILE} says {shipped:g}, which would improve the score: it does not count")
    return max(shipped or 1.0, 1.0)


def _shipped_factor(path: Path, warnings: list[str]) -> float | None:
    if path.is_symlink() or not path.is_file():
        return None
    try:
        with open(path, "rb") as handle:
            factor = json.loads(handle.read(_MOST_BYTES))["scaling_factor"]
        if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 0 < factor < 2**53:
            raise ValueError(f"scaling_factor {factor!r}")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        warnings.append(f"{SCALING_FILE} cannot be read and does not count: {error!r}")
        return None
    return factor
