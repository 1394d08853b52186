"""Numbers of a run that lie nearer to a formula, or to other runs', than the noise of their set leaves them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from benchmark.events import keys
from benchmark.validation.checks.plausible import as_recorded
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet, as_count, as_number
from benchmark.validation.trace import LOSSES, METRIC, RATES, recorded_at

if TYPE_CHECKING:
    import numpy as np

DOUBTFUL = 1e-6
"""The chance, of all runs and forms of a kind together, below which a reader asks."""
FEWEST_EPOCHS, FEWEST_RUNS, MOST_RUNS, MOST_EPOCHS = 6, 4, 16, 200
INDEPENDENT = 8
"""Epochs that count as independent, at most: after the first ones a run that is ahead stays so for many."""
AS_RECORDED, SPREADS = 1e-4, 3.0
"""The chance below which a reader asks, and how many standard deviations the means are apart then: other processors and
libraries round otherwise, which makes runs of other luck and of no other mean."""
EXACT = 1e-7
"""The residual of a formula, in shares of what a curve spans: training by random batches leaves thousandths."""
LARGEST_SHARE = 2.0
"""Of another run's curve that is still that curve, or its inverse: hardly anything is a share of any."""
FAR_FROM_ONE = 10.0
"""How many times as far from each single run: one that was as lucky throughout may lie near after all epochs."""
POWERS, FAR = tuple(each / 20 for each in range(1, 101)), 0.05
"""Powers of the epoch that are tried, from 0.05 to 5, between which the nearest is refined; and the share of its span
that a curve is off the nearest where it is of none between."""


@check("R4.6", of=ResultSet, ours_alone=True)
def no_curve_is_a_formula(results: ResultSet) -> Iterator[Fault]:
    """Losses and scores are not a constant and a power of the epoch, an exponential or two simple functions of it, to
    seven digits, the last or the first epoch aside."""
    for log in closed_logs(results):
        for kind, curve in learned_of(log).items():
            parts = [curve, curve[:-1], curve[1:]] if kind != RATES else []
            found = next((name for part in parts if (name := formula_of(part))), "")
            if found:
                yield _doubtful(log, f"{kind} are {found}", "to seven digits")
                return


def formula_of(curve: Sequence[float]) -> str:
    """The formula of three numbers that a curve of six or more is, in words; empty where it is of none."""
    import numpy as np

    told = np.array(curve, float)
    span = float(np.ptp(told)) if len(told) else 0.0
    if len(told) < FEWEST_EPOCHS or span <= 1e-4 * float(np.abs(told).max()):
        return ""
    epochs = np.arange(1, len(told) + 1)
    steps = np.diff(told)
    if np.all(steps != 0):
        shares = steps[1:] / steps[:-1]
        if float(np.ptp(shares)) <= EXACT * len(told) * max(1.0, float(np.abs(shares).max())):
            return "an exponential of the epoch"
    for name, before in (("a power of the epoch", 0.0), ("a power of the epochs and one", 1.0)):
        best = min(POWERS, key=lambda power: _residual(told, (epochs + before) ** -power))
        if _residual(told, (epochs + before) ** -best) > FAR * span:
            continue
        low, high = best - POWERS[0], best + POWERS[0]
        for _ in range(60):  # by the golden ratio, to the last digits of the power
            one, other = high - (high - low) / 1.618, low + (high - low) / 1.618
            if _residual(told, (epochs + before) ** -one) < _residual(told, (epochs + before) ** -other):
                high = other
            else:
                low = one
        if _residual(told, (epochs + before) ** -((low + high) / 2)) <= EXACT * span:
            return name
    simple = (epochs, epochs**2, 1 / epochs, epochs**-2.0, epochs**0.5, epochs**-0.5, np.log(epochs))
    for pair in itertools.combinations(simple, 2):
        form = np.stack([np.ones(len(told)), *pair], axis=1)
        if float(np.abs(told - form @ np.linalg.lstsq(form, told, rcond=None)[0]).max()) <= EXACT * span:
            return "a sum of two simple functions of the epoch"
    return ""


def _residual(told: np.ndarray, form: np.ndarray) -> float:
    """The largest distance from the best line in `form`."""
    by = form - form.mean()
    line = told.mean() + by * float(by @ (told - told.mean())) / float(by @ by)
    return float(abs(told - line).max())


