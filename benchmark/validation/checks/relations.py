"""What one run learned does not follow from what others did: no mean, no mixture, no number of another, cut or not."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from statistics import median
from typing import TYPE_CHECKING

from benchmark.definition.curves import Curve
from benchmark.events import keys
from benchmark.foundation.files import sha256_of_file
from benchmark.validation.checks.measured import digits, evaluated_samples, has_all_digits, is_share
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet, as_number
from benchmark.validation.trace import LEARNED, LOSSES, METRIC, changes, recorded_at

if TYPE_CHECKING:
    import numpy as np

SAME_MEAN = 1e-10
"""By how little a number differs from the mean of two others: numbers of 13 digits and more, which differ by 1 in 1,000
between honest runs, come so near in one of 100,000 sets of five runs and 30 numbers."""
SAME_OF_MORE, FEWEST_EXACT = 1e-9, 3
"""As much for all of three epochs or more: losses are written to some 10 digits, as means of numbers of 24 bits."""
SAME_NUMBER = 5e-9
"""By how little two such numbers at one place differ, that are not the same: in one of 10,000 such sets."""
IN_A_PROGRESSION = 1e-9
"""By how little a number differs from the mean, arithmetic or geometric, of the one before and the one after it."""
APART = 1e-4
"""How far the others are apart, at least, in shares of the number: those of runs that all come to one solution are
a few steps of single precision apart, of which some are means of others."""
MOST_RUNS, MOST_EPOCHS, MOST_OF_FOUR = 20, 100, 10
FEWEST_ON_A_LINE = 4
"""Numbers of two runs that lie on one line, to 10 digits, by no chance: those of two epochs always do."""
FEW_DIGITS, ALL_DIGITS = 9, 13
"""Digits of a number that was cut, where the others of its kind have all: of 64 bits one ends in seven noughts once in
10,000,000."""
FEWEST_RUNS, TOO_NEAR, OF_VALUES = 4, 1e-4, 1 / 6
"""Runs whose spread is told; the chance of one as small, by F tests; and the share of the values whose tests decide.
Where n tests have k chances of at most p, that of all together is at most n p / k, however much the values of a run
depend on each other (Rueger 1978)."""
Column = Sequence[float | None]


@check("R4.6", of=ResultSet, ours_alone=True)
def no_run_is_made_of_two(results: ResultSet) -> Iterator[Fault]:
    """No loss, score or rate of a run is the mean of two others' at its place, to more digits than chance gives it: so
    are mixtures of two runs, and progressions. Nor is one a sum or difference of three, or one of them but for its last
    digits."""
    logs = _closed(results)
    for kind, column in _columns(logs):
        told = sorted((value, place) for place, value in enumerate(column) if _is_told(results, kind, value))
        values = [value for value, _ in told]
        if not values or values[-1] - values[0] < APART * abs(values[-1]):
            continue
        for (low, place), (high, other) in itertools.pairwise(told):
            if low < high <= low + SAME_NUMBER * abs(low):
                yield _doubtful(
                    logs[max(place, other)],
                    f"one of {kind} is another run's, but for its last digits",
                    f"{low!r} and {high!r}",
                )
                return
        for (low, _), (middle, place), (high, _) in itertools.combinations(told, 3):
            if high - low >= APART * abs(middle) and low < middle < high and _same((low + high) / 2, middle):
                yield _doubtful(
                    logs[place], f"one of {kind} is the mean of two other runs'", f"{middle!r}, of {low!r} and {high!r}"
                )
                return
        for (low, place), (one, _), (other, _), (high, _) in itertools.combinations(told[:MOST_OF_FOUR], 4):
            if other - one >= APART * abs(high) and _same(low + high, one + other):
                yield _doubtful(
                    logs[place],
                    f"one of {kind} follows from three other runs'",
                    f"{low!r} + {high!r} = {one!r} + {other!r}",
                )
                return


@check("R4.6", of=ResultSet, ours_alone=True)
def no_curve_is_made_of_others(results: ResultSet) -> Iterator[Fault]:
    """The losses or scores of a run are not a mixture of two other runs' in all epochs, in any shares, not a mean of
    more, and not one other's times a factor and a step on: of the numbers, their logarithms or their inverses."""
    import numpy as np

    logs = _closed(results)
    known = recorded_at(logs[0]) if logs else ()
    published = {each.log_sha256 for each in known} - {""}
    for kind, curves in _curves(results, logs):
        recorded = {
            -1 - number: list(told)
            for number, each in enumerate(known if kind in (LOSSES, METRIC) else ())
            if all(map(has_all_digits, told := each.losses if kind == LOSSES else each.values))
        }
        for place, curve in curves.items():
            others = {other: each for other, each in curves.items() if other != place}
            if recorded and sha256_of_file(logs[place].path) not in published:
                others |= {at: told[: len(curve)] for at, told in recorded.items() if len(told) >= len(curve)}
            for form in (float, math.log, _inverse):
                if any(value <= 0 for each in (curve, *others.values()) for value in each):
                    form = float
                own = [form(value) for value in curve]
                rest = {other: [form(value) for value in each] for other, each in others.items()}
                with np.errstate(all="ignore"):  # what overflows is near to nothing
                    made = made_of(own, rest, logarithms=form is math.log) if rest else ()
                if made:
                    names = ", ".join(logs[at].path.name if at >= 0 else f"recorded run {-1 - at}" for at in made)
                    yield _doubtful(logs[place], f"{kind} are a mixture of other runs'", f"of {names}")
                    return


