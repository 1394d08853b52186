"""Given crystals, read and chosen by all workers together, with a table of those that are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from benchmark.crystals import sources, structures
from benchmark.crystals.candidate import Candidate
from benchmark.data.left_out import TABLE, summary, write_left_out
from benchmark.data.workers import Workers
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.recipes import CrystalLimits

CRYSTALS_AT_ONCE = 8


def choose(rung: CbedRung, path: Path, folder: Path, work: Workers, split: bool) -> structures.Selection:
    """The crystals of a source that a rung uses (`structures.select`); the others stand in the folder's `left_out.csv`.

    Raises StemdlError where the source cannot be read and where no crystal of it can be used.
    """
    assert rung.limits is not None, "an imported rung takes no crystals"
    candidates = work.from_leader(lambda: list(sources.read_candidates(path)))
    selection = structures.select(candidates, rung, partial(examine_all, work, rung.limits), split)
    used = any(selection.chosen.values())
    expected = f"crystals of {rung.name}'s space groups"
    if not used and not selection.left_out:
        raise StemdlError("no crystal is in it", where=path, expected=expected)
    work.from_leader(lambda: write_left_out(folder, selection.left_out))
    if not used:
        raise StemdlError(
            "no crystal can be used",
            where=path,
            expected=expected,
            found="; ".join(summary(selection.left_out)[:3]),
            remedy=f"{folder / TABLE} has the reason of each",
        )
    return selection


def examine_all(
    work: Workers, limits: CrystalLimits, candidates: Iterable[Candidate]
) -> Iterator[tuple[Crystal | None, str | None]]:
    """Of each candidate what `structures.examine` says, by all workers together."""
    candidates = list(candidates)
    pieces = [candidates[first : first + CRYSTALS_AT_ONCE] for first in range(0, len(candidates), CRYSTALS_AT_ONCE)]
    for results in work.map(
        partial(_examine_some, limits), pieces, "Finding space groups", f"times {CRYSTALS_AT_ONCE} crystals"
    ):
        yield from results


def _examine_some(limits: CrystalLimits, candidates: list[Candidate]) -> list[tuple[Crystal | None, str | None]]:
    return [structures.examine(candidate, limits) for candidate in candidates]
