"""What differs from run to run by chance is not the same in all runs of a set."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from benchmark.events import keys
from benchmark.validation.checks.measured import FEWEST_DIGITS, digits, evaluated_samples, has_all_digits, is_share
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.packed import packed_sources
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet, as_number

DOUBTFUL = 1e-4
"""The chance, of all scores together, below which a reader asks."""
SAME_SHARE, SAME_SCORE = 0.3, 1e-3
"""The chances, at most, that two runs have one score: of a share of the samples, and of a value with all its digits."""
FEWEST_WRONG = 30
"""Wrong predictions below which runs often have the same score."""
FEWEST_RUNS = 3
KEEPS_COUNTS = b"write_tallies("
"""The call by which a trainer keeps what its last evaluations counted."""
FEWEST_FIGURES = 4
"""Runs whose preflights do not measure seconds that are a progression, by chance."""
LARGE_SUM, COMMON = 2**30, 1000
"""A sum of many, and a divisor that four of them share by a chance of 1 in 1,000,000,000."""
AS_NEAR = 1e-6
"""The share by which figures of two preflights differ that one was made of the other."""
MEASURED = ("latency_seconds", "bandwidth_bytes_per_second")


@check("R4.6", of=ResultSet, ours_alone=True)
def scores_vary(results: ResultSet) -> Iterator[Fault]:
    """All runs of a closed set do not have one score after an epoch, or on the test split, where runs were recorded,
    which show that seeds change it."""
    standard, logs = results.standard, results.read
    if standard is None or not standard.curves or len(logs) < FEWEST_RUNS or not all(log.closed for log in logs):
        return
    samples = evaluated_samples(standard)
    chance, same = 1.0, []
    for epoch, scores in _scores(logs):
        value = scores[0]
        few = standard.goal.high == 1.0 and (1.0 - value) * standard.samples.get("dev", 0) < FEWEST_WRONG
        if set(scores) == {value} and value not in (standard.goal.low, standard.goal.high) and not few:
            chance *= (SAME_SHARE if is_share(value, samples) else SAME_SCORE) ** (len(logs) - 1)
            same.append(f"{value!r} {epoch}")
    if chance < DOUBTFUL:
        yield Fault(
            "all runs have the same score",
            file=logs[0].file,
            found=", ".join(same),
            expected="scores of other seeds, which differ",
            severity=Severity.WARNING,
        )


def _scores(logs: list[Log]) -> Iterator[tuple[str, list[float]]]:
    """The scores of all runs at each place where all have one."""
    by_run = [[as_number(event.value) for event in log.metrics] for log in logs]
    columns = [(f"after evaluation {place}", column) for place, column in enumerate(zip(*by_run, strict=False), 1)]
    columns.append(("on the test split", tuple(as_number(log.value(log.goal.test_key)) for log in logs)))
    for name, column in columns:
        if None not in column:
            yield name, [float(value) for value in column if value is not None]


@check("R7.5", of=ResultSet, ours_alone=True)
def preflights_are_each_runs_own(results: ResultSet) -> Iterator[Fault]:
    """No two runs measured the same latency and bandwidth, or lasted as long, to the last digit; no measured second is
    of few digits, nor are they a progression."""
    yield from _made_up(results)
    yield from _measured_together(results)
    seen: dict[tuple[str, ...], Log] = {}
    for log in results.read:
        for event in log.of(keys.PREFLIGHT)[:1]:
            figures = event.value.get("figures") if isinstance(event.value, dict) else None
            network = figures.get("all_reduce") if isinstance(figures, dict) else None
            told = [network.get(name) for name in MEASURED] if isinstance(network, dict) else []
            lasted = as_number(figures.get("seconds")) if isinstance(figures, dict) else None
            for each in (told, [lasted] if lasted is not None and has_all_digits(lasted) else []):
                if not each or None in map(as_number, each):
                    continue
                other = seen.setdefault(tuple(f"{as_number(figure) or 0:.9g}" for figure in each), log)
                if other is not log:
                    yield Fault(
                        "two preflights measured the same, to the last digit",
                        file=log.file,
                        line=event.line,
                        found=", ".join(map(shown, each)),
                        expected=f"other figures than those of {other.path.name}",
                        severity=Severity.WARNING,
                    )


def _made_up(results: ResultSet) -> Iterator[Fault]:
    """What somebody wrote in the place of what was measured."""
    figures = [facts for log in results.read if log.closed and (facts := _figures(log))]
    lasted = [as_number(each.get("seconds")) for each in figures]
    latencies = [
        as_number(each["all_reduce"].get(MEASURED[0])) for each in figures if isinstance(each.get("all_reduce"), dict)
    ]
    for what, column in (("seconds", lasted), ("latencies", latencies)):
        told = [each for each in column if each]
        if len(told) < FEWEST_FIGURES:
            continue
        steps = [b - a for a, b in itertools.pairwise(told)]
        if max(map(digits, told)) < FEWEST_DIGITS or max(steps) - min(steps) < 1e-9 * abs(told[0]):
            yield _doubted(results, f"the {what} of the preflights were not measured", told)


def _measured_together(results: ResultSet) -> Iterator[Fault]:
    """Two figures or more of one preflight that are, but for their last digits, another's: honest ones differ by a
    hundredth, so that two pairs of ten are so near by a chance of 1 in 10,000,000."""
    rows = []
    for log in results.read:
        figures = _figures(log)
        network = figures.get("all_reduce")
        of_network = [network.get(name) for name in MEASURED] if isinstance(network, dict) else []
        rows.append((log, [as_number(each) for each in (figures.get("seconds"), *of_network)]))
    for (one, first), (log, told) in itertools.combinations(rows, 2):
        near = [a for a, b in zip(first, told, strict=False) if a and b and abs(a - b) <= AS_NEAR * abs(a)]
        if len(near) > 1:
            yield _doubted(results, f"{log.path.name} and {one.path.name} measured one preflight's figures", near)


def _figures(log: Log) -> dict[str, Any]:
    value = log.value(keys.PREFLIGHT)
    figures = value.get("figures") if isinstance(value, dict) else None
    return figures if isinstance(figures, dict) else {}


def _doubted(results: ResultSet, what: str, found: object) -> Fault:
    expected = "figures of an instrument, other ones in each run"
    return Fault(what, file=results.file, found=shown(found), expected=expected, severity=Severity.WARNING)


@check("R4.16", of=ResultSet, ours_alone=True)
def tallies_are_of_one_split(results: ResultSet) -> Iterator[Fault]:
    """Either all runs of a set or none kept what they counted; all counted the same samples of the same schema."""
    from benchmark.foundation.errors import StemdlError
    from benchmark.metrics.tallies import Tallies, read_tallies

    read: list[tuple[Log, Tallies]] = []
    for log in results.read:
        try:
            read += [(log, read_tallies(log.tallies))] if log.tallies is not None else []
        except StemdlError:
            return  # tallies_come_to_the_log says so
    if not read and results.submitted and all(log.closed for log in results.read) and _keeps_counts(results):
        yield Fault(
            "what the runs counted is left out, and the trainer that is packed keeps it",
            expected="tallies/result_<i>.json of each run, as stemdl submit packs them",
            severity=Severity.WARNING,
        )
    if read and len(read) < len(results.read):
        missing = next(log for log in results.read if log.tallies is None)
        yield Fault(
            "some runs kept what they counted, and others did not",
            file=missing.file,
            expected=f"that of all {len(results.read)} runs, or of none",
            found=f"that of {len(read)}",
            severity=Severity.WARNING,
        )
    counted: dict[tuple[str, bytes], Log] = {}
    for log, tallies in read:
        for split, tally in tallies.splits.items():
            other = counted.setdefault((split, tally.tobytes()), log)
            if other is not log and results.standard is not None and results.standard.curves and _wrong(log, split):
                yield Fault(
                    f"two runs counted the same of {split}, though seeds change what is predicted",
                    file=log.file,
                    expected=f"other counts than those of {other.path.name}",
                    severity=Severity.WARNING,
                )
    for split in sorted(read[0][1].splits) if len(read) >= FEWEST_FIGURES else ():
        sums = [int(max(each.splits[split], default=0)) for _, each in read if split in each.splits]
        if min(sums, default=0) > LARGE_SUM and math.gcd(*sums) > COMMON:
            yield Fault(
                f"what the runs counted of {split} was rounded",
                file=read[0][0].file,
                expected="sums without a divisor in common",
                found=f"multiples of {math.gcd(*sums)}",
                severity=Severity.WARNING,
            )
    for (one, first), (log, tallies) in itertools.pairwise(read):
        if tallies.schema != first.schema or _totals(tallies) != _totals(first):
            yield Fault(
                "two runs counted other samples of one split",
                file=log.file,
                expected=f"the schema and the samples of each class of {one.path.name}",
            )


def _keeps_counts(results: ResultSet) -> bool:
    """Whether the packed source of the reference writes what a run counted."""
    packed = packed_sources(results.folder.parents[3], results.benchmark)
    return any(KEEPS_COUNTS in content for files in packed.values() for content in files.values())


def _wrong(log: Log, split: str) -> bool:
    """Whether so many predictions of a split are wrong that two runs do not have the same by chance."""
    score = as_number(log.metrics[-1].value if split == "dev" and log.metrics else log.value(log.goal.test_key))
    samples = log.standard.samples.get(split, 0) if log.standard is not None else 0
    return score is not None and (log.goal.high != 1.0 or (1.0 - score) * samples >= FEWEST_WRONG)


def _totals(tallies) -> dict[str, list[int]]:
    """The samples of each class, of tallies that say how often each was taken for which."""
    totals = {}
    for split, tally in tallies.splits.items():
        classes = next((len(names) for names in tallies.schema.classes.values()), 0)
        if classes and len(tally) == classes**2 + 1:
            totals[split] = tally[:-1].reshape(classes, classes).sum(axis=1).tolist()
    return totals
