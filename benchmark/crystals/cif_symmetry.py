"""The space group that a CIF states, by its operations, a Hall symbol, a name or a number, as databases write them."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.candidate import Unusable
from benchmark.foundation.text import whole
from benchmark.simulation.asymmetric_unit import fitted_cell, is_group
from benchmark.simulation.symmetry import Operations

if TYPE_CHECKING:
    import gemmi

MOST_OPERATIONS = 768
"""A group's 192 at most, in the cells of several lattice points that some files have."""
_EXTENSIONS = {"S": "1", "O1": "1", "Z": "2", "O2": "2", "H": "H", "HR": "H", "R": "R", "RS": "R", "1": "1", "2": "2"}
"""Origin choice or axes by the suffix that a database's names have: the tables' own after a colon, or ICSD's."""
_SUFFIX = re.compile(r"\s*(?::\s*(1|2|S|Z|HR|H|RS|R|O1|O2)|(S|Z|HR|H|RS|R|O1|O2))$", re.IGNORECASE)
_NUMBER = re.compile(
    r"[\s,]*(?:\(\s*(?:no\.?|#)?\s*(?=\d{2,3}\s*\))|(?:no\.?|#)\s*(?=\d{1,3}\s*$))(\d+)\s*\)?\s*$", re.IGNORECASE
)
"""The number that some write after a name: `(225)`, `(No. 225)`, `#225`."""
_AXES = "bca"
"""A short monoclinic name means the unique axis b, unless the cell's odd angle is another one."""


@dataclass(frozen=True)
class Statement:
    """What a block says of its symmetry; what it leaves out is empty.

    Attributes
    ----------
    triplets : operations such as `-x,y+1/2,z`.
    halls, names, numbers : Hall symbols, Hermann-Mauguin names, and numbers in the International Tables.
    choice : code of the coordinate system: an origin choice, axes (h, r), or a monoclinic setting such as b1.
    """

    triplets: Sequence[str] = ()
    halls: Sequence[str] = ()
    names: Sequence[str] = ()
    numbers: Sequence[str] = ()
    choice: str = ""


@dataclass(frozen=True)
class CellSetting:
    """Operations that a statement may mean, and the cell as they have it.

    Attributes
    ----------
    operations : rotations (m, 3, 3) and translations (m, 3).
    cell : (3, 3) lattice vectors as rows, in Angstrom.
    name : for people.
    all_listed : whether every atom of the cell is listed, so that the operations make none.
    """

    operations: Operations
    cell: NDArray[np.float64]
    name: str
    all_listed: bool = False


def settings(stated: Statement, cell: NDArray[np.float64]) -> list[CellSetting]:
    """The settings that the statement may mean in this cell (3, 3): one, or several origins where none is stated.

    Operations come first, then a Hall symbol, then names and numbers. Some programs write a crystal's name, the
    identity as the only operation, and all atoms of the cell. Raises Unusable where the statement is missing, is not
    understood or contradicts itself, or where the cell does not fit it.
    """
    numbers = _numbers((*stated.numbers, *(match[1] for name in stated.names if (match := _NUMBER.search(name)))))
    named = [entries for name in stated.names if (entries := named_settings(name))]
    told = numbers | {entry.number for entries in named for entry in entries}
    if len(halls := {number for hall in stated.halls if (number := _number_of_hall(hall))}) > 1:
        raise Unusable("its space group contradicts itself", ", ".join(stated.halls))
    if stated.triplets:
        operations = _parsed(stated.triplets)
        told |= halls
        told -= {1}  # many programs leave "P 1" in the header of a file with other operations
        if len(operations[0]) == len(told) == 1:
            named = [entries for entries in named if entries[0].number in told]
            return [replace(one, all_listed=True) for one in _named(stated, named, told, cell)]
        return [_by_operations(operations, told, cell, "its operations")]
    if stated.halls:
        return [_by_operations(_of_hall(hall), told, cell, f"Hall {hall}") for hall in stated.halls[:1]]
    return _named(stated, named, told, cell)


def _named(
    stated: Statement, named: list[list[gemmi.SpaceGroup]], told: set[int], cell: NDArray[np.float64]
) -> list[CellSetting]:
    """What a statement without operations may mean: its names mean the settings `named`, and it is of the groups
    `told`."""
    if not told:
        if stated.names:
            raise Unusable("its space group is not known", ", ".join(stated.names))
        raise Unusable("its symmetry is not stated")
    entries = _common(named) if named else _of_number(*told) if len(told) == 1 else []
    if stated.choice:
        entries = [entry for entry in entries if stated.choice.lower() in _codes(entry)] or entries
    if len(told) > 1 or not entries:
        raise Unusable("its space group contradicts itself", ", ".join((*stated.names, *stated.numbers)))
    fitting = [
        CellSetting(_operations_of(entry), fitted, entry.xhm())
        for entry in entries
        if (fitted := fitted_cell(cell, _operations_of(entry)[0])) is not None
    ]
    if not fitting:
        raise Unusable("its cell does not fit its space group", " or ".join(entry.xhm() for entry in entries))
    usual = fitting[0].name.partition(":")[0]
    return [one for one in fitting if one.name.partition(":")[0] == usual]


def _by_operations(operations: Operations, told: set[int], cell: NDArray[np.float64], name: str) -> CellSetting:
    import spglib

    fitted = fitted_cell(cell, operations[0])
    if fitted is None:
        raise Unusable("its cell does not fit its operations")
    try:
        kind = spglib.get_spacegroup_type_from_symmetry(*operations, lattice=fitted)
    except spglib.SpglibError as error:
        raise Unusable("its operations do not form a space group", error) from error
    if kind is None:
        raise Unusable("its operations do not form a space group")
    if told - {kind.number}:
        raise Unusable(
            "its space group contradicts itself",
            f"operations of {kind.number}, stated: {', '.join(map(str, sorted(told)))}",
        )
    return CellSetting(operations, fitted, name)


