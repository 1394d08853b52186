"""Runs that are made of others, where too few epochs tell it by one kind of numbers: all kinds taken together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.events import keys
from benchmark.metrics.agreement import SPREAD_BY_MEDIAN, chance_of
from benchmark.validation.checks.likeness import FAR_FROM_ONE, FEWEST_RUNS, closed_logs, learned_of
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.intervals import epoch_seconds, seconds_of
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet
from benchmark.validation.trace import LOSSES, recorded_at

if TYPE_CHECKING:
    import numpy as np

DOUBTFUL = 1e-6
"""The chance, of all that is tried of a set together, below which a reader asks."""
MOST_RUNS, MOST_OTHERS, MOST_EPOCHS, FEWEST_EPOCHS = 10, 4, 50, 2
NEAREST = 0.1
"""The share of pairs by which it is known how near two values are by chance."""
OF_LOSSES, MS = 2e-7, 1.0
"""By how little losses differ that were computed of others, in shares of them; and lengths, in milliseconds."""


@dataclass(frozen=True)
class Told:
    """What a run has by epoch: losses, and lengths of epochs and of evaluations in milliseconds."""

    log: Log
    losses: tuple[float, ...]
    epochs: tuple[float, ...]
    evaluations: tuple[float, ...]
    known: bool
    """Whether runs of the reference were recorded: others may learn so smoothly that all their losses are powers."""

    def kinds(self, width: int) -> tuple[tuple[float, ...], ...]:
        return self.losses[:width], self.epochs[:width], self.evaluations[:width]


def told_runs(results: ResultSet) -> list[Told]:
    """The closed runs of which all this is known, each number above 0."""
    found: list[Told] = []
    for log in closed_logs(results)[:MOST_RUNS]:
        lengths = [seconds_of(log, keys.EVAL_START, keys.EVAL_STOP), epoch_seconds(log)]
        evaluations, epochs = (tuple(round(1000.0 * each) for each in some.values())[:MOST_EPOCHS] for some in lengths)
        run = Told(
            log, tuple(learned_of(log).get(LOSSES, ())[:MOST_EPOCHS]), epochs, evaluations, bool(recorded_at(log))
        )
        kinds = run.kinds(MOST_EPOCHS)
        if min(map(len, kinds)) >= FEWEST_EPOCHS and all(0 < value < 1e12 for kind in kinds for value in kind):
            found.append(run)
    return found


@check("R4.6", of=ResultSet, ours_alone=True)
def no_run_is_made_of_others_in_all(results: ResultSet) -> Iterator[Fault]:
    """No run's losses and lengths of epochs and evaluations, together, are one sum of up to four other runs', one power
    of another's, or after each epoch by another run; and its lengths are not another's, some twice or left out."""
    runs = told_runs(results)
    for made_of, what in (
        (sum_of_others, "are one sum of other runs'"),
        (power_of_another, "are one power of another run's"),
        (pieced_together, "lie after each epoch by another run's"),
        (lengths_again, "are another run's, some of them twice or left out"),
    ):
        found = made_of(runs) if len(runs) >= FEWEST_RUNS else None
        if found is not None:
            chance, place, others = found
            yield Fault(
                f"the losses, epochs and evaluations of a run {what}"
                if made_of is not lengths_again
                else f"the lengths of a run's epochs and evaluations {what}",
                file=runs[place].log.file,
                found=f"{', '.join(runs[each].log.path.name for each in others)}, by a chance of {chance:.0e}",
                expected="numbers of a training of its own",
                severity=Severity.WARNING,
            )
            return


Found = tuple[float, int, tuple[int, ...]] | None
"""The chance, the run, and those that it is made of."""


def _spreads(runs: Sequence[Told], place: int, width: int, of: Callable[[float], float]) -> np.ndarray:
    """By how much values of each kind differ, (kinds * width,), such that two are within d by a chance of about d / s.

    The nearest tenth of the pairs of the other runs' values after an epoch tells it. Lengths are of the same work
    each time: where epochs of a run but the first one are nearer to each other, of the others or by the median of its
    own, these tell it, as in sets of quiet runs and busy ones."""
    import numpy as np

    def pairs(values: Sequence[float]) -> list[float]:
        return [one - other for one, other in itertools.combinations(values[1:] if len(values) > 2 else values, 2)]

    rest = [run for number, run in enumerate(runs) if number != place]
    shared = min(min(map(len, run.kinds(MOST_EPOCHS))) for run in runs)
    spreads = []
    for kind in range(3):
        own, *told = ([of(value) for value in run.kinds(MOST_EPOCHS)[kind]] for run in (runs[place], *rest))
        between = [one[at] - other[at] for one, other in itertools.combinations(told, 2) for at in range(shared)]
        spread = float(np.quantile(np.abs(between), NEAREST)) / NEAREST
        if kind:
            within = [each for values in told for each in pairs(values)]
            spread = min(spread, float(np.quantile(np.abs(within), NEAREST)) / NEAREST)
            spread = min(spread, SPREAD_BY_MEDIAN * float(np.median(np.abs(pairs(own)))))
        spreads.append(spread)
    return np.repeat(spreads, width)


def sum_of_others(runs: Sequence[Told]) -> Found:
    """The run of which each value is the same sum of those of up to four others, each times a number, to the last
    digits. Of V values that k numbers are fitted to, V - k are within w of nought by a chance of at most the product of
    2 w / s, s their spread; the k of the least chance are left out. Times the sums that are tried."""
    import numpy as np

    tried = [
        (place, parts)
        for place in range(len(runs))
        for count in range(1, MOST_OTHERS + 1)
        for parts in itertools.combinations([each for each in range(len(runs)) if each != place], count)
    ]
    for place, parts in tried:
        width = min(min(map(len, runs[each].kinds(MOST_EPOCHS))) for each in (place, *parts))
        told = np.concatenate(runs[place].kinds(width))
        steps = np.concatenate([OF_LOSSES * told[:width], np.full(2 * width, MS)])
        rows = np.stack([np.concatenate(runs[each].kinds(width)) for each in parts])
        factors = np.linalg.lstsq((rows / steps).T, told / steps, rcond=None)[0]
        near = steps * (1 + float(np.abs(factors).sum()))
        if np.all(np.abs(told - factors @ rows) <= near):
            chance = len(tried) * _within(near, _spreads(runs, place, width, float), len(parts))
            if chance < DOUBTFUL:
                return chance, place, parts
    return None


def power_of_another(runs: Sequence[Told]) -> Found:
    """The run of which the logarithms of losses are another's times a number, or those of lengths are another's times a
    number and a constant, to the last digits."""
    import numpy as np

    pairs = list(itertools.permutations(range(len(runs)), 2))
    for place, other in pairs:
        width = min(min(map(len, runs[each].kinds(MOST_EPOCHS))) for each in (place, other))
        own, by = (np.log(np.concatenate(runs[each].kinds(width))) for each in (place, other))
        spread = _spreads(runs, place, width, math.log)
        for some, steps, fitted in (
            (slice(width), np.full(width, OF_LOSSES), by[None, :width]),
            (slice(width, None), MS / np.exp(own[width:]), np.stack([by[width:], np.ones(2 * width)])),
        ):
            if some.start is None and not runs[place].known:
                continue
            factors = np.linalg.lstsq((fitted / steps).T, own[some] / steps, rcond=None)[0]
            near = steps * (1 + abs(float(factors[0])))
            if np.all(np.abs(own[some] - factors @ fitted) <= near):
                chance = 2 * len(pairs) * _within(near, spread[some], len(fitted))
                if chance < DOUBTFUL:
                    return chance, place, (other,)
    return None


def _within(near: np.ndarray, spread: np.ndarray, fitted: int) -> float:
    """The chance that all values but so many are so near."""
    import numpy as np

    shares = np.minimum(1.0, 2 * near / np.maximum(spread, near))
    return float(np.prod(np.sort(shares)[fitted:]))


def pieced_together(runs: Sequence[Told]) -> Found:
    """The run that after each epoch lies by one of the others in all kinds, and by none after all. A value is within d
    of another's by a chance of at most d / s; of several kinds by Fisher's method, and so of several epochs."""
    import numpy as np

    width = min(min(map(len, run.kinds(MOST_EPOCHS))) for run in runs)
    table = np.log(np.array([run.kinds(width) for run in runs]))  # (runs, kinds, epochs)
    for place in range(len(runs)):
        spread = _spreads(runs, place, width, math.log).reshape(-1, width)
        if not np.all(spread > 0):
            continue
        steps = np.stack([np.zeros(width), *(MS / np.exp(table[place, 1:]))])
        apart = (np.abs(table - table[place]) + steps) / spread
        apart[place] = np.inf
        farthest = apart[:, 1:].max(axis=1)  # of lengths alone: their noise is far above a millisecond
        near, near_one = float(farthest.min(axis=0).max()), float(farthest.max(axis=1).min())
        if near_one <= FAR_FROM_ONE * near:
            continue
        others = [each for each in range(len(runs)) if each != place]
        shares = np.minimum(1.0, apart[others]).transpose(0, 2, 1)  # (others, epochs, kinds)
        each = chance_of(shares.reshape(-1, shares.shape[2])).reshape(len(others), width)
        best = np.minimum(1.0, len(others) * each.min(axis=0))
        chance = len(runs) * float(chance_of(best[None])[0])
        if chance < DOUBTFUL:
            return chance, place, tuple(sorted({others[index] for index in each.argmin(axis=0).tolist()}))
    return None


def lengths_again(runs: Sequence[Told]) -> Found:
    """The run of which each epoch, and each evaluation, lasts as long as one of another run's, to the millisecond, but
    not all of them once. A length is one of n others by a chance of at most n / s."""
    pairs = list(itertools.permutations(range(len(runs)), 2))
    for place, other in pairs:
        own, by = runs[place], runs[other]
        if sorted(own.epochs) == sorted(by.epochs):
            continue  # the same ones in another order are asked about by themselves
        shares: list[float] = []
        spreads = _spreads(runs, other, 1, float)[1:]
        for lengths, others, spread in zip(
            (own.epochs, own.evaluations), (by.epochs, by.evaluations), spreads, strict=True
        ):
            if not set(lengths) <= set(others):
                break
            shares += [min(1.0, len(set(others)) / max(MS, float(spread)))] * len(lengths)
        else:
            chance = len(pairs) * math.prod(shares)
            if chance < DOUBTFUL:
                return chance, place, (other,)
    return None
