"""Readings of power that a meter gave: in no order, in no turns, of no formula, and those of one run alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from statistics import fmean

from benchmark.validation.chance import (
    DOUBTFUL,
    LARGEST,
    all_one_way,
    all_together,
    follow_from_two,
    in_turn,
    least_step,
    most_at_the_top,
    opposite_ranks,
    pairs_alike,
    same_in_any_order,
    share_a_stretch,
)
from benchmark.validation.checks.power import FEWEST_READINGS, NodeReadings, nodes_of, power_folder, readings_of
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, ResultSet

MOST_RUNS, MOST_READINGS = 50, 5_000
LEAST_STEP = 1e-9
"""Between two readings, as a share of the largest, where they are told with all digits."""
LESS_BY_TIME = 0.02
"""How much less the mean by time is than that of the readings, where the high ones are given less time."""
FEWEST_BY_FORMULA = 2
"""Runs whose readings follow from those before them: a meter that tells means may do so after a step, in one."""
ONE_SUPPLY = 0.02
"""The efficiency of a supply depends on its load, which is that of one work in all runs of a set."""


@check("R5.6", of=ResultSet, ours_alone=True)
def power_is_as_a_meter_reads_it(results: ResultSet) -> Iterator[Fault]:
    """Readings of a run do not only rise or only fall, nor come in turn, nor does a stretch of them stand in another
    run, where chance does so in fewer than one set in 1,000,000."""
    logs = results.read[:MOST_RUNS] if results.scaling == STRONG else []
    told = [(log, {node: each[:MOST_READINGS] for node, each in readings_of(log).items()}) for log in logs]
    for log, nodes in told:
        for node, readings in nodes.items():
            if all_one_way(readings) < DOUBTFUL:
                yield _doubted(f"{power_folder(log)}/{node}", "only rise or only fall", f"{len(readings)} readings")
    for node in sorted({node for _, nodes in told for node in nodes}):
        of_node = [(log, nodes[node]) for log, nodes in told if node in nodes]
        turns = [in_turn(readings) for _, readings in of_node]
        alike = pairs_alike([readings for _, readings in of_node])
        if all_together([chance for chance, _ in turns]) < DOUBTFUL:
            periods = sorted({period for _, period in turns if period})
            found = f"each is that of {' or '.join(map(str, periods))} readings before"
            yield _doubted(f"{power_folder(of_node[0][0])}/{node}", "come in turn", found)
        for (one, first), (log, readings) in itertools.combinations(of_node, 2):
            if all(a == b for a, b in zip(first, readings, strict=False)):
                continue  # power_is_of_all_runs says so
            if count := share_a_stretch(first, readings):
                found = f"{count} or more that follow each other in {one.path.name} too"
                yield _doubted(f"{power_folder(log)}/{node}", "are in part another run's", found)
            elif len(of_node) ** 2 * same_in_any_order(first, readings, alike) < DOUBTFUL:
                found = f"those of {one.path.name}, in another order"
                yield _doubted(f"{power_folder(log)}/{node}", "are another run's", found)


@check("R5.6", of=ResultSet, ours_alone=True)
def power_is_as_time_and_load_give_it(results: ResultSet) -> Iterator[Fault]:
    """Readings are not cut off at a largest one, do not follow from the two before by a formula, and wait as long
    whether they are high or low, where chance does so in fewer than one set in 1,000,000; a node has one supply."""
    logs = results.read[:MOST_RUNS] if results.scaling == STRONG else []
    told = [(log, nodes_of(log)) for log in logs]
    for node in sorted({node for _, nodes in told for node in nodes}):
        of_node = [(log, nodes[node]) for log, nodes in told if node in nodes]
        file = f"{power_folder(of_node[0][0])}/{node}"
        yield from _of_one_node(file, {log.path.name: each for log, each in of_node})


def _of_one_node(file: str, runs: Mapping[str, NodeReadings]) -> Iterator[Fault]:
    supplies = [each.efficiency for each in runs.values()]
    if max(supplies) - min(supplies) > ONE_SUPPLY:
        yield Fault(
            "the efficiency of a node's power supply is not the same in all runs",
            file=file,
            expected="that of one supply under one load",
            found=", ".join(f"{each:g}" for each in sorted({*supplies})[:6]),
            severity=Severity.WARNING,
        )
    runs = {
        name: each
        for name, each in runs.items()
        if len(each.watts) >= FEWEST_READINGS and 0 < min(each.watts) <= max(each.watts) < LARGEST
    }
    series = [each.watts[:MOST_READINGS] for each in runs.values()]
    if not series:
        return
    told = sorted({value for each in series for value in each})
    step = max(least_step(told), LEAST_STEP * told[-1])
    if most_at_the_top(series, step) < DOUBTFUL:
        found = f"{max(each.count(max(each)) for each in series)} are exactly the largest"
        yield _doubted(file, "are cut off", found)
    by_formula = sorted(follow_from_two(each[:-1], step) for each in series)  # the last may be of a shorter time
    if by_formula[:FEWEST_BY_FORMULA][-1] < DOUBTFUL:
        yield _doubted(file, "follow from those before them", "each from two, to its last digit")
    less = [1 - _by_time(each) / fmean(each.watts) for each in runs.values()]
    waits = [
        opposite_ranks(each.waited_ms[:MOST_READINGS], own) for each, own in zip(runs.values(), series, strict=True)
    ]
    if fmean(less) > LESS_BY_TIME and all_together(waits) < DOUBTFUL:
        yield _doubted(file, "are high after short times", f"{100 * fmean(less):.0f} % less by time than by reading")


def _by_time(told: NodeReadings) -> float:
    """The mean power, each reading by the time before it."""
    return sum(a * b for a, b in zip(told.watts, told.waited_ms, strict=True)) / (sum(told.waited_ms) or 1)


def _doubted(file: str, what: str, found: str) -> Fault:
    return Fault(
        f"the power readings {what}",
        file=file,
        expected="what a meter measured in this run",
        found=found,
        severity=Severity.WARNING,
        hint="a meter that gives means of a minute or more does not measure a run, and its readings lag behind",
    )
