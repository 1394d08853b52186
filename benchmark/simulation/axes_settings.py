"""Axes at random among those that a space group's symbol allows, where a program that finds groups prefers some.

Where a group leaves axes free, spglib takes the shorter ones first: a < b < c in P2_12_12_1, but not in Pnma, whose
symbol says which axis is which. The order of the edges then tells the label, which no symmetry of the pattern does.
Changes of axes and origin that leave the group's operations as they are make its affine normaliser (International
Tables A, chapter 3.5); one of them, drawn at random, takes the preference away.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.crystal import Crystal, crystal_system
from benchmark.simulation.symmetry import operations

_STEPS = 24
"""Translations of operations are multiples of 1/24 of the cell's edges."""
_ORIGINS = np.array(list(itertools.product(range(0, _STEPS, _STEPS // 8), repeat=3))) / _STEPS
MOST_OBLIQUE = 0.5
"""|cos beta| up to which monoclinic axes are drawn, or up to that of the crystal's own axes."""


@functools.cache
def changes_of_axes(space_group: int) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]:
    """Changes of axes of determinant 1 after which a group's operations are the same: (rows, shift) of each.

    `rows` (3, 3) are the new axes in the old ones, of whole numbers; `shift` (3,) is added to the new coordinates. They
    are those that exchange or turn round axes; in monoclinic groups all that mix a and c by up to two of each. Groups
    of higher symmetry have no choice among axes of different lengths, and one change alone, which changes nothing.
    """
    rotations, translations = operations(space_group)
    wanted = _codes(rotations, translations)
    found = []
    for rows in _candidates(crystal_system(space_group)):
        turn = np.linalg.inv(rows).T  # of coordinates as columns
        turned = turn @ rotations @ rows.T
        if not np.isin(np.round(turned).reshape(-1, 9), rotations.reshape(-1, 9)).all():
            continue
        moved = translations @ turn.T + _ORIGINS[:, None] - np.einsum("mij,nj->nmi", turned, _ORIGINS)
        fitting = np.flatnonzero((_codes(turned, moved) == wanted).all(axis=1))
        if len(fitting):
            found.append((rows, _ORIGINS[fitting[0]]))
    return tuple(found)


def _candidates(system: str) -> list[NDArray[np.float64]]:
    if system in ("triclinic", "orthorhombic"):
        signed = (
            np.eye(3)[list(order)] * np.array(signs)[:, None]
            for order in itertools.permutations(range(3))
            for signs in itertools.product((1, -1), repeat=3)
        )
        return [rows for rows in signed if np.linalg.det(rows) > 0]
    if system == "monoclinic":
        mixed = (
            np.array([[p, 0, q], [0, p * s - q * r, 0], [r, 0, s]], dtype=float)
            for p, q, r, s in itertools.product(range(-2, 3), repeat=4)
            if abs(p * s - q * r) == 1
        )
        return list(mixed)
    return [np.eye(3)]


def _codes(rotations: NDArray, translations: NDArray) -> NDArray[np.int64]:
    """A number for each operation, rising: (m, 3, 3) rotations with one or several sets of translations (..., m, 3)."""
    signs = (np.round(rotations).astype(np.int64) + 1).reshape(-1, 9) @ 3 ** np.arange(9)
    cells = np.round(translations * _STEPS).astype(np.int64) % _STEPS
    return np.sort(signs * _STEPS**3 + cells @ (_STEPS**2, _STEPS, 1), axis=-1)


def in_setting(crystal: Crystal, settings: str, generator: np.random.Generator) -> Crystal:
    """The same crystal by the axes that `settings` (`recipes.SETTINGS`) ask for; `generator` is asked for `any` alone.

    Of `any`, all of `changes_of_axes` are as likely; monoclinic ones keep beta at 90 degrees or more.
    """
    if settings == "tabulated":
        return crystal
    kept = [
        (rows, shift)
        for rows, shift in changes_of_axes(crystal.space_group)
        if crystal_system(crystal.space_group) != "monoclinic" or _conventional(rows @ crystal.cell, crystal)
    ]
    rows, shift = kept[int(generator.integers(len(kept)))]
    return Crystal(
        rows @ crystal.cell,
        crystal.numbers,
        (crystal.positions @ np.linalg.inv(rows) + shift) % 1.0 % 1.0,
        crystal.space_group,
    )


def _conventional(cell: NDArray, crystal: Crystal) -> bool:
    def cosine(cell: NDArray) -> float:
        return float(cell[0] @ cell[2] / np.linalg.norm(cell[0]) / np.linalg.norm(cell[2]))

    return -max(MOST_OBLIQUE, abs(cosine(crystal.cell))) - 1e-9 < cosine(cell) < 1e-9
