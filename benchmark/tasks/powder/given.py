"""Which given crystals a rung uses: within its limits, and each compound once where it wants them deduplicated."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.crystals import sources
from benchmark.crystals.candidate import Candidate
from benchmark.crystals.duplicates import compound_of, duplicates
from benchmark.crystals.split import split_counts
from benchmark.crystals.structures import Selection, examine
from benchmark.data.left_out import LeftOut, summary, write_left_out
from benchmark.data.recipe import Unit
from benchmark.data.workers import Workers
from benchmark.definition.rung import SPLITS, WHOLE
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.recipes import CrystalLimits
from benchmark.tasks.powder.drawn_crystals import type_of
from benchmark.tasks.powder.rung import BALANCED, UNSEEN, PowderRung
from benchmark.tasks.powder.units import Asked, evenly, label_of

CRYSTALS_AT_ONCE = 8
Named = tuple[str, Crystal]


def choose(rung: PowderRung, path: Path, folder: Path, work: Workers, split: bool) -> tuple[list[Unit], dict[str, Any]]:
    """The units of the crystals of a source, and what became of the others, which `folder` has a table of.

    Of crystals of one reduced formula and group whose lattices are alike (`duplicates.duplicates`) the first by
    identifier is taken, unless the rung says `deduplicate: false`. Of each extinction group there are as many as the
    rung has room for, in an order that follows from hashes of their identifiers and the rung's seed. Raises StemdlError
    where the source cannot be read, none of its crystals can be used, or a group has too few to split.
    """
    candidates = work.from_leader(lambda: list(sources.read_candidates(path)))
    selection = Selection(chosen={group: [] for group in rung.space_groups})
    usable: list[tuple[Candidate, Crystal]] = []
    for candidate, (crystal, fault) in zip(candidates, _examined(rung.limits, candidates, work), strict=True):
        group = None if crystal is None else crystal.space_group
        if group in selection.chosen:
            selection.found[group] += 1
        elif fault is None:
            fault = "another space group"
        if fault is not None or crystal is None:
            _leave_out(selection, candidate, group, fault or "another space group")
        else:
            usable.append((candidate, crystal))
    if rung.deduplicate:
        usable = _deduplicated(selection, usable)
    taken = _with_room(rung, selection, usable, split)
    selection.left_out.sort(key=lambda one: (one.origin, one.identifier))
    work.from_leader(lambda: write_left_out(folder, selection.left_out))
    if not taken:
        raise StemdlError(
            "no crystal can be used",
            where=path,
            expected="crystals of the rung's space groups",
            found="; ".join(summary(selection.left_out)[:3]) or "no crystal",
        )
    return _units(rung, taken, split), selection.report()


def _deduplicated(selection: Selection, usable: Sequence[tuple[Candidate, Crystal]]) -> list[tuple[Candidate, Crystal]]:
    first = duplicates([compound_of(candidate.identifier, crystal) for candidate, crystal in usable])
    kept = []
    for place, (candidate, crystal) in enumerate(usable):
        if first[place] == place:
            kept.append((candidate, crystal))
        else:
            _leave_out(selection, candidate, crystal.space_group, "the same compound again")
    return kept


def _with_room(
    rung: PowderRung, selection: Selection, usable: Sequence[tuple[Candidate, Crystal]], split: bool
) -> dict[str, list[Named]]:
    """The crystals by class, as many as the rung has room for; all, where they are not to be split."""
    room = sum(rung.patterns_per_group[each] for each in SPLITS)
    taken: dict[str, list[Named]] = {}
    for candidate, crystal in sorted(usable, key=lambda one: _order(rung.seed, one[0].identifier)):
        row = taken.setdefault(label_of(crystal.space_group), [])
        if split and len(row) == room:
            _leave_out(selection, candidate, crystal.space_group, "the rung has no more room")
            continue
        row.append((candidate.identifier, crystal))
        selection.chosen[crystal.space_group].append((candidate.identifier, crystal))
    return taken


def _units(rung: PowderRung, taken: Mapping[str, Sequence[Named]], split: bool) -> list[Unit]:
    """Test crystals whose structure type no other split has are its part `unseen`."""
    wanted = {each: rung.patterns_per_group[each] for each in SPLITS}
    dealt: dict[str, dict[int, list[Named]]] = {each: {} for each in SPLITS}
    for place, (name, row) in enumerate(sorted(taken.items())):
        counts = split_counts(len(row), wanted, f"extinction group {name}") if split else {WHOLE: len(row)}
        start = 0
        for part, count in counts.items():
            if count:
                dealt[part][place] = list(row[start : start + count])
            start += count
    seen = {type_of(crystal) for part in SPLITS if part != WHOLE for row in dealt[part].values() for _, crystal in row}
    units = []
    for part, rows in dealt.items():
        for place, turn in evenly({place: len(row) for place, row in rows.items()}):
            identifier, crystal = rows[place][turn]
            kind = UNSEEN if part == WHOLE and split and type_of(crystal) not in seen else BALANCED
            asked = Asked(crystal.space_group, part, kind, crystal)
            units.append(Unit(identifier, part, 1, label_of(crystal.space_group), asked))
    return units


def _leave_out(selection: Selection, candidate: Candidate, group: int | None, reason: str) -> None:
    if group in selection.chosen:
        selection.dropped.setdefault(reason, type(selection.found)())[group] += 1
    else:
        selection.outside[reason] += 1
    detail = candidate.detail if reason == candidate.faulty else ""
    selection.left_out.append(LeftOut(candidate.origin, candidate.identifier, str(group or ""), reason, detail))


def _order(seed: int, identifier: str) -> bytes:
    return hashlib.sha256(f"{seed} {identifier}".encode()).digest()


def _examined(
    limits: CrystalLimits, candidates: Sequence[Candidate], work: Workers
) -> list[tuple[Crystal | None, str | None]]:
    pieces = [candidates[first : first + CRYSTALS_AT_ONCE] for first in range(0, len(candidates), CRYSTALS_AT_ONCE)]
    told = f"times {CRYSTALS_AT_ONCE} crystals"
    return [one for some in work.map(partial(_examine, limits), pieces, "Finding space groups", told) for one in some]


def _examine(limits: CrystalLimits, candidates: Sequence[Candidate]) -> list[tuple[Crystal | None, str | None]]:
    return [examine(candidate, limits) for candidate in candidates]
