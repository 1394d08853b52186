"""One crystal from a block of a CIF: its cell, its symmetry and its atoms, held against the formula that it states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.candidate import Candidate, Unusable, require_cell
from benchmark.crystals.cif_symmetry import CellSetting, Statement, settings
from benchmark.crystals.elements import atoms_of_formula, element_of_label, element_of_type
from benchmark.foundation.text import whole
from benchmark.simulation.asymmetric_unit import whole_cell

if TYPE_CHECKING:
    import gemmi

MOST_ATOMS = 20_000
"""The atoms of a cell at most, before its symmetry is looked for; every rung's limit is far below."""
FULL_OCCUPANCY = (0.99, 1.01)
FORMULA_TOLERANCE = 0.02
"""Relative difference of the atoms in the cell from those that the formula and Z ask for: formulas are rounded."""
VOLUME_TOLERANCE = 0.02
"""Relative difference of the cell's volume from the stated one."""
NOTHING = ("", "?", ".")
MAGNETIC = ("_space_group_magn_", "_space_group_symop_magn_", "_atom_site_moment_", "_parent_propagation_vector_")
MODULATED = (
    "_cell_modulation_dimension",
    "_cell_wave_vector_",
    "_cell_subsystem",
    "_space_group_ssg_",
    "_space_group_symop_ssg_",
    "_atom_site_fourier_",
    "_atom_site_displace_",
    "_atom_site_occ_fourier_",
)
CELL = (*(f"_cell_length_{edge}" for edge in "abc"), *(f"_cell_angle_{angle}" for angle in ("alpha", "beta", "gamma")))
SITES = "_atom_site_"
FRACTIONS = tuple(f"{SITES}fract_{axis}" for axis in "xyz")
MARKS = ("label", "type_symbol", "occupancy", "calc_flag", "disorder_assembly", "disorder_group", "attached_hydrogens")
"""The names of a site's data that tell whether it is an atom, and which."""
OPERATIONS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
NAMES = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_full",
    "_space_group_name_h-m",
)
NUMBERS = ("_space_group_it_number", "_symmetry_int_tables_number")

Tags = Mapping[str, list[str]]
"""Values by tag in lower case, with `_` for the `.` of newer dictionaries, unquoted; several of a loop's column."""


@dataclass(frozen=True)
class Sites:
    """The atoms that a block lists, each once: atomic numbers (n,), fractional coordinates (n, 3), and how many of it
    the cell has, where the block says so for each (else None)."""

    numbers: NDArray[np.int64]
    fractions: NDArray[np.float64]
    multiplicities: list[int] | None


def tags_of(block: gemmi.cif.Block) -> Tags:
    """What a block says, by tag; what it says twice, in another way, has both values. Raises Unusable for a list given
    twice."""
    import gemmi

    found: dict[str, list[str]] = {}
    for item in block:
        pair = _pair(item)
        if pair is not None:
            tag, values = _plain(pair[0]), [_unfolded(gemmi.cif.as_string(pair[1])).strip()]
            before = _given(found.get(tag, []))
            found[tag] = list(dict.fromkeys((*before, *_given(values)))) or values
        elif item.loop is not None:
            width, values = len(item.loop.tags), item.loop.values
            for place, tag in enumerate(map(_plain, item.loop.tags)):
                if tag in found and tag.startswith(("_atom_site_", *OPERATIONS)):
                    raise Unusable("it says one thing twice", tag)
                found[tag] = [gemmi.cif.as_string(value).strip() for value in values[place::width]]
    return found


def _pair(item: gemmi.cif.Item) -> Sequence[str] | None:
    """A tag and its one value; None where the item is something else. The library's own types say nothing of it."""
    return cast("Sequence[str] | None", item.pair)


def _unfolded(text: str) -> str:
    """A long text as it was before its writer folded it, which the backslash at its head says."""
    return re.sub(r"\\[ \t]*(?:\n|$)", "", text) if text.lstrip().startswith("\\") else text


def _plain(tag: str) -> str:
    return tag.lower().replace(".", "_")


def has_atoms(block: gemmi.cif.Block) -> bool:
    """Whether a block lists atoms: others tell of a paper, of powder data, or of a cell alone."""
    items = (item.loop.tags if item.loop else (_pair(item) or ())[:1] for item in block)
    tags = (_plain(tag) for found in items for tag in found)
    return any(tag.startswith("_atom_site_") and not tag.startswith("_atom_site_aniso") for tag in tags)


