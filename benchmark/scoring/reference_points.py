"""Reference convergence points (RCPs): how soon the reference converges at a batch size, and whether a submission that
converges sooner may stand. MLPerf training rules, section 13; computed as mlperf-logging's rcp_checker.py does.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.reading import MOST_BYTES, NESTING, Unreadable, number_in, read_object
from benchmark.foundation.text import printable

ALPHA = 0.05
TOLERANCE = 1e-4
"""The width at which the search for the fewest epochs ends, in epochs (rcp_checker.py: `self.tolerance`)."""
CODE, RULES = ("code", "rules")
"""Whose standard deviation: the official code's, of all runs, or the rule text's, without the extremes. And whose
envelope: the official code's, of one pass over the batch sizes, or the rule text's, which is convex."""

MOST_SHOWN = 200
"""Characters of a wrong record in a message."""
FOUND, INTERPOLATED, BELOW_SMALLEST, MISSING = "found", "interpolated", "below the smallest", "missing"


@dataclass(frozen=True)
class ReferencePoint:
    """The reference's convergence at one batch size.

    Attributes
    ----------
    batch_size : samples in a step, over all ranks.
    mean, deviation : epochs (or samples) to the target; olympic mean and population standard deviation.
    fewest : the smallest mean of a submission that is not significantly faster.
    """

    batch_size: int
    mean: float
    deviation: float
    fewest: float


@dataclass(frozen=True)
class ConvergenceTest:
    """The test of a submission.

    Attributes
    ----------
    match : how a point for its batch size was come by: FOUND, INTERPOLATED, BELOW_SMALLEST or MISSING.
    passed : not significantly faster than the reference; False without a point.
    mean : the submission's own epochs to the target, olympic.
    factor : what its time is multiplied by: reference over submission where it passed and was the faster, else 1.
    """

    match: str
    passed: bool
    mean: float
    factor: float
    point: ReferencePoint | None


class ReferencePoints:
    """The points of one benchmark, in the order of their batch size, without those that the neighbours excel."""

    def __init__(
        self, epochs: dict[int, Sequence[float]], runs: int, statistics_of: str = CODE, envelope: str = CODE
    ) -> None:
        """`epochs` are the reference runs' epochs to the target by batch size; `runs` is N of a submission; `envelope`
        says whose pruning it is: the official code's, or the rule text's convex one."""
        self.runs = runs
        self.all = tuple(
            _point(batch_size, sorted(values), runs, statistics_of) for batch_size, values in sorted(epochs.items())
        )
        self.pruned = self._pruned(again=envelope == RULES)

    def test(self, batch_size: int, epochs: Sequence[float]) -> ConvergenceTest:
        """The verdict on a submission's epochs to the target (infinite for a run that did not converge): exact batch
        size, otherwise linear between its neighbours; above the largest there is none; below the smallest it must keep
        to the smallest one's (rcp_checker.py: `check_directory`). Needs three runs."""
        kept = sorted(epochs)[1:-1]
        mean = math.fsum(kept) / len(kept)
        below = [point for point in self.pruned if point.batch_size <= batch_size]
        above = [point for point in self.pruned if point.batch_size >= batch_size]
        if not above:
            return ConvergenceTest(MISSING, False, mean, 1.0, None)
        if not below:
            match, point = BELOW_SMALLEST, above[0]
        elif below[-1] is above[0]:
            match, point = FOUND, above[0]
        else:
            match, point = INTERPOLATED, self._between(below[-1], above[0], batch_size)
        # By way of the speed-up, as the official code has it, so that ties fall alike.
        passed = mean >= point.mean / (point.mean / point.fewest)
        if match == BELOW_SMALLEST and not passed:
            match = MISSING
        return ConvergenceTest(match, passed, mean, max(1.0, point.mean / mean) if passed else 1.0, point)

    def _between(self, low: ReferencePoint, high: ReferencePoint, batch_size: int) -> ReferencePoint:
        """Mean and deviation interpolated, as numpy.interp rounds them; counted as of 2N runs, none dropped."""
        mean, deviation = (
            (getattr(high, name) - getattr(low, name))
            / (high.batch_size - low.batch_size)
            * (batch_size - low.batch_size)
            + getattr(low, name)
            for name in ("mean", "deviation")
        )
        return ReferencePoint(batch_size, mean, deviation, _fewest(mean, deviation, 2 * self.runs, self.runs))

    def _pruned(self, again: bool) -> tuple[ReferencePoint, ...]:
        """Without batch sizes below that of the fastest point, and without points slower than the line between their
        neighbours. The official code goes once from the smallest to the largest (rcp_checker.py: `_prune_rcps`), and
        keeps a point that its left neighbour was held to be before a point right of it was taken out; looking
        `again` at the left neighbour, until none is slower than the line, leaves the lower convex envelope."""
        fastest = min(self.all, key=lambda point: point.mean)
        kept = [point for point in self.all if point.batch_size >= fastest.batch_size]
        middle = 1
        while middle < len(kept) - 1:
            low, point, high = kept[middle - 1 : middle + 2]
            if point.mean > self._between(low, high, point.batch_size).mean:
                del kept[middle]
                middle = max(1, middle - 1) if again else middle
            else:
                middle += 1
        return tuple(kept)


