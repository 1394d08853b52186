"""Real crystals from a table or a folder of CIF files, brought to one setting and chosen for a rung.

A table is an `.npz` with the arrays `ids` (n), `cells` (n, 6: a b c in Angstrom, alpha beta gamma in degrees), `ns`
(n, atoms of each), `Z` and `X` (atomic numbers and fractional coordinates, one crystal after the other).
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.duplicates import reduced_formula
from benchmark.definition.benchmark import Limits, Rung
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file, sha256_of_text
from benchmark.simulation.crystal import Crystal, cell_from_parameters, standardised

TABLE_ARRAYS = ("ids", "cells", "ns", "Z", "X")
COINCIDENCE_ANGSTROM = 0.5
"""Atoms nearer than this share a site (H2 has 0.74): a disordered crystal without its occupancies."""


@dataclass(frozen=True)
class Candidate:
    """A crystal as its source gives it. `faulty` says why it cannot be used, where that is known already."""

    identifier: str
    cell: NDArray[np.float64] | None
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    faulty: str | None = None


@dataclass
class Selection:
    """Which real crystals a rung uses, and what became of the others.

    Attributes
    ----------
    chosen : crystals by identifier, in the order in which they were taken, for each space group.
    found : crystals seen of each of the rung's groups, of which `dropped[reason][group]` were not taken.
    outside : crystals of other groups, or of none that two tolerances agree on.
    """

    chosen: dict[int, list[tuple[str, Crystal]]]
    found: Counter[int] = field(default_factory=Counter)
    dropped: dict[str, Counter[int]] = field(default_factory=dict)
    outside: Counter[str] = field(default_factory=Counter)

    def report(self) -> dict[str, Any]:
        """Plain values for the manifest and for people: found, used and dropped for each group."""
        return {
            "groups": {
                str(group): {
                    "found": self.found[group],
                    "used": len(crystals),
                    "dropped": {reason: counts[group] for reason, counts in sorted(self.dropped.items())
                                if counts[group]},
                }
                for group, crystals in self.chosen.items()
            },
            "outside": dict(sorted(self.outside.items())),
        }


def source_sha256(path: Path) -> str:
    """The hash of a table, or of a folder's CIF files with their names."""
    if path.is_dir():
        return sha256_of_text("\n".join(f"{cif.relative_to(path)} {sha256_of_file(cif)}" for cif in _cif_files(path)))
    return sha256_of_file(path)


def _cif_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.cif"))


def read_candidates(path: Path) -> Iterator[Candidate]:
    """The crystals of a table (.npz) or of a folder of CIF files. Raises StemdlError when `path` is neither."""
    if path.is_dir():
        files = _cif_files(path)
        if not files:
            raise StemdlError("the folder holds no .cif file", where=path)
        yield from map(_read_cif, files)
    elif path.suffix == ".npz" and path.is_file():
        yield from _read_table(path)
    else:
        raise StemdlError("no source of structures", where=path, expected="a table (.npz) or a folder of .cif files",
                          found="a file of another kind" if path.exists() else "nothing there")


def _read_table(path: Path) -> Iterator[Candidate]:
    try:
        with np.load(path, allow_pickle=False) as table:
            if missing := [name for name in TABLE_ARRAYS if name not in table]:
                raise StemdlError(f"the table lacks {', '.join(missing)}", where=path, expected=", ".join(TABLE_ARRAYS))
            ids, cells, counts, numbers, positions = (table[name] for name in TABLE_ARRAYS)
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise StemdlError("the table cannot be read", where=path, found=error) from error
    shaped = cells.shape == (len(ids), 6) and counts.shape == ids.shape and positions.shape == (len(numbers), 3)
    if not (shaped and counts.sum() == len(numbers)):
        raise StemdlError("the table's arrays do not fit together", where=path,
                          found={"ids": len(ids), "cells": len(cells), "ns": int(counts.sum()), "Z": len(numbers)})
    ends = np.cumsum(counts.astype(np.int64))
    for identifier, parameters, first, last in zip(ids, cells, ends - counts, ends, strict=True):
        yield _candidate(str(identifier), parameters, numbers[first:last], positions[first:last])


