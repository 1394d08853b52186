"""Results against a baseline: better, worse, the same, or too few runs to tell; with the test behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.comparison.comparable import PRECISION, RANKS, Difference, differences, refusals
from benchmark.comparison.result import Result
from benchmark.comparison.significance import ALPHA, holm, least_p, p_value, ratio_interval
from benchmark.foundation.reading import number_in
from benchmark.scoring.averages import olympic_mean
from benchmark.scoring.details import details

BETTER, WORSE, SAME, TOO_FEW, REFUSED = VERDICTS = ("better", "worse", "same", "too few runs", "not comparable")
FORMAT = 1


@dataclass(frozen=True)
class Comparison:
    """A result against the baseline.

    Attributes
    ----------
    verdict : of `VERDICTS`. `same` means that the runs show no difference; `interval` says how large one may hide.
    ratio : of the times to train, this one's by the baseline's: below 1 it is faster.
    interval : 95 %, of the ratio; infinite above where runs without a time leave it open.
    p : of the test alone; `corrected_p` for all comparisons that were made at once.
    refused : why the two cannot be compared. `differs` : what besides the hardware may be the cause.
    """

    baseline: Result
    other: Result
    verdict: str
    ratio: float | None
    interval: tuple[float, float] | None
    p: float | None
    corrected_p: float | None
    refused: tuple[Difference, ...]
    differs: tuple[Difference, ...]

    def to_dict(self) -> dict[str, Any]:
        """The values as plain ones; what is infinite or unknown is None."""
        return {
            "baseline": self.baseline.name,
            "other": self.other.name,
            "verdict": self.verdict,
            "ratio": self.ratio,
            "interval": None if self.interval is None else [_finite(bound) for bound in self.interval],
            "p": self.p,
            "corrected_p": self.corrected_p,
            "refused": [vars(each) for each in self.refused],
            "differs": [vars(each) for each in self.differs],
        }


def minutes_of(result: Result) -> float | None:
    """What two results are compared by: the time to train, normalised; of weak scaling that of one model in the mean.
    Without a score, since there are too few runs or one missed the target, the mean of what runs there are."""
    score = result.score
    if result.weak:
        return None if score.models_per_hour is None else 60 / score.models_per_hour
    if score.raw_minutes is not None:
        return score.raw_minutes * score.factor
    reached = [minutes for minutes in result.times if math.isfinite(minutes)]
    failed = len(result.times) - len(reached)
    if len(result.times) > 2:
        return olympic_mean(reached, failed)
    return sum(reached) / len(reached) if reached and not failed else None


def compare(baseline: Result, others: Sequence[Result]) -> list[Comparison]:
    """Each of the others against the baseline, in their order. p values are corrected for how many are compared.

    A verdict is by the corrected p at the level `ALPHA`, and none is given where so few runs could not differ by that
    test however far apart they were.
    """
    refused = [refusals(baseline, other) for other in others]
    tested = judge(
        baseline.times,
        [None if refuse or other.weak else other.times for other, refuse in zip(others, refused, strict=True)],
    )
    compared = []
    for other, refuse, test in zip(others, refused, tested, strict=True):
        mine, its = minutes_of(baseline), minutes_of(other)
        compared.append(
            Comparison(
                baseline,
                other,
                REFUSED if refuse else test.verdict,
                its / mine if mine and its and not refuse else None,
                test.interval,
                test.p,
                test.corrected_p,
                tuple(refuse),
                tuple(differences(baseline, other)),
            )
        )
    return compared


@dataclass(frozen=True)
class Judgement:
    """What the times of two sets of runs say; see `Comparison`."""

    verdict: str
    interval: tuple[float, float] | None = None
    p: float | None = None
    corrected_p: float | None = None


def judge(first: Sequence[float], others: Sequence[Sequence[float] | None]) -> list[Judgement]:
    """Times of several sets against those of one, all at once; None, or no times, is what cannot be tested."""
    tests = [p_value(first, times) if times and first else None for times in others]
    made = [p for p in tests if p is not None]
    corrected = iter(holm(made))
    found = []
    for times, p in zip(others, tests, strict=True):
        if p is None or not times:
            found.append(Judgement(TOO_FEW))
            continue
        after = next(corrected)
        found.append(Judgement(_verdict(first, times, after, len(made)), ratio_interval(first, times), p, after))
    return found


def _verdict(first: Sequence[float], second: Sequence[float], corrected_p: float, made: int) -> str:
    if corrected_p < ALPHA:
        return BETTER if _mean_rank(second, first) < _mean_rank(first, second) else WORSE
    return TOO_FEW if made * least_p(len(first), len(second)) >= ALPHA else SAME


def _mean_rank(times: Sequence[float], others: Sequence[float]) -> float:
    """How many of the others a run of these is slower than, in the mean; a tie is a half."""
    return sum((time > other) + (time == other) / 2 for time in times for other in others) / len(times) / len(others)


def summary(result: Result) -> dict[str, Any]:
    """What a reader sees of one result next to another: times in minutes, None for what is not known."""
    behind = details(result.score)
    reached = sum(math.isfinite(minutes) for minutes in result.times)
    return {
        "name": result.name,
        "folder": str(result.folder.folder),
        "benchmark": result.score.benchmark,
        "scaling": result.folder.scaling,
        "division": result.score.division,
        "runs": len(result.times),
        "reached": reached,
        "minutes": minutes_of(result),
        "interval_minutes": behind["interval_minutes"],
        "coefficient_of_variation": behind["coefficient_of_variation"],
        "samples_per_second": behind["samples_per_second"],
        "epochs_to_target": behind["epochs_to_target"],
        "compute_minutes": behind["compute_minutes"],
        "evaluation_minutes": behind["evaluation_minutes"],
        "staging_minutes": behind["staging_minutes"],
        "energy_joules": behind["energy_joules"],
        "accelerators": next((run.scored.accelerators for run in result.counted), None),
        "global_batch_size": behind["global_batch_size"],
        "precision": _only(result.said(*PRECISION)),
        "ranks": _only(result.said(*RANKS)),
        "minutes_of_runs": [_finite(minutes) for minutes in result.times],
        "warnings": behind["warnings"],
    }


def _only(values: tuple[Any, ...]) -> Any:
    value = values[0] if len(values) == 1 else None
    return value if isinstance(value, str) else number_in(value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