def made_of(own: Sequence[float], rest: dict[int, list[float]], *, logarithms: bool = False) -> tuple[int, ...]:
    """The runs of which one is made, to 9 digits, of two epochs to 10; empty where it is of none: a mixture of two, a
    mean of three or all, or one of them times a factor and a step on. A logarithm is as exact as its number."""
    import numpy as np

    places, table, told = list(rest), np.array(list(rest.values())), np.array(own)
    size = np.ones(len(told)) if logarithms else np.abs(told)
    near, apart = (SAME_MEAN if len(told) < FEWEST_EXACT else SAME_OF_MORE) * size, APART * size
    firsts, seconds = np.triu_indices(len(places), 1)
    across = table[seconds] - table[firsts]
    length = np.sum(across * across, axis=1)
    firsts, seconds, across, length = (each[length >= apart.max() ** 2] for each in (firsts, seconds, across, length))
    share = np.sum((told - table[firsts]) * across, axis=1) / length
    made = np.all(np.abs(table[firsts] + share[:, None] * across - told) <= near, axis=1)
    if made.any():
        at = int(made.argmax())
        return places[firsts[at]], places[seconds[at]]
    for count in {3, len(places)} - {0, 1, 2} if len(places) > 2 else ():
        some = _combinations(len(places), count)
        means = np.all(np.abs(table[some].mean(axis=1) - told) <= near, axis=1)
        for at in np.nonzero(means & np.any(np.abs(table[some, 0] - told[0]) >= apart[0], axis=1))[0]:
            return tuple(places[each] for each in some[at])
    if len(own) >= FEWEST_ON_A_LINE:
        away, by = table - table.mean(axis=1, keepdims=True), told - told.mean()
        spread = np.sum(away * away, axis=1)
        factor = np.sum(away * by, axis=1) / np.where(spread > 0, spread, 1.0)
        on_a_line = np.all(np.abs(factor[:, None] * away - by) <= near, axis=1) & (np.abs(by).max() >= apart.max())
        return tuple(places[at] for at in np.nonzero(on_a_line)[0][:1])
    return ()


@functools.lru_cache(maxsize=8)
def _combinations(of: int, count: int) -> np.ndarray:
    import numpy as np

    return np.array(list(itertools.combinations(range(of), count)))


def _inverse(value: float) -> float:
    return 1 / value


@check("R4.6", of=ResultSet, ours_alone=True)
def no_number_follows_from_its_own_run(results: ResultSet) -> Iterator[Fault]:
    """The score on the test split is not that on the dev split by one step, or share, in two runs; nor are the losses,
    scores or rates of a run a progression."""
    logs = _closed(results)
    pairs = []
    for log in logs:
        dev, test = as_number(log.metrics[-1].value) if log.metrics else None, as_number(log.value(log.goal.test_key))
        if dev is not None and test is not None and _is_told(results, METRIC, dev) and _is_told(results, METRIC, test):
            pairs.append((log, dev, test))
    for (_, dev, test), (log, other_dev, other) in itertools.combinations(pairs, 2):
        if abs(other - test) >= APART * abs(test) and (
            _same(dev + other, other_dev + test) or _same(dev * other, other_dev * test)
        ):
            yield _doubtful(
                log, "two test scores follow from the dev scores", f"{test!r} of {dev!r}, {other!r} of {other_dev!r}"
            )
            break
    tests, devs = [test for _, _, test in pairs], {0: [dev for _, dev, _ in pairs]}
    if len(pairs) >= FEWEST_ON_A_LINE and made_of(tests, devs):
        yield _doubtful(pairs[0][0], "all test scores follow from the dev scores", f"a line through {len(pairs)} runs")
    for kind, curves in _curves(results, logs):
        for place, curve in curves.items():
            for one, middle, last in zip(curve, curve[1:], curve[2:], strict=False):
                apart = min(abs(middle - one), abs(last - middle)) >= APART * abs(middle)
                if apart and (
                    abs(one + last - 2 * middle) <= IN_A_PROGRESSION * abs(middle)
                    or abs(one * last / middle - middle) <= IN_A_PROGRESSION * abs(middle)
                ):
                    yield _doubtful(logs[place], f"{kind} are a progression", f"{one!r}, {middle!r}, {last!r}")
                    return