@check("R4.6", "R3.9", of=ResultSet, ours_alone=True)
def no_run_is_another_with_noise(results: ResultSet) -> Iterator[Fault]:
    """No run's losses, scores or rates follow another's, turned around or not, in one share, a mixture of two, or now
    one and now another, far more closely than any others of the set do."""
    logs = closed_logs(results)
    for kind in (LOSSES, METRIC, RATES):
        curves = [learned_of(log).get(kind, []) for log in logs]
        told = [(log, curve) for log, curve in zip(logs, curves, strict=True) if len(curve) >= FEWEST_EPOCHS]
        if len(told) < FEWEST_RUNS or any(value <= 0 for _, curve in told for value in curve):
            continue
        curves = [[math.log(value) for value in curve] for _, curve in told]
        found = nearest(curves, kind if kind == RATES else "learned") or now_one_now_another(curves)
        if found is not None:
            chance, place, others = found
            yield _doubtful(
                told[place][0],
                f"{kind} are those of other runs, with noise",
                f"of {' and '.join(told[each][0].path.name for each in others)}, by a chance of {chance:.0e}",
            )


def nearest(curves: Sequence[Sequence[float]], kind: str) -> tuple[float, int, tuple[int, ...]] | None:
    """The run that follows others too closely, and which, with the chance; None where none does.

    What is left of a run when another one, or a mixture of two, is taken from it has the variance of the runs' noise.
    Each epoch counts by the spread of the set after it. The ratio of two such variances has the F distribution. The
    variance is held against the least of pairs that share no run with it, or of three that share one, so that the
    ratio is larger and the chance less than of one alone.
    """
    import numpy as np

    width = min(map(len, curves))
    table = np.array([curve[:width] for curve in curves], float)
    table -= table.mean(axis=1, keepdims=True)  # a factor makes no other run
    spread = table.std(axis=0, ddof=1)
    if not np.all(spread > 0):
        return None
    ways = [table, table[:, ::-1]] if kind == RATES else [table]
    left: dict[tuple[int, ...], tuple[float, int, tuple[int, ...]]] = {}
    tried, freedom = 0, min(width - 1, INDEPENDENT)
    for one, other in itertools.permutations(range(len(table)), 2):
        for way in ways:
            rest = (table[one] - way[other]) / spread
            tried += 1
            variance = float(rest @ rest)
            pair = tuple(sorted((one, other)))
            if pair not in left or variance < left[pair][0]:
                left[pair] = (variance, one, (other,))
    found = _by_chance(sorted(left.values()), tried, freedom)
    if found is not None or kind == RATES:
        return found
    in_shares = []
    for one, other in itertools.permutations(range(len(table)), 2):
        own, by = table[one] / spread, table[other] / spread
        rest, share = _without(own, by)
        if 1 / LARGEST_SHARE < share < LARGEST_SHARE:
            in_shares.append((2 * float(rest @ rest) / (1 + share**2), one, (other,)))
    found = _by_chance(sorted(in_shares), len(in_shares), freedom - 1)
    if found is not None:
        return found
    mixed: list[tuple[float, int, tuple[int, ...]]] = []
    for three in itertools.combinations(range(len(table)), 3):
        some = []
        for one in three:
            first, second = (each for each in three if each != one)
            across, own = (table[second] - table[first]) / spread, (table[one] - table[first]) / spread
            rest, share = _without(own, across)
            some.append((float(rest @ rest) / (share**2 + (1 - share) ** 2 + 1), one, (first, second)))
        mixed.append(min(some))
    return _by_chance(sorted(mixed), 3 * len(mixed), freedom)


def _without(own: np.ndarray, by: np.ndarray) -> tuple[np.ndarray, float]:
    """What the best share of another curve leaves of one, and this share; 0 where the other one is constant."""
    length = float(by @ by)
    share = float(own @ by) / length if length > 0 else 0.0
    return own - share * by, share


def now_one_now_another(curves: Sequence[Sequence[float]]) -> tuple[float, int, tuple[int, ...]] | None:
    """The run that after each epoch lies by one of the others, and by none after all, with the chance and these; None
    where none does. A normal number is within d spreads of one of n others by a chance of at most n d / sqrt(pi)."""
    import numpy as np

    table = np.array([curve[: min(map(len, curves))] for curve in curves], float)
    spread, others = table.std(axis=0, ddof=1), len(table) - 1
    if not np.all(spread > 0):
        return None
    for place in range(len(table)):
        apart = np.abs(table - table[place]) / spread
        apart[place] = np.inf
        near, near_one = float(apart.min(axis=0).max()), float(apart.max(axis=1).min())
        chance = len(table) * min(1.0, others * near / math.sqrt(math.pi)) ** min(table.shape[1], INDEPENDENT)
        if chance < DOUBTFUL and near_one > FAR_FROM_ONE * near:
            return chance, place, tuple(sorted({*apart.argmin(axis=0).tolist()}))
    return None


def _by_chance(
    found: list[tuple[float, int, tuple[int, ...]]], tried: int, freedom: int
) -> tuple[float, int, tuple[int, ...]] | None:
    """The nearest of them where its variance is smaller than chance leaves it, by the least of the unrelated."""
    from scipy.special import fdtr

    if not found:
        return None
    variance, place, others = found[0]
    runs = {place, *others}
    rest = [each for each, one, some in found[1:] if len(runs & {one, *some}) <= len(runs) - 2]
    if not rest or rest[0] <= 0:
        return None
    chance = tried * float(fdtr(freedom, freedom, variance / rest[0]))
    return (chance, place, others) if chance < DOUBTFUL else None


