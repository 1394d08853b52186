"""Runs that are copies of others, with other digits or without: what each learned and how long it took, compared."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.metrics.agreement import chance_of, held_to, near_pairs, spread_of
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.trace import LEARNED, LOSSES, METRIC, RATES, TIMES, Trace, changes

if TYPE_CHECKING:
    import numpy as np

SURE, DOUBTFUL = 1e-6, 1e-4
"""Chances, of all pairs and kinds together, below which honest runs do not agree, and below which a reader asks."""
SAME_RATIO = 1e-6
"""The share by which ratios of two numbers differ where one run's are another's times a factor."""
FEWEST_TO_TELL = 2
"""Evaluations that have to be the same: one may be by chance, of a small split."""
_SINGLE = (*LEARNED, TIMES)
KINDS = (*_SINGLE, "scores, losses and samples/s together")


@dataclass(frozen=True)
class Copy:
    """A run that is another's; `how` it agrees with it, and how sure that is."""

    trace: Trace
    twin: Trace
    how: str
    severity: Severity


def as_fault(copy: Copy) -> Fault:
    """What is said of it."""
    twin = copy.twin.path.name if copy.twin.path.parent == copy.trace.path.parent else copy.twin.file
    return Fault(
        "two logs are of one run, of one seed, or one was made from the other",
        file=copy.trace.file,
        line=copy.trace.line,
        found=f"{copy.how} {twin}",
        severity=copy.severity,
    )


def copies(sets: Sequence[Sequence[Trace]]) -> Iterator[Copy]:
    """The runs of one benchmark that are copies of earlier ones: within a set where there is one, and from set
    to set where there are more. Each run once."""
    sets = [[trace for trace in each if trace.evaluations] for each in sets]  # without one nothing can be compared
    traces = [trace for each in sets for trace in each]
    set_of = [number for number, each in enumerate(sets) for _ in each]
    found: dict[int, Copy] = {}
    first: dict[tuple[str, ...], int] = {}
    for place, trace in enumerate(traces):
        twin = first.setdefault(trace.told, place)
        if twin != place and trace.evaluations >= FEWEST_TO_TELL and _apart(sets, set_of, traces, twin, place):
            how = f"the same values in all {trace.evaluations} evaluations as in"
            found[place] = Copy(trace, traces[twin], how, Severity.ERROR if trace.ours else Severity.WARNING)
    for one, other, how, severity in (*_scaled(traces), *_near(sets, traces), *_same_numbers(traces)):
        if _apart(sets, set_of, traces, one, other) and (other not in found or severity > found[other].severity):
            found[other] = Copy(traces[other], traces[one], how, severity)
    return (found[place] for place in sorted(found))


Pair = tuple[int, int, str, Severity]
"""The places of two runs, the earlier first, how they agree, and how sure that is."""


def _same_numbers(traces: list[Trace]) -> Iterator[Pair]:
    """Pairs of our runs that have a loss or score in common to the last digit, or two rates, at whatever places: of
    16 digits the clock tells some 8, so that one rate may be."""
    first: dict[tuple[str, float], int] = {}
    for place, trace in enumerate(traces):
        shared: dict[int, list[tuple[str, float]]] = {}
        for number in sorted(trace.exact):
            if (other := first.setdefault(number, place)) != place:
                shared.setdefault(other, []).append(number)
        for other, same in shared.items():
            if len(same) >= FEWEST_TO_TELL or same[0][0] != RATES:
                how = f"{len(same)} numbers, such as {same[0][1]!r}, are to the last digit those of"
                yield other, place, how, Severity.ERROR if len(same) >= FEWEST_TO_TELL else Severity.WARNING


def _apart(sets: Sequence[Sequence[Trace]], set_of: list[int], traces: list[Trace], one: int, other: int) -> bool:
    return (len(sets) == 1 or set_of[one] != set_of[other]) and traces[one].same_file != traces[other].same_file


