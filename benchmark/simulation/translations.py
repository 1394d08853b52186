"""Whether a cell is a repetition of a smaller one, without spglib, whose time grows with the square of the atoms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

TRANSLATIONS_TRIED = 64
"""So many translations of a true supercell are tried on all atoms; each that fails strikes out all others that fail
likewise."""


def primitive_cell_exceeds(
    most: int, cell: NDArray, numbers: NDArray, positions: NDArray, tolerance_angstrom: float
) -> bool:
    """Whether the primitive cell surely holds more than `most` atoms. Takes about n log n of time for n atoms.

    A primitive cell of n / k atoms has k translations in the given cell, each of which takes one atom of the rarest
    element to another. Of these candidates those are struck out that take an atom to where none of its element is;
    so the ones that are left are at least k, and n / left at most what the primitive cell holds.

    Parameters
    ----------
    cell : (3, 3) lattice vectors as rows, in Angstrom. numbers : (n,) of the atoms. positions : (n, 3) fractional.
    tolerance_angstrom : an atom is where it lands this near to it, or a little farther (as a sphere in fractions).
    """
    if len(numbers) <= most:
        return False
    positions = positions % 1.0 % 1.0  # -1e-17 % 1.0 is 1.0
    radius = tolerance_angstrom * float(np.linalg.norm(np.linalg.inv(cell), ord=2))
    elements, places, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    trees = [cKDTree(positions[places == element], boxsize=1.0) for element in range(len(elements))]
    rarest = positions[places == int(np.argmin(counts))]
    left = rarest - rarest[0]
    for turn in range(TRANSLATIONS_TRIED):
        if len(numbers) > most * len(left):
            return True
        tried = left[(turn + 1) * len(left) // (TRANSLATIONS_TRIED + 1)]
        astray = _first_astray(tried, positions, places, trees, radius)
        if astray is not None:
            atom, tree = astray
            left = left[_lands(tree, atom + left, radius)]
    return len(numbers) > most * len(left)


def _first_astray(
    translation: NDArray, positions: NDArray, places: NDArray, trees: list[cKDTree], radius: float
) -> tuple[NDArray, cKDTree] | None:
    """An atom that a translation takes to where none of its element is, with its element's tree."""
    for element, tree in enumerate(trees):
        atoms = positions[places == element]
        astray = ~_lands(tree, atoms + translation, radius)
        if astray.any():
            return atoms[int(np.argmax(astray))], tree
    return None


def _lands(tree: cKDTree, points: NDArray, radius: float) -> NDArray[np.bool_]:
    """Which of the fractional points (n, 3) are one of the tree's."""
    distances, _ = tree.query(points % 1.0 % 1.0, distance_upper_bound=2.0 * radius)
    return distances <= radius
