"""The order of results: by time, and one rank for those whose runs show no difference."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from benchmark.comparison.significance import ALPHA, p_value
from benchmark.report.site.entry import Entry
from benchmark.scoring.log_folders import WEAK


def ranked(entries: Iterable[Entry]) -> list[Entry]:
    """The entries by benchmark, scaling and division, the fastest first, those without a score last.

    Ranks are those of a competition (1, 1, 3): a result shares the rank of the first one of its rank as long as the
    test of `stemdl compare` finds no difference between the two at 5 %. Weak scaling is ranked by models per hour,
    which is one figure, and ties where it is the same.
    """
    groups: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[group_of(entry)].append(entry)
    found = []
    for key in sorted(groups):
        found += _of_group(groups[key])
    return found


def group_of(entry: Entry) -> tuple[str, str, str]:
    """What results are ranked together by."""
    figures = entry.figures
    return (figures["benchmark"] or "", figures["scaling"], figures["division"] or "")


def _of_group(group: list[Entry]) -> list[Entry]:
    scored = sorted((each for each in group if each.figures["scored"]), key=_order)
    placed: list[Entry] = []
    first, rank = None, 0
    for place, entry in enumerate(scored, 1):
        if first is None or not _alike(first, entry):
            first, rank = entry, place
        placed.append(replace(entry, rank=rank))
    ranks = [each.rank for each in placed]
    shared = [replace(each, shares_rank=ranks.count(each.rank) > 1) for each in placed]
    return shared + sorted(
        (each for each in group if not each.figures["scored"]), key=lambda each: (each.submitter, each.system)
    )


def _order(entry: Entry) -> tuple[float, str, str]:
    figure = -entry.figures["models_per_hour"] if entry.figures["scaling"] == WEAK else entry.figures["minutes"]
    return figure, entry.submitter, entry.system


def _alike(first: Entry, entry: Entry) -> bool:
    if entry.figures["scaling"] == WEAK:
        return first.figures["models_per_hour"] == entry.figures["models_per_hour"]
    return p_value(first.times, entry.times) >= ALPHA