def _parsed(triplets: Sequence[str]) -> Operations:
    """Raises Unusable where one cannot be read, or they do not form a group."""
    import gemmi

    if len(triplets) > MOST_OPERATIONS:
        raise Unusable("its operations do not form a space group", f"{len(triplets)} operations")
    try:
        read = [gemmi.Op(triplet.strip().lower()) for triplet in triplets]
    except (RuntimeError, ValueError) as error:
        raise Unusable("its operations cannot be read", error) from error
    return _as_group(read)


def _of_hall(hall: str) -> Operations:
    import gemmi

    try:
        return _as_group(list(gemmi.symops_from_hall(hall)))
    except (RuntimeError, ValueError) as error:
        raise Unusable("its Hall symbol cannot be read", hall) from error


def _number_of_hall(hall: str) -> int | None:
    """The number of the group that a Hall symbol of the tables means, None for another one."""
    import gemmi

    try:
        entry = gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(hall))
    except (RuntimeError, ValueError):
        return None
    return entry.number if entry else None


def _as_group(operations: list[gemmi.Op]) -> Operations:
    import gemmi

    once = {one.wrap().triplet(): one for one in operations}.values()
    found = (
        np.array([one.rot for one in once], dtype=np.float64) / gemmi.Op.DEN,
        np.array([one.tran for one in once], dtype=np.float64) / gemmi.Op.DEN,
    )
    whole = (found[0] == np.rint(found[0])).all() and (np.abs(np.abs(np.linalg.det(found[0])) - 1.0) < 1e-9).all()
    if not (whole and is_group(found)):
        raise Unusable("its operations do not form a group", f"{len(once)} operations: some are missing, or wrong")
    return found


@functools.lru_cache(maxsize=1024)
def _operations_of(entry: gemmi.SpaceGroup) -> Operations:
    return _as_group(list(entry.operations()))


def _numbers(texts: Sequence[str]) -> set[int]:
    numbers = set()
    for text in texts:
        number = whole(text)
        if number is None or not 1 <= number <= 230:
            raise Unusable("its space group is not known", f"number {text[:20]}")
        numbers.add(number)
    return numbers


def _common(named: list[list[gemmi.SpaceGroup]]) -> list[gemmi.SpaceGroup]:
    """The settings that all of several names may mean, in the order of the first."""
    others = [{entry.xhm() for entry in entries} for entries in named[1:]]
    return [entry for entry in named[0] if all(entry.xhm() in other for other in others)]


def _codes(entry: gemmi.SpaceGroup) -> set[str]:
    return {entry.ext.lower(), entry.qualifier.lower()}


def _of_number(number: int) -> list[gemmi.SpaceGroup]:
    """The standard setting of a group, with each of its origins and axes."""
    import gemmi

    reference = gemmi.get_spacegroup_reference_setting(number)
    return [entry for entry in gemmi.spacegroup_table() if entry.number == number and entry.hm == reference.hm]


def named_settings(name: str) -> list[gemmi.SpaceGroup]:
    """The settings that a name may mean, the usual one first; none for a name that is not known.

    Blanks, case, `_`, `~`, `{}` and brackets about screw axes do not matter: `P2(1)/n`, `P 2~1~/n` and `p21/n` are one.
    """
    import gemmi

    text = _NUMBER.sub("", re.sub(r"<[^>]*>|[~_{}$]", "", name))
    text = re.sub(r"\((-?[1-6])\)", r"\1", text).strip()
    if text.isdecimal():
        return []
    match = _SUFFIX.search(text)
    readings = [(text, "")] if match is None else [(text, ""), (text[: match.start()], _EXTENSIONS[_suffix(match)])]
    for base, extension in readings:
        for name in filter(None, (base, _short(base))):
            if found := [one for one in _by_name().get(_compact(name), []) if extension in ("", one.ext)]:
                return found
    base, extension = readings[-1]
    known = gemmi.find_spacegroup_by_name(_short(base)) if base else None
    return [one for one in _by_name()[_compact(known.hm)] if extension in ("", one.ext)] if known else []


def _suffix(match: re.Match[str]) -> str:
    return (match[1] or match[2]).upper()


def _short(name: str) -> str:
    """`F 4/m -3 2/m` as `F m -3 m`: the axes that a short symbol leaves out."""
    parts = name.split()
    if len(parts) > 2:
        kept = 2 if parts[1][0] in "46" and not parts[2].startswith("-3") else 1
        parts[kept:] = [part.rpartition("/")[2] for part in parts[kept:]]
    return " ".join(parts)


def _compact(name: str) -> str:
    return "".join(name.split()).lower()


@functools.cache
def _by_name() -> dict[str, list[gemmi.SpaceGroup]]:
    """The settings of the tables by their names without blanks, monoclinic ones also by the short name."""
    import gemmi

    found: dict[str, list[gemmi.SpaceGroup]] = defaultdict(list)
    for entry in gemmi.spacegroup_table():
        lattice, *parts = entry.hm.split()
        names = {_compact(entry.hm)}
        if 3 <= entry.number <= 15 and len(parts) == 3:
            names.add(_compact(lattice + "".join(part for part in parts if part != "1")))
        for name in names:
            found[name].append(entry)
    for name, entries in found.items():
        # C 1 1 2 is P 2 in a larger cell, and never called C 2 for short.
        entries = found[name] = [one for one in entries if one.number == max(other.number for other in entries)]
        entries.sort(key=lambda entry: _AXES.find(entry.qualifier.strip("-")[:1]) if 3 <= entry.number <= 15 else 0)
    return dict(found)
