"""Which given crystals a rung of fingerprints uses: of its classes, each compound once, none of a split in another."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.crystals import sources
from benchmark.crystals.duplicates import Formula, reduced_formula
from benchmark.crystals.fingerprints.elementals import ELEMENTS, PROTOTYPES, elements_of
from benchmark.crystals.fingerprints.rung import BY_PROTOTYPE, FingerprintRung
from benchmark.crystals.fingerprints.units import Asked, dealt, split_of
from benchmark.crystals.given import examine_all
from benchmark.crystals.structures import Selection
from benchmark.data.left_out import summary, write_left_out
from benchmark.data.recipe import Unit
from benchmark.data.workers import Workers
from benchmark.definition.rung import SPLITS, WHOLE
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.fingerprint import HEAVIEST
from benchmark.simulation.recipes import CrystalLimits

LIMITS = CrystalLimits(longest_edge_angstrom=40.0, most_atoms_per_cell=400)
Named = tuple[str, Crystal]


def choose(
    rung: FingerprintRung, path: Path, folder: Path, work: Workers, split: bool
) -> tuple[list[Unit], dict[str, Any]]:
    """The units of the crystals of a source (`sources.read_candidates`), and what became of the others, which `folder`
    has a table of.

    Of a formula, space group and number of atoms the first crystal is taken, in an order that follows from hashes of
    identifiers and the rung's seed; a class has as many in each split as the rung has room for. The split is that of
    the crystal's element, or of its anonymous formula, as for crystals that are drawn. Raises StemdlError where the
    source cannot be read, none of its crystals can be used, or a split has none.
    """
    candidates = work.from_leader(lambda: list(sources.read_candidates(path)))
    candidates = sorted(candidates, key=lambda one: hashlib.sha256(f"{rung.seed} {one.identifier}".encode()).digest())
    selection = Selection(chosen={group: [] for group in _groups(rung)})
    taken: dict[tuple[str, str], list[Named]] = {}
    seen: set[tuple[int, int, Formula]] = set()
    for candidate, (crystal, fault) in zip(candidates, examine_all(work, LIMITS, candidates), strict=True):
        group = None if crystal is None else crystal.space_group
        if group in selection.chosen:
            selection.found[group] += 1
        label = None if crystal is None else label_of(rung, crystal)
        if crystal is None or fault is not None or label is None:
            selection.leave_out(candidate, group, fault or "not of one of the rung's classes")
            continue
        part = _split_of(rung, crystal) if split else WHOLE
        row = taken.setdefault((part, label), [])
        compound = crystal.space_group, len(crystal.numbers), reduced_formula(crystal.numbers)
        if crystal.numbers.max() > HEAVIEST:
            selection.leave_out(candidate, group, "a fingerprint knows no such element")
        elif split and compound in seen:
            selection.leave_out(candidate, group, "the same compound again")
        elif split and len(row) == rung.samples_per_class[part]:
            selection.leave_out(candidate, group, f"the rung has no more room in {part}")
        else:
            seen.add(compound)
            row.append((candidate.identifier, crystal))
            selection.chosen[crystal.space_group].append((candidate.identifier, crystal))
    selection.left_out.sort(key=lambda one: (one.origin, one.identifier))
    work.from_leader(lambda: write_left_out(folder, selection.left_out))
    missing = [
        part for part in (SPLITS if split else (WHOLE,)) if not any(taken.get((part, each)) for each in rung.classes)
    ]
    if missing:
        raise StemdlError(
            "no crystal can be used" if len(missing) == len(SPLITS) or not split else "too few crystals to split",
            where=path,
            expected="crystals of the rung's classes" if not split else f"some for {', '.join(missing)}",
            found="; ".join(summary(selection.left_out)[:3]) or "no crystal",
            remedy="--no-splits takes all into one" if split else None,
        )
    return list(_units(rung, taken)), _by_class(rung, selection.report())


def label_of(rung: FingerprintRung, crystal: Crystal) -> str | None:
    """The class of a crystal: its space group, or that of the prototype of its space group and number of atoms; None
    where the rung has no such class."""
    if rung.reading != BY_PROTOTYPE:
        return str(crystal.space_group) if crystal.space_group in rung.space_groups else None
    if len(set(crystal.numbers.tolist())) > 1:
        return None
    kind = crystal.space_group, len(crystal.numbers)
    return next((each.label for each in PROTOTYPES if (each.space_group, each.atoms) == kind), None)


def _by_class(rung: FingerprintRung, report: dict[str, Any]) -> dict[str, Any]:
    """The report of a selection with a class in place of each space group; a group of elements is of one class."""
    if rung.reading != BY_PROTOTYPE:
        return report
    labels = {str(each.space_group): each.label for each in PROTOTYPES}
    found: dict[str, dict[str, Any]] = {}
    for group, numbers in report["groups"].items():
        own = found.setdefault(labels[group], {"found": 0, "used": 0, "dropped": {}})
        own["found"] += numbers["found"]
        own["used"] += numbers["used"]
        own["dropped"] = dict(Counter(own["dropped"]) + Counter(numbers["dropped"]))
    return {**report, "groups": found}


def _groups(rung: FingerprintRung) -> Sequence[int]:
    if rung.reading != BY_PROTOTYPE:
        return rung.space_groups
    return sorted({each.space_group for each in PROTOTYPES})


def _split_of(rung: FingerprintRung, crystal: Crystal) -> str:
    if rung.reading != BY_PROTOTYPE:
        return split_of(rung, crystal)
    elements = elements_of(rung.seed, rung.split_shares)
    return next((part for part in SPLITS if int(crystal.numbers[0]) in elements[part]), SPLITS[-1])


def _units(rung: FingerprintRung, taken: Mapping[tuple[str, str], Sequence[Named]]) -> Iterator[Unit]:
    """Split by split, the classes in turns; of each class the kinds of defects are in proportion."""
    elements = elements_of(rung.seed, rung.split_shares)
    for part in SPLITS:
        rows = {label: taken.get((part, label), []) for label in rung.classes}
        kinds = {label: dealt(rung.kinds(part), len(row)) for label, row in rows.items()}
        for turn in range(max(map(len, rows.values()), default=0)):
            for label, row in rows.items():
                if turn < len(row):
                    identifier, crystal = row[turn]
                    others = elements[part] if rung.reading == BY_PROTOTYPE else ELEMENTS
                    asked = Asked(kinds[label][turn], others, space_group=crystal.space_group, crystal=crystal)
                    yield Unit(identifier, part, 1, label, asked)