def _scaled(traces: list[Trace]) -> Iterator[Pair]:
    """Pairs of our runs, of which one has the first numbers of the other times a factor: all ratios of two numbers are
    the same to 1 in 1,000,000, in each of at least two independent ratios."""
    for kind in (LOSSES, RATES):
        ratios = sorted(
            (told[1] / told[0], told[2] / told[0], place)
            for place, trace in enumerate(traces)
            if trace.ours and (kind == RATES or trace.recorded)  # else losses may not depend on the seed
            if None not in (told := trace.values[kind][:3]) and len(told) == 3
            if 0 <= trace.steps[kind] < SAME_RATIO * min(map(abs, told))
        )
        for (*own, first), (*told, second) in itertools.pairwise(ratios):
            if all(math.isclose(a, b, rel_tol=SAME_RATIO) for a, b in zip(own, told, strict=True)):
                one, other = sorted((first, second))
                yield one, other, f"{kind} are, times one factor, those of", Severity.ERROR


def _near(sets: Sequence[Sequence[Trace]], traces: list[Trace]) -> list[Pair]:
    """Pairs that agree as honest runs do not, the surest first, by the chance that any pair of so many does."""
    import numpy as np

    if len(traces) < 2:
        return []
    tests = len(KINDS) * len(traces) * (len(traces) - 1) / 2
    pairs = near_pairs(_table(traces, METRIC, 1))
    learned: list[np.ndarray] = []
    found: list[tuple[float, int, int, str]] = []
    for kind in KINDS:
        shares = _shares(sets, traces, kind, *pairs) if kind in _SINGLE else np.concatenate(learned, axis=1)
        learned += [shares] if kind in LEARNED else []
        chances = tests * chance_of(shares)
        found += [
            (float(chances[at]), *sorted((int(pairs[0][at]), int(pairs[1][at]))), kind)
            for at in np.nonzero(chances < DOUBTFUL)[0]
        ]
    return [
        (
            one,
            other,
            f"{kind} agree, as those of honest runs would once in {1 / max(chance, 1e-300):.0e} sets, with",
            Severity.ERROR if chance < SURE and traces[other].ours else Severity.WARNING,
        )
        for chance, one, other, kind in sorted(found, key=lambda each: each[0])
    ]


def _shares(
    sets: Sequence[Sequence[Trace]], traces: list[Trace], kind: str, firsts: np.ndarray, seconds: np.ndarray
) -> np.ndarray:
    """The difference of each pair's values by what it is between honest runs, at most 1."""
    import numpy as np

    width = max(1, *(len(trace.values[kind]) for trace in traces))
    table = _table(traces, kind, width)
    rows = []
    for each in sets:
        own = spread_of(_table(each, kind, width))
        recorded = _recorded(each, kind, width)
        if recorded is not None:
            own = held_to(own, recorded)
        elif kind in (METRIC, LOSSES) and all(trace.ours for trace in each):
            own[:] = np.nan  # nobody has shown that seeds change what this benchmark learns: fits without chance do not
        rows += [own] * len(each)
    spread = np.array(rows)
    steps = np.array([trace.steps[kind] for trace in traces])
    difference = np.abs(table[firsts] - table[seconds]) + np.maximum(steps[firsts], steps[seconds])[:, None]
    return np.minimum(difference / np.fmin(spread[firsts], spread[seconds]), 1.0)


def _recorded(traces: Sequence[Trace], kind: str, width: int) -> np.ndarray | None:
    """The spread of the runs that were recorded of the reference; None where there are none."""
    import numpy as np

    curves = traces[0].recorded if traces else ()
    told = {METRIC: [curve.values for curve in curves], LOSSES: [curve.losses for curve in curves]}.get(kind, [])
    table = np.full((len(told), width), np.nan)
    for row, values in zip(table, told, strict=True):
        known = changes(list(values))[:width]
        row[: len(known)] = known
    return spread_of(table) if len(table) > 1 else None


def _table(traces: Sequence[Trace], kind: str, width: int) -> np.ndarray:
    """(runs, values), NaN for None."""
    import numpy as np

    table = np.full((len(traces), width), np.nan)
    for row, trace in zip(table, traces, strict=True):
        known = trace.values[kind][:width]
        row[: len(known)] = [math.nan if value is None else value for value in known]
    return table
