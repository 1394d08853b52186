"""What runs take for what: each errs by itself, and two that err alike are one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmark.foundation.errors import StemdlError
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet

if TYPE_CHECKING:
    import numpy as np

MOST_RUNS, FEWEST_RUNS, MOST_CLASSES = 16, 4, 1000
FEWEST_MISTAKES = 20
"""Of a run in a split, by which it is known how runs differ."""
APART = 7.0
"""By how many standard deviations the nearest two runs are nearer than the nearest two of the others, by the mean of
the splits, if a sum of differences of counts varies as its root does. Since mistakes are not independent it varies by
more: of 9,000 sets of five and eight of 64 runs of two rungs the farthest had 4.9."""

UNLIKE = 6.0
"""By how many standard deviations, told as above, a run's nearest is farther than the farthest two of the others: of
sets of four of 106 runs of two rungs the farthest had 2.7."""


@check("R4.6", of=ResultSet, ours_alone=True)
def runs_err_by_themselves(results: ResultSet) -> Iterator[Fault]:
    """No two runs take the same samples for the same wrong classes, but for a few, in dev and in test."""
    read = [(log, found) for log in results.read[:MOST_RUNS] if (found := mistakes_of(log))]
    splits = set.intersection(*(set(found) for _, found in read)) if len(read) >= FEWEST_RUNS else set()
    alike = len({found[split].shape for _, found in read for split in splits}) == 1
    if (
        len(splits) < 2
        or not alike
        or any(found[split].sum() < FEWEST_MISTAKES for _, found in read for split in splits)
    ):
        return
    found = nearest([[tables[split] for split in sorted(splits)] for _, tables in read])
    if found is not None:
        one, other, differ, least = found
        yield Fault(
            "two runs take the same samples for the same wrong classes",
            file=read[other][0].file,
            expected=f"counts that differ as the others', by {' and '.join(map(str, least))} at least",
            found=f"by {' and '.join(map(str, differ))} from those of {read[one][0].path.name}",
            severity=Severity.WARNING,
        )


@check("R3.11", of=ResultSet, ours_alone=True)
def runs_err_where_others_do(results: ResultSet) -> Iterator[Fault]:
    """No run takes quite other samples for wrong classes than all others, in dev or in test: which classes are hard is
    the data's, not the seed's."""
    import numpy as np

    standard = results.standard
    if standard is None or not standard.by_gradients:
        return  # two clusterings may take other classes for each other
    read = [(log, found) for log in results.read[:MOST_RUNS] if log.closed and (found := mistakes_of(log))]
    for split in sorted(set.intersection(*(set(found) for _, found in read))) if len(read) >= FEWEST_RUNS else ():
        tables = [found[split] for _, found in read]
        if len({each.shape for each in tables}) > 1 or min(int(each.sum()) for each in tables) < FEWEST_MISTAKES:
            continue
        apart = np.array([[int(np.abs(one - other).sum()) for other in tables] for one in tables])
        for place, (log, _) in enumerate(read):
            rest = np.delete(np.delete(apart, place, 0), place, 1)
            own, most = int(np.delete(apart[place], place).min()), int(rest.max())
            if 2 * (math.sqrt(own) - math.sqrt(most)) > UNLIKE:
                yield Fault(
                    f"a run takes quite other samples of {split} for wrong classes than all others",
                    file=log.file,
                    expected=f"counts that differ from another run's by no more than the others', {most}",
                    found=f"by {own} and more",
                    severity=Severity.WARNING,
                )
                return


def mistakes_of(log: Log) -> dict[str, np.ndarray]:
    """How often each class was taken for which other one, by split; empty where a run keeps no such counts."""
    import numpy as np

    from benchmark.metrics.tallies import read_tallies

    try:
        tallies = read_tallies(log.tallies) if log.tallies is not None else None
    except StemdlError:
        return {}  # tallies_come_to_the_log says so
    found = {}
    for split, tally in tallies.splits.items() if tallies is not None else ():
        classes = next((len(names) for names in tallies.schema.classes.values()), 0)
        if 0 < classes <= MOST_CLASSES and len(tally) == classes**2 + 1:
            table = np.array(tally[:-1]).reshape(classes, classes)
            found[split] = table - np.diag(np.diag(table))
    return found


def nearest(runs: list[list[np.ndarray]]) -> tuple[int, int, list[int], list[int]] | None:
    """The two runs whose mistakes differ least, where they are nearer than chance leaves two of the others in all
    splits; by how much, and by how much the nearest others do. `runs` has a table for each split of each run."""
    import numpy as np

    apart = {
        pair: [int(np.abs(one - other).sum()) for one, other in zip(runs[pair[0]], runs[pair[1]], strict=True)]
        for pair in itertools.combinations(range(len(runs)), 2)
    }
    pair = min(apart, key=lambda each: sum(apart[each]))
    others = [differ for each, differ in apart.items() if not set(each) & set(pair)]
    if not others:
        return None
    least = [min(differ) for differ in zip(*others, strict=True)]
    nearer = [2 * (math.sqrt(most) - math.sqrt(own)) for own, most in zip(apart[pair], least, strict=True)]
    return (*pair, apart[pair], least) if sum(nearer) / len(nearer) > APART else None
