"""Space groups as operations, and the special positions that follow from them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SITE_TABLE = Path(__file__).with_name("sites.npz")
SITE_COLUMNS = ("groups", "multiplicities", "freedoms", "origins", "directions")

Operations = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Rotations (m, 3, 3) and translations (m, 3) on fractional coordinates, one of each pair for every operation."""

_CELLS_PER_EDGE = 100_000
"""Points that round to the same hundred-thousandth of the cell's edges are one point."""


@dataclass(frozen=True)
class Site:
    """A special position up to its free coordinates: the points `origin + free @ directions`.

    Attributes
    ----------
    multiplicity : atoms that one occupied site puts into the conventional cell.
    origin : (3,) one of its points, fractional.
    directions : (d, 3) what may be added to it, d = 0 (a point) to 3 (the general position).
    """

    multiplicity: int
    origin: NDArray[np.float64]
    directions: NDArray[np.float64]


@functools.cache
def operations(space_group: int) -> Operations:
    """All operations of a group in its first setting, centring included: rotations (m, 3, 3), translations (m, 3)."""
    import spglib

    hall_numbers = _first_hall_numbers()
    database = spglib.get_symmetry_from_database(hall_numbers[space_group])
    return np.array(database["rotations"], dtype=np.float64), np.array(database["translations"], dtype=np.float64)


@functools.cache
def _first_hall_numbers() -> dict[int, int]:
    import spglib

    first: dict[int, int] = {}
    for hall_number in range(1, 531):
        first.setdefault(spglib.get_spacegroup_type(hall_number).number, hall_number)
    return first


@functools.cache
def centring_letter(space_group: int) -> str:
    """P, A, C, I, F or R: the lattice of a group's first setting."""
    import spglib

    return spglib.get_spacegroup_type(_first_hall_numbers()[space_group]).international_short[0]


def orbit(space_group: int, point: NDArray) -> NDArray[np.float64]:
    """The distinct points (m, 3), in [0, 1), that the group makes of one fractional point."""
    return orbit_under(operations(space_group), point)


def orbit_under(group: Operations, point: NDArray) -> NDArray[np.float64]:
    """The distinct points (m, 3), in [0, 1), that all operations of a group make of one fractional point."""
    points = (group[0] @ point + group[1]) % 1.0
    return points[distinct(points)]


def distinct(points: NDArray) -> NDArray[np.int64]:
    """The indices, rising, of the first of fractional points (n, 3) in [0, 1) at each place."""
    cells = np.round(points * _CELLS_PER_EDGE).astype(np.int64) % _CELLS_PER_EDGE
    _, first = np.unique(cells @ (_CELLS_PER_EDGE**2, _CELLS_PER_EDGE, 1), return_index=True)
    return np.sort(first)


def parts_under(group: Operations, points: NDArray) -> list[NDArray[np.float64]]:
    """Points (m, 3) on which a group acts, split into the orbits of its operations."""
    parts = []
    while len(points):
        part = orbit_under(group, points[0])
        apart = points[:, None] - part[None]
        points = points[(np.abs(apart - np.round(apart)).max(axis=2) > 1e-3).all(axis=1)]
        parts.append(part)
    return parts


def kept_by_site(group: Operations, point: NDArray) -> NDArray[np.float64]:
    """(3, 3) projection of a displacement, in fractions, onto what keeps the point's site symmetry."""
    rotations, translations = group
    moved = rotations @ point + translations - point
    return rotations[np.abs(moved - np.round(moved)).max(axis=1) < 1e-4].mean(axis=0)


@functools.cache
def sites(space_group: int) -> tuple[Site, ...]:
    """The general position and the special ones of a group, from the table that `site_search` made.

    A table, since a plane or an axis has many bases and a linear algebra library takes the one that its kernels for the
    processor at hand lead to: crystals drawn along them would be others on each kind of processor.
    """
    groups, multiplicities, freedoms, origins, directions = _site_table()
    ends = np.cumsum(freedoms)
    return tuple(
        Site(int(multiplicities[row]), origins[row], directions[ends[row] - freedoms[row] : ends[row]])
        for row in np.flatnonzero(groups == space_group)
    )


@functools.cache
def _site_table() -> tuple[NDArray, ...]:
    """Every site, by group: the group, multiplicity, free directions and origin; and of all of them, one after the
    other, the directions."""
    with np.load(SITE_TABLE, allow_pickle=False) as table:
        return tuple(table[name] for name in SITE_COLUMNS)