def _candidate(identifier: str, parameters: NDArray, numbers: NDArray, positions: NDArray) -> Candidate:
    numbers, positions = numbers.astype(np.int64), positions.astype(np.float64)
    try:
        cell = cell_from_parameters(parameters[:3], parameters[3:])
    except StemdlError:
        return Candidate(identifier, None, numbers, positions, "no cell has its angles")
    return Candidate(identifier, cell, numbers, positions)


def _read_cif(path: Path) -> Candidate:
    import gemmi

    nothing = np.zeros(0, dtype=np.int64), np.zeros((0, 3))
    try:
        structure = gemmi.read_small_structure(str(path))
        sites = structure.get_all_unit_cell_sites()
    except (RuntimeError, ValueError, OSError):
        return Candidate(path.stem, None, *nothing, "the CIF cannot be read")
    if not sites:
        return Candidate(path.stem, None, *nothing, "the CIF has no atoms or no symmetry")
    if any(site.occ < 0.99 for site in sites):
        return Candidate(path.stem, None, *nothing, "sites are partly occupied")
    return _candidate(path.stem, np.array(structure.cell.parameters),
                      np.array([site.element.atomic_number for site in sites]),
                      np.array([site.fract.tolist() for site in sites]))


def examine(candidate: Candidate, limits: Limits) -> tuple[Crystal | None, str | None]:
    """The crystal in its conventional setting, and why it cannot be used at a rung, if it cannot."""
    if candidate.faulty is not None:
        return None, candidate.faulty
    if not len(candidate.numbers):
        return None, "it has no atoms"
    if not (1 <= candidate.numbers.min() and candidate.numbers.max() <= 98):
        return None, "an element has no scattering factor"
    crystal = standardised(candidate.cell, candidate.numbers, candidate.positions)
    if crystal is None:
        return None, "its space group depends on the tolerance"
    if crystal.lengths_angstrom.max() > limits.longest_edge_angstrom:
        return crystal, f"an edge is longer than {limits.longest_edge_angstrom:g} Angstrom"
    if len(crystal.numbers) > limits.most_atoms_per_cell:
        return crystal, f"more than {limits.most_atoms_per_cell} atoms in the cell"
    differences = crystal.positions[:, None] - crystal.positions[None]
    distances = np.linalg.norm((differences - np.round(differences)) @ crystal.cell, axis=-1)
    if (distances[np.triu_indices(len(distances), 1)] < COINCIDENCE_ANGSTROM).any():
        return crystal, "two atoms share a site"
    return crystal, None


def select(
    candidates: Iterable[Candidate],
    rung: Rung,
    examine_all: Callable[[Iterable[Candidate]], Iterable[tuple[Crystal | None, str | None]]],
) -> Selection:
    """The crystals that a rung uses: within its limits, each compound once, at most as many a group as it has room for.

    Two crystals of one reduced formula and space group count as one compound, so that near copies never lie on both
    sides of a split. The order in which a group's crystals are taken follows from a hash of their identifiers and the
    rung's seed, not from the source's order.
    """
    candidates = sorted(candidates, key=lambda one: hashlib.sha256(f"{rung.seed} {one.identifier}".encode()).digest())
    room = {group: sum(rung.materials(group).values()) for group in rung.space_groups}
    selection = Selection(chosen={group: [] for group in rung.space_groups})
    seen: set[tuple] = set()

    def drop(reason: str, group: int) -> None:
        selection.dropped.setdefault(reason, Counter())[group] += 1

    for candidate, (crystal, fault) in zip(candidates, examine_all(candidates), strict=True):
        if crystal is None or crystal.space_group not in selection.chosen:
            selection.outside[fault if crystal is None and fault else "another space group"] += 1
            continue
        group = crystal.space_group
        selection.found[group] += 1
        compound = (group, reduced_formula(crystal.numbers))
        if fault is not None:
            drop(fault, group)
        elif compound in seen:
            drop("the same compound again", group)
        elif len(selection.chosen[group]) == room[group]:
            drop("the rung has no more room", group)
        else:
            seen.add(compound)
            selection.chosen[group].append((candidate.identifier, crystal))
    return selection