def read_points(
    path: Path, runs: int, statistics_of: str = CODE, envelope: str = CODE, benchmark: str = ""
) -> ReferencePoints:
    """The points of a file in mlperf-logging's form (rcps_*.json): records with `BS` and `Epochs to converge`. Where a
    `benchmark` is named, the records must name it too.

    Raises StemdlError naming the record that is wrong.
    """
    try:
        items = list(read_object(path, MOST_BYTES, NESTING, links=True).items())
    except Unreadable as error:
        raise StemdlError("the reference points cannot be read", where=path, found=error) from error
    epochs: dict[int, list[float]] = {}
    for name, record in items:
        record = record if isinstance(record, dict) else {}
        batch_size, told = record.get("BS"), record.get("Epochs to converge")
        if type(batch_size) is not int or not isinstance(told, list) or None in map(number_in, [batch_size, *told]):
            raise StemdlError(
                "this reference point cannot be read",
                where=f"{path}: {name}",
                expected="BS, a whole number, and Epochs to converge, a list of numbers",
                found=printable(f"{batch_size!r} and {told!r}", MOST_SHOWN),
            )
        if benchmark and record.get("Benchmark") != benchmark:
            raise StemdlError(
                "this reference point is of another benchmark",
                where=f"{path}: {name}",
                expected=benchmark,
                found=printable(repr(record.get("Benchmark")), MOST_SHOWN),
            )
        values = [float(each) for each in told]
        if batch_size < 1 or len(values) < 3 or min(values) <= 0:
            raise StemdlError(
                "a reference point needs a batch size and three runs at least",
                where=f"{path}: {name}",
                found=f"batch size {batch_size}, runs {values}",
            )
        if batch_size in epochs:
            raise StemdlError("two reference points have one batch size", where=f"{path}: {name}", found=batch_size)
        epochs[batch_size] = values
    if not epochs:
        raise StemdlError("there are no reference points", where=path)
    return ReferencePoints(epochs, runs, statistics_of, envelope)


def _point(batch_size: int, epochs: Sequence[float], runs: int, statistics_of: str) -> ReferencePoint:
    mean = math.fsum(epochs[1:-1]) / len(epochs[1:-1])
    deviation = statistics.pstdev(epochs if statistics_of == CODE else epochs[1:-1])
    return ReferencePoint(batch_size, mean, deviation, _fewest(mean, deviation, len(epochs) - 2, runs))


def _fewest(mean: float, deviation: float, reference_runs: int, runs: int) -> float:
    """The smallest mean that a one-sided two-sample t-test of pooled variance (5 %) does not tell from the reference's,
    both sides having its deviation: mean - t * deviation * sqrt(1/n + 1/m), found by bisection to 1e-4 epochs as the
    official code finds it (rcp_checker.py: `_find_min_acceptable_mean`)."""
    if deviation == 0:
        return mean
    submission_runs = runs - 2
    error = deviation * math.sqrt(1 / reference_runs + 1 / submission_runs)
    critical = _t_quantile(1 - ALPHA, reference_runs + submission_runs - 2)
    low, high = 0.0, mean
    while high - low > TOLERANCE:
        middle = (low + high) / 2
        if (mean - middle) / error < critical:
            high = middle
        else:
            low = middle
    return (low + high) / 2


@functools.cache
def _t_quantile(probability: float, degrees: int) -> float:
    """A quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))
