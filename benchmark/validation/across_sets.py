"""Sets of what is judged that follow from each other: seeds, learning curves and times that are another set's, moved or
scaled."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import fmean, stdev

from benchmark.validation.chance import DOUBTFUL, LARGEST
from benchmark.validation.checks.seeds import SEED_BITS
from benchmark.validation.copies import KINDS
from benchmark.validation.finding import Fault, Finding, Severity
from benchmark.validation.judgement import Judged, JudgedSet
from benchmark.validation.registry import as_finding
from benchmark.validation.trace import LEARNED, OF_TIMES, RATES, TIMES, Trace

MOST_SETS, MOST_RUNS, MOST_EPOCHS = 200, 20, 50
FEWEST = 3
"""Runs, or epochs, of which one number is that of others: of two there is always one."""
WHOLE = 2**SEED_BITS
SAME_SHARE = 1e-8
"""By how little shares of two seeds differ that are one number, the products cut to whole numbers."""
SAME_LEARNED = 2e-7
"""By how little numbers differ that are others times one number: some of them have 24 bits."""
AS_MS = 1.5
"""By how many milliseconds a time differs from another's times one number: one for its two ends, and a half."""
OF_NORMAL = math.sqrt(2 * math.pi)
Found = tuple[Judged, JudgedSet, list[Finding]]


def sets_do_not_follow_from_others(judged: Sequence[Judged]) -> Iterator[Found]:
    """The seeds (R4.2), losses, scores, samples/s and times (R4.6) of no set of ours are those of another, be it of
    another benchmark, plus, times or xor one number: of each epoch, or of each run."""
    sets = [
        (each, runs, runs.traces[:MOST_RUNS])
        for each in judged
        for runs in each.sets
        if len(runs.traces) >= FEWEST and all(trace.ours for trace in runs.traces)
    ][:MOST_SETS]
    pairs = math.comb(len(sets), 2)
    for (_, _, one), (each, runs, other) in itertools.combinations(sets, 2):
        if {trace.same_file for trace in one} & {trace.same_file for trace in other}:
            continue
        said = seeds_of_another(*([_drawn(trace) for trace in some] for some in (one, other)))
        told = [("R4.2", "the seeds of a set are made of another's", said)] if said else []
        for kind, chance in follow(one, other):
            if pairs * chance < DOUBTFUL:
                told.append(("R4.6", f"{kind} of a set follow from another's", "those, and one number for all runs"))
        for rule, message, found in told:
            fault = Fault(
                message,
                found=found,
                expected=f"no relation to the set of {one[0].file}",
                severity=Severity.WARNING,
            )
            yield each, runs, [as_finding(fault, rule, other[0].file)]


def _drawn(trace: Trace) -> int | None:
    """A seed that can be one."""
    return trace.seed if trace.seed is not None and 0 <= trace.seed < WHOLE else None


def seeds_of_another(one: Sequence[int | None], other: Sequence[int | None]) -> str:
    """By what one number three seeds are others'; empty for none. Of two sets of 20 chance has three differences that
    are one once in 10^12."""
    for what, made in (
        ("plus", lambda a, b: (b - a) % WHOLE),
        ("xor", lambda a, b: a ^ b),
        ("from", lambda a, b: (b + a) % WHOLE),
        ("times", lambda a, b: b * pow(a, -1, WHOLE) % WHOLE if a % 2 else None),
        ("times, modulo 2^31 - 1,", lambda a, b: b * pow(a, -1, WHOLE - 1) % (WHOLE - 1) if a % (WHOLE - 1) else None),
    ):
        pairs = itertools.product({*one}, {*other})
        numbers = Counter(made(a, b) for a, b in pairs if a is not None and b is not None and a != b)
        number, times = max(((each, n) for each, n in numbers.items() if each is not None), key=_second, default=(0, 0))
        if times >= FEWEST:
            return f"{times} are others {what} {number}"
    shares = sorted(b / a for a, b in zip(one, other, strict=False) if a and b and a != b)
    for low, high in zip(shares, shares[FEWEST - 1 :], strict=False):
        if high - low <= SAME_SHARE * high:
            return f"{FEWEST} or more are others times {low:.6g}"
    return ""


def _second(pair: tuple[int, int]) -> int:
    return pair[1]


def follow(one: Sequence[Trace], other: Sequence[Trace]) -> Iterator[tuple[str, float]]:
    """What of the runs of a set follows from those of another, in their order, and the chance of it, at most."""
    pairs = list(zip(one, other, strict=False))
    if len(pairs) < FEWEST:
        return
    for kind in LEARNED:
        if all(any(kind == known for known, _ in trace.exact) for pair in pairs for trace in pair):  # no shares
            columns = zip(
                *(zip(*(_values(trace, kind) for trace in pair), strict=False) for pair in pairs), strict=False
            )
            chances = [chance for each in itertools.islice(columns, MOST_EPOCHS) for chance in _by_one_number(each)]
            yield kind, len(KINDS) * len(chances) * min(chances, default=1.0)
    for at in (0, OF_TIMES):
        tables = ([trace.values[TIMES][at : at + OF_TIMES] for trace in each] for each in zip(*pairs, strict=True))
        yield TIMES, len(KINDS) * _times_a_factor(*tables)


def _values(trace: Trace, kind: str) -> list[float]:
    """What was learned after each epoch, up to the first that says nothing."""
    told = itertools.takewhile(lambda value: value is not None and abs(value) < LARGEST, trace.values[kind])
    numbers = [float(value or 0) for value in told]
    return numbers if kind == RATES else list(itertools.accumulate(numbers))


def _by_one_number(pairs: Sequence[tuple[float, float]]) -> Iterator[float]:
    """The chances that numbers of an epoch are as near to those of other runs, times or plus one number."""
    numbers = [b for _, b in pairs]
    spread, near = stdev(numbers), SAME_LEARNED * max(map(abs, numbers))
    chance = min(1.0, 2 * near / (spread * OF_NORMAL)) ** (len(pairs) - 1) if spread else 1.0
    factor = sum(a * b for a, b in pairs) / (sum(a * a for a, _ in pairs) or 1.0)
    step = fmean(b - a for a, b in pairs)
    yield chance if all(abs(b - factor * a) <= near for a, b in pairs) else 1.0
    yield chance if all(abs(b - a - step) <= near for a, b in pairs) else 1.0


def _times_a_factor(one: Sequence[list[float | None]], other: Sequence[list[float | None]]) -> float:
    """The chance that the times of each run are another's times a number, to the millisecond, where honest ones vary by
    what is left of them without the means of runs and of epochs."""
    tables = [
        [[each for each in row if each is not None and abs(each) < LARGEST] for row in table] for table in (one, other)
    ]
    width = min(len(row) for table in tables for row in table)
    if width < 2:
        return 1.0
    rows = [(a[:width], b[:width]) for a, b in zip(*tables, strict=True)]
    for own, made in rows:
        factor = sum(a * b for a, b in zip(own, made, strict=True)) / (sum(a * a for a in own) or 1.0)
        if any(abs(b - factor * a) > AS_MS for a, b in zip(own, made, strict=True)):
            return 1.0
    means = [fmean(column) for column in zip(*(made for _, made in rows), strict=True)]
    left = [b - fmean(made) - mean + fmean(means) for _, made in rows for b, mean in zip(made, means, strict=True)]
    freedom = (len(rows) - 1) * (width - 1)
    spread = math.sqrt(sum(each * each for each in left) / freedom)
    return min(1.0, 2 * AS_MS / (spread * OF_NORMAL)) ** freedom if spread else 1.0