@check("R4.6", of=ResultSet, ours_alone=True)
def numbers_have_as_many_digits(results: ResultSet) -> Iterator[Fault]:
    """A program writes all numbers of a kind with all their digits, or none: a shorter one was put in by hand."""
    by_kind: dict[str, list[tuple[Log, float]]] = {}
    logs = _closed(results)
    for kind, column in _columns(logs):
        by_kind.setdefault(kind, []).extend((log, v) for log, v in zip(logs, column, strict=True) if v is not None)
    samples = evaluated_samples(results.standard)
    for kind, told in by_kind.items():
        few = [(log, v) for log, v in told if digits(v) <= FEW_DIGITS and not (kind == METRIC and is_share(v, samples))]
        if few and median(digits(value) for _, value in told) >= ALL_DIGITS:
            log, value = few[0]
            yield _doubtful(log, f"one of {kind} has fewer digits than the others", repr(value))


@check("R4.6", of=ResultSet, ours_alone=True)
def runs_vary_as_seeds_make_them(results: ResultSet) -> Iterator[Fault]:
    """Losses and scores of a set do not lie far nearer to each other than those of recorded runs: so do runs that were
    all made of one."""
    import numpy as np
    from scipy.special import fdtr

    logs = _closed(results)
    known: tuple[Curve, ...] = recorded_at(logs[0]) if logs else ()
    tables = []
    for kind, curves in _curves(results, logs) if known else ():
        recorded = [list(each.losses if kind == LOSSES else each.values) for each in known]
        width = min(map(len, [*curves.values(), *recorded]), default=0) if kind != LEARNED[2] else 0
        if width and len(curves) >= FEWEST_RUNS and len(recorded) >= FEWEST_RUNS:
            own, others = (
                np.array([changes(each[:width]) for each in some], float) for some in (curves.values(), recorded)
            )
            tables.append((own, others.var(axis=0, ddof=1), len(others) - 1))

    def chance_without(run: int | None) -> float:
        """That of all runs, or of all but one."""
        shares: list[float] = []
        for own, spread, freedom in tables:
            rest = own if run is None else np.delete(own, run, axis=0)
            shares += [float(each) for each in fdtr(len(rest) - 1, freedom, rest.var(axis=0, ddof=1) / spread)]
        deciding = math.ceil(OF_VALUES * len(shares))
        return len(shares) / deciding * sorted(shares)[deciding - 1]

    if not tables:
        return
    chances = [chance_without(None)]
    if len(logs) > FEWEST_RUNS:
        chances += [len(logs) * chance_without(run) for run in range(len(logs))]
    if min(chances) < TOO_NEAR:
        yield _doubtful(
            logs[0],
            "the runs lie nearer to each other than seeds leave them",
            f"losses and scores as those of honest runs would once in {1 / max(min(chances), 1e-300):.0e} sets",
        )


def _closed(results: ResultSet) -> list[Log]:
    return [log for log in results.read if log.closed][:MOST_RUNS]


def _doubtful(log: Log, message: str, found: str) -> Fault:
    expected = "numbers of other seeds and times, which have no relation"
    return Fault(message, file=log.file, found=found, expected=expected, severity=Severity.WARNING)


def _same(value: float, other: float) -> bool:
    return abs(value - other) <= SAME_MEAN * abs(other)


def _is_told(results: ResultSet, kind: str, value: float | None) -> bool:
    """Whether a number is one that no other run has: shares of the samples are often the same."""
    return (
        value is not None
        and has_all_digits(value)
        and not (kind == METRIC and is_share(value, evaluated_samples(results.standard)))
    )


def _curves(results: ResultSet, logs: list[Log]) -> Iterator[tuple[str, dict[int, list[float]]]]:
    """Of each kind the numbers of the epochs that all runs have, by the run's place."""
    by_kind: dict[str, list[Column]] = {}
    for kind, column in itertools.islice(_columns(logs, test=False), 3 * MOST_EPOCHS):
        if all(_is_told(results, kind, value) for value in column):
            by_kind.setdefault(kind, []).append(column)
    for kind, columns in by_kind.items():
        rows = zip(*columns, strict=True)
        if len(columns) > 1:
            yield kind, {place: [float(value or 0) for value in row] for place, row in enumerate(rows)}


def _columns(logs: list[Log], test: bool = True) -> Iterator[tuple[str, Column]]:
    """The numbers of all runs after each epoch, by kind, and the scores on the test split."""
    by_run = [
        (
            [as_number(event.value) for event in log.metrics],
            *(
                [
                    as_number(event.value.get(name)) if isinstance(event.value, dict) else None
                    for event in log.of(keys.TRACKED_STATS)
                ]
                for name in ("loss", keys.THROUGHPUT)
            ),
        )
        for log in logs
    ]
    for kind, numbers in zip(LEARNED, zip(*by_run, strict=True), strict=False):
        yield from ((kind, column) for column in itertools.islice(zip(*numbers, strict=False), MOST_EPOCHS))
    if test:
        yield METRIC, tuple(as_number(log.value(log.goal.test_key)) for log in logs)