@check("R4.6", of=ResultSet, ours_alone=True)
def test_scores_vary_by_themselves(results: ResultSet) -> Iterator[Fault]:
    """Test scores are not one share of the dev scores in all runs: two splits err apart."""
    from scipy.special import fdtr

    logs = closed_logs(results)
    known = recorded_at(logs[0]) if logs else ()
    pairs = [
        (test / dev, dev)
        for log in logs
        if log.metrics
        and (dev := as_number(log.metrics[-1].value)) is not None
        and (test := as_number(log.value(log.goal.test_key))) is not None
        and dev > 0 < test
    ]
    if len(pairs) < FEWEST_RUNS or len(known) < FEWEST_RUNS:
        return
    shares = [math.log(share) for share, _ in pairs]
    # by how much dev scores of recorded runs vary after one epoch, those of another split of its size do too
    ends = [math.log(each.values[-1]) for each in known if each.values and each.values[-1] > 0]
    own, noise = _variance(shares), _variance(ends)
    chance = float(fdtr(len(shares) - 1, len(ends) - 1, own / noise)) if noise > 0 else 1.0
    if chance < DOUBTFUL:
        yield _doubtful(
            logs[0],
            "the test scores are one share of the dev scores",
            f"{math.exp(sum(shares) / len(shares)):.4g} of them, to {math.sqrt(own):.1e}, by a chance of {chance:.0e}",
        )


@check("R3.11", of=ResultSet, ours_alone=True)
def runs_learn_as_recorded(results: ResultSet) -> Iterator[Fault]:
    """Runs with the settings, batch size and ranks of recorded ones have their mean loss and score after each epoch, as
    near as the spread of both leaves it (Student's t, of both spreads together)."""
    from scipy.special import stdtr

    logs = closed_logs(results)
    known = recorded_at(logs[0]) if logs and all(map(as_recorded, logs)) else ()
    alike = [each for each in known if each.ranks == as_count(logs[0].settings().get("ranks"))]
    alike = alike if len(alike) >= FEWEST_RUNS else list(known)  # too few are of these ranks
    if min(len(logs), len(alike)) < FEWEST_RUNS:
        return
    for kind in (LOSSES, METRIC):
        curves = [learned_of(log).get(kind, []) for log in logs]
        recorded = [each.losses if kind == LOSSES else each.values for each in alike]
        for place in range(min(map(len, [*curves, *recorded])) - 1):  # a run ends where chance was with it
            own, others = [each[place] for each in curves], [each[place] for each in recorded]
            freedom = len(own) + len(others) - 2
            squares = _variance(own) * (len(own) - 1) + _variance(others) * (len(others) - 1)
            apart = sum(own) / len(own) - sum(others) / len(others)
            error = math.sqrt(squares / freedom * (1 / len(own) + 1 / len(others)))
            chance = 2 * float(stdtr(freedom, -abs(apart) / error)) if error > 0 else 1.0
            beyond = min(own) > max(others) or max(own) < min(others)
            if beyond and chance < AS_RECORDED and abs(apart) > SPREADS * math.sqrt(squares / freedom):
                yield _doubtful(
                    logs[0],
                    f"{kind} after epoch {place + 1} are not those of recorded runs with these settings",
                    f"{min(own):.4g} to {max(own):.4g}, recorded {min(others):.4g} to {max(others):.4g}",
                )
                break


def _variance(values: Sequence[float]) -> float:
    """Infinite where a square is beyond all numbers, of which `statistics.variance` raises OverflowError."""
    mean = sum(values) / len(values)
    return sum((value - mean) * (value - mean) for value in values) / (len(values) - 1)


def closed_logs(results: ResultSet) -> list[Log]:
    """The logs of a set that are compared with each other."""
    return [log for log in results.read if log.closed][:MOST_RUNS]


def learned_of(log: Log) -> dict[str, list[float]]:
    """The losses, scores and samples/s of a log by epoch; of a kind that is not of numbers alone, none."""
    stats = [event.value if isinstance(event.value, dict) else {} for event in log.of(keys.TRACKED_STATS)]
    told = {
        LOSSES: [as_number(each.get("loss")) for each in stats],
        METRIC: [as_number(event.value) for event in log.metrics],
        RATES: [as_number(each.get(keys.THROUGHPUT)) for each in stats],
    }
    return {
        kind: [float(value or 0) for value in values[:MOST_EPOCHS]]
        for kind, values in told.items()
        if None not in values
    }


def _doubtful(log: Log, message: str, found: str) -> Fault:
    expected = "numbers of a training by random batches, on a machine of its own"
    return Fault(message, file=log.file, found=found, expected=expected, severity=Severity.WARNING)