def read_block(tags: Tags, identifier: str, origin: str) -> Candidate:
    """The crystal of a block. Raises Unusable where it cannot be used, with the reason."""
    for kind, prefixes in (("it is a magnetic structure", MAGNETIC), ("it is a modulated structure", MODULATED)):
        for tag, values in tags.items():
            if tag.startswith(prefixes) and _given(values) not in ([], ["0"]):
                raise Unusable(kind, tag)
    cell = require_cell(_cell(tags))
    _require_volume(cell, _number(_one(tags, "_cell_volume")))
    formula = atoms_of_formula(_one(tags, "_chemical_formula_sum"))
    sites = _sites(tags, formula)
    readings, faults = [], []
    possible = settings(_statement(tags), cell)
    for setting in possible:
        try:
            numbers, positions = _atoms(setting, sites, tags, formula, strictly=len(possible) > 1)
        except Unusable as fault:
            faults.append(fault)
        else:
            readings.append(Candidate(identifier, setting.cell, numbers, positions, origin=origin))
    if not readings:
        raise faults[0]
    if len(readings) > 1:
        raise Unusable("its origin is not stated", " or ".join(setting.name for setting in possible))
    return readings[0]


def _given(values: Iterable[str]) -> list[str]:
    return [value for value in values if value not in NOTHING]


def _one(tags: Tags, name: str) -> str:
    """The value of a tag, `?` where it has none. Raises Unusable where it has several."""
    values = _given(tags.get(name, []))
    if len(values) > 1:
        raise Unusable("it says one thing twice", f"{name}: {', '.join(values)}")
    return values[0] if values else "?"


def _number(text: str) -> float:
    """The value of a text such as 0.25(3); not finite for any other."""
    import gemmi

    return gemmi.cif.as_number(text)


def _cell(tags: Tags) -> NDArray[np.float64]:
    parameters = np.array([_number(_one(tags, name)) for name in CELL])
    if not np.isfinite(parameters).all():
        missing = [name for name, value in zip(CELL, parameters, strict=True) if not np.isfinite(value)]
        raise Unusable("its cell is not whole", ", ".join(missing))
    return parameters


def _require_volume(cell: NDArray[np.float64], stated: float) -> None:
    """Raises Unusable where a cell (3, 3) has not the volume, in cubic Angstrom, that is stated: one has a misprint."""
    volume = abs(float(np.linalg.det(cell)))
    if np.isfinite(stated) and abs(volume - stated) > VOLUME_TOLERANCE * volume:
        raise Unusable("its cell is not of its volume", f"the edges and angles make {volume:.2f}, stated: {stated:g}")


def _statement(tags: Tags) -> Statement:
    def given(names: tuple[str, ...]) -> list[str]:
        return list(dict.fromkeys(value for name in names for value in _given(tags.get(name, []))))

    lists = [values for name in OPERATIONS if (values := _given(tags.get(name, [])))]
    if len(lists) == 2 and {_compact(one) for one in lists[0]} != {_compact(one) for one in lists[1]}:
        raise Unusable("its space group contradicts itself", " and ".join(OPERATIONS))
    choice = _one(tags, "_space_group_it_coordinate_system_code")
    return Statement(lists[0] if lists else [], given(HALL), given(NAMES), given(NUMBERS), choice)


def _compact(text: str) -> str:
    return "".join(text.split()).lower()


def _sites(tags: Tags, formula: Mapping[int, float]) -> Sites:
    """The atoms as they are listed. Raises Unusable where one lacks a coordinate, is of no element, or only partly
    there."""
    if missing := [name for name in FRACTIONS if name not in tags]:
        raise Unusable("a coordinate is missing", ", ".join(missing))
    columns = {
        tag.removeprefix(SITES): values
        for tag, values in tags.items()
        if tag.startswith(SITES) and len(values) == len(tags[FRACTIONS[0]])
    }
    for tag in (*FRACTIONS, *(SITES + name for name in MARKS)):
        if _given(values := tags.get(tag, [])) and len(values) != len(tags[FRACTIONS[0]]):
            raise Unusable("its lists of sites do not fit together", f"{tag}: {len(values)} values")
    nothing = ["."] * len(tags[FRACTIONS[0]])
    # A dummy marks a place, such as the centre of a ring.
    here = [place for place, flag in enumerate(columns.get("calc_flag", nothing)) if flag.lower() != "dum"]

    def column(name: str) -> list[str]:
        return [columns.get(name, nothing)[place] for place in here]

    names = [label or f"atom {place + 1}" for place, label in zip(here, column("label"), strict=True)]
    if not here:
        raise Unusable("it has no atoms")
    if len(here) > MOST_ATOMS:
        raise Unusable(f"more than {MOST_ATOMS} atoms in the cell", f"{len(here)} listed")
    fractions = np.array([[_number(text) for text in column(f"fract_{axis}")] for axis in "xyz"]).T
    if not np.isfinite(fractions).all():
        raise Unusable("a coordinate is missing", names[int(np.argmin(np.isfinite(fractions).all(axis=1)))])
    numbers = [
        element_of_type(kind) if kind not in NOTHING else element_of_label(label, formula)
        for kind, label in zip(column("type_symbol"), column("label"), strict=True)
    ]
    _require_whole_atoms(names, column("occupancy"))
    _require_order(column("disorder_assembly"), column("disorder_group"))
    if attached := [
        name for name, count in zip(names, column("attached_hydrogens"), strict=True) if count not in (*NOTHING, "0")
    ]:
        raise Unusable("hydrogen atoms have no sites", f"attached to {attached[0]}")
    multiplicities = [whole(text) for text in column("symmetry_multiplicity")]
    known = [each for each in multiplicities if each is not None]
    all_known = len(known) == len(multiplicities)
    return Sites(np.array(numbers, dtype=np.int64), fractions, known if all_known else None)


