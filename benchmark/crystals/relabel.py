"""Labels found again: the crystals of some materials are made again, and spglib is asked for their groups."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmark.crystals.duplicates import compound_of
from benchmark.crystals.materials import MaterialEntry
from benchmark.crystals.sources import read_candidates
from benchmark.data.faults import DataFault
from benchmark.data.manifest import Manifest
from benchmark.data.recipe import DRAWN, STANDARD, Unit, recipe_sha256_of, unit_generator
from benchmark.definition.finder import benchmark_with
from benchmark.definition.rung import SPLITS, MadeRung
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_text
from benchmark.simulation.axes_settings import in_setting
from benchmark.simulation.cbed import CbedRung, changed
from benchmark.simulation.crystal import TOLERANCES_ANGSTROM, Crystal, standardised
from benchmark.simulation.draw import draw_crystal

_DRAWN = re.compile(r"^drawn-(\d+)-\d+$")
MATERIALS_CHECKED = 60
CELL_TOLERANCE = 1e-3
"""Relative, of edges, and absolute in degrees for angles: the same crystal by the same program, written as float64."""


def shipped_rung(manifest: Manifest) -> CbedRung | None:
    """The rung, with the recipe of its crystals, that the data were drawn by, where it ships with this version."""
    source = manifest.values["source"]
    benchmark = benchmark_with(manifest.rung)
    if benchmark is None or source["kind"] != DRAWN:
        return None
    rung: MadeRung = benchmark.rungs[manifest.rung]
    understood = CbedRung.of(benchmark.rungs[manifest.rung])
    if source != STANDARD:
        names = {name: source[name] for name in ("crystals", "orientation", "likeness") if name in source}
        try:
            rung = understood = changed(understood, **names)
        except StemdlError:
            return None
    return understood if recipe_sha256_of(rung, source) == manifest.recipe_sha256 else None


def group_of_name(identifier: str) -> int | None:
    """The space group in the name of a drawn material, None for another name."""
    named = _DRAWN.match(identifier)
    return int(named[1]) if named is not None and 1 <= int(named[1]) <= 230 else None


def drawn_again(rung: CbedRung, identifier: str) -> Crystal | None:
    """The crystal of a drawn material, from the rung's seed and the material's name; None for another name."""
    group = group_of_name(identifier)
    if group is None:
        return None
    assert rung.crystals is not None, "an imported rung is not drawn"
    generator = unit_generator(rung, Unit(identifier, SPLITS[0], 1, str(group)))
    return in_setting(draw_crystal(group, rung.crystals, generator), rung.settings, generator)


def some_of(entries: Iterable[MaterialEntry], count: int = MATERIALS_CHECKED) -> list[MaterialEntry]:
    """Up to `count` materials, of every group as many, by a hash of their names: the same in every run."""
    ranked = sorted(entries, key=lambda entry: sha256_of_text(entry.compound.identifier))
    turns: dict[int, int] = {}
    order: list[tuple[int, int, MaterialEntry]] = []
    for entry in ranked:
        turn = turns[entry.compound.space_group] = turns.get(entry.compound.space_group, -1) + 1
        order.append((turn, len(order), entry))
    return [entry for _, _, entry in sorted(order, key=lambda one: one[:2])[:count]]


def crystals_again(
    manifest: Manifest, entries: list[MaterialEntry], table: Path | None
) -> Iterator[tuple[MaterialEntry, Crystal | None]]:
    """Each of the materials with its crystal, drawn again or taken from the table of structures that they came from;
    None where spglib gives that no group, or the table does not hold it."""
    rung = shipped_rung(manifest)
    if table is None and rung is not None:
        yield from ((entry, drawn_again(rung, entry.compound.identifier)) for entry in entries)
        return
    benchmark = benchmark_with(manifest.rung)
    named = CbedRung.of(benchmark.rungs[manifest.rung]) if benchmark is not None else None
    wanted: Mapping[str, MaterialEntry] = {entry.compound.identifier: entry for entry in entries}
    assert table is not None, "crystals are drawn again or stand in a table"
    found = set()
    for candidate in read_candidates(table):
        if candidate.identifier in wanted and candidate.cell is not None:
            found.add(candidate.identifier)
            crystal = standardised(candidate.cell, candidate.numbers, candidate.positions)
            if crystal is not None and named is not None:
                unit = Unit(candidate.identifier, SPLITS[0], 1, str(crystal.space_group))
                crystal = in_setting(crystal, named.settings, unit_generator(named, unit))
            yield (wanted[candidate.identifier], crystal)
    yield from ((entry, None) for name, entry in wanted.items() if name not in found)


def label_faults(manifest: Manifest, entry: MaterialEntry, crystal: Crystal | None) -> Iterator[DataFault]:
    """What of a sample's label, formula and cell is not its crystal's."""
    where = f"{manifest.folder / entry.shard}: {entry.name}"
    if crystal is None:
        yield DataFault(
            "symmetry", where, f"the crystal of {entry.compound.identifier} has no group or is not available"
        )
        return
    again = standardised(crystal.cell, crystal.numbers, crystal.positions)
    group = None if again is None else again.space_group
    if group != entry.compound.space_group:
        yield DataFault(
            "symmetry",
            where,
            f"the label is not what spglib finds at {TOLERANCES_ANGSTROM} Angstrom",
            str(group),
            str(entry.compound.space_group),
        )
    compound = compound_of(entry.compound.identifier, crystal)
    if entry.compound.formula and compound.formula != entry.compound.formula:
        yield DataFault(
            "symmetry", where, "the formula is not the crystal's", str(compound.formula), str(entry.compound.formula)
        )
    if entry.compound.primitive:
        return
    for name, ours, theirs, relative in (
        ("abc_angstrom", compound.lengths_angstrom, entry.compound.lengths_angstrom, CELL_TOLERANCE),
        ("angles_degree", compound.angles_degrees, entry.compound.angles_degrees, 0.0),
    ):
        if ours is None or theirs is None:
            continue
        if not np.allclose(ours, theirs, rtol=relative, atol=CELL_TOLERANCE):
            yield DataFault(
                "symmetry",
                where,
                f"{name} is not the crystal's",
                str(np.round(ours, 4).tolist()),
                str(np.round(theirs, 4).tolist()),
            )
