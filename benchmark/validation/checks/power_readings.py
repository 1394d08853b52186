"""Readings of power that a meter gave: in no order, in no turns, and those of one run alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from benchmark.validation.chance import DOUBTFUL, all_one_way, all_together, in_turn, share_a_stretch
from benchmark.validation.checks.power import power_folder, readings_of
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, ResultSet

MOST_RUNS, MOST_READINGS = 50, 5_000


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
        if all_together([chance for chance, _ in turns]) < DOUBTFUL:
            periods = sorted({period for _, period in turns if period})
            found = f"each is that of {' or '.join(map(str, periods))} readings before"
            yield _doubted(f"{power_folder(of_node[0][0])}/{node}", "come in turn", found)
        for (one, first), (log, readings) in itertools.combinations(of_node, 2):
            same = all(a == b for a, b in zip(first, readings, strict=False))  # power_is_of_all_runs says so
            if not same and (count := share_a_stretch(first, readings)):
                found = f"{count} or more that follow each other in {one.path.name} too"
                yield _doubted(f"{power_folder(log)}/{node}", "are in part another run's", found)


def _doubted(file: str, what: str, found: str) -> Fault:
    return Fault(
        f"the power readings {what}",
        file=file,
        expected="what a meter measured in this run",
        found=found,
        severity=Severity.WARNING,
        hint="a meter that gives means of a minute or more does not measure a run, and its readings lag behind",
    )