def _require_whole_atoms(names: list[str], occupancies: list[str]) -> None:
    least, most = FULL_OCCUPANCY
    for name, text in zip(names, occupancies, strict=True):
        occupancy = 1.0 if text in NOTHING else _number(text)
        if not np.isfinite(occupancy):
            raise Unusable("an occupancy cannot be read", f"{name}: {text}")
        if occupancy < least:
            raise Unusable("sites are partly occupied", f"{name}: {text}")
        if occupancy > most:
            raise Unusable("an occupancy is above 1", f"{name}: {text}")


def _require_order(assemblies: list[str], groups: list[str]) -> None:
    """Raises Unusable where sites are alternatives: several groups of one assembly, or one that its own image is."""
    found: dict[str, set[str]] = {}
    for assembly, group in zip(assemblies, groups, strict=True):
        if group not in (*NOTHING, "0"):
            found.setdefault(assembly, set()).add(group)
    for assembly, members in found.items():
        if len(members) > 1 or any(member.startswith("-") for member in members):
            raise Unusable("sites are disordered", f"groups {', '.join(sorted(members))} of assembly {assembly}")


def _atoms(
    setting: CellSetting, sites: Sites, tags: Tags, formula: Mapping[int, float], strictly: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers and positions of all atoms. Raises Unusable where they are not those that the block states.

    `strictly` asks also for the stated multiplicities: some programs write the order of the site's symmetry there, so
    they only tell one setting from another.
    """
    whole = whole_cell(setting.cell, setting.operations, sites.numbers, sites.fractions, MOST_ATOMS)
    if whole is None:
        raise Unusable("an atom's site cannot be determined")
    numbers, positions, made = whole
    if len(numbers) > MOST_ATOMS:
        raise Unusable(f"more than {MOST_ATOMS} atoms in the cell", len(numbers))
    if setting.all_listed and len(numbers) != len(made):
        raise Unusable("its space group contradicts itself", f"the identity alone, and {setting.name}")
    if strictly and sites.multiplicities not in (None, made):
        raise Unusable("its multiplicities are not those of its sites")
    _require_formula(numbers, formula, _number(_one(tags, "_cell_formula_units_z")))
    return numbers, positions


def _require_formula(numbers: NDArray[np.int64], formula: Mapping[int, float], units: float) -> None:
    """Raises Unusable where the atoms of the cell are not those of the formula, as often as Z says where it does."""
    if not formula:
        return
    found = dict(zip(*(values.tolist() for values in np.unique(numbers, return_counts=True)), strict=True))
    detail = f"the formula has {_written(formula)}, the cell {_written(found)}"
    if set(found) != set(formula):
        raise Unusable("its formula is not that of its sites", detail)
    ratios = np.array([found[number] / formula[number] for number in found])
    if ratios.max() > ratios.min() * (1.0 + FORMULA_TOLERANCE):
        raise Unusable("its formula is not that of its sites", detail)
    # Many programs write what the whole cell has as the formula, and Z for the formula in its lowest terms.
    times = ratios.mean()
    of_the_cell = (
        units > 0.0 and abs(times - 1.0) <= FORMULA_TOLERANCE and all(count % units == 0 for count in found.values())
    )
    if np.isfinite(units) and not (abs(times - units) <= FORMULA_TOLERANCE * units or of_the_cell):
        raise Unusable("its formula and Z are not those of its sites", f"{detail}, Z = {units:g}")


def _written(counts: Mapping[int, float]) -> str:
    import gemmi

    return " ".join(f"{gemmi.Element(number).name}{counts[number]:g}" for number in sorted(counts))
