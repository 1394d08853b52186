"""The atoms of a whole cell from those listed once: a group's operations put them on their sites and repeat them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.symmetry import Operations

ON_SITE_ANGSTROM = 0.2
"""Images of one atom that are nearer than this are one atom, written with few digits: it belongs on the symmetry
element between them. Atoms that share a place by turns (split sites) lie farther apart."""
SAME_PLACE_ANGSTROM = 0.01
CELL_TOLERANCE, CELL_TOLERANCE_DEGREES = 1e-3, 0.1
"""How far edges (relative) and angles may be from what the operations ask for: rounded, not another cell."""
_SAME_FRACTION = 1e-4
"""Fractions that round to the same multiple are one where there are no operations, such as 0 and 1."""
_MOST_STEPS = 8


def fitted_cell(cell: NDArray, rotations: NDArray) -> NDArray[np.float64] | None:
    """The cell that the rotations leave as it is, nearest to `cell`; None where that is another one.

    Parameters
    ----------
    cell : (3, 3) lattice vectors as rows, in Angstrom.
    rotations : (m, 3, 3) on fractional coordinates, all of a group.

    Returns
    -------
    (3, 3), the first vector along x, the second in the x-y plane. Its metric is the mean of the rotated ones.
    """
    metric = cell @ cell.T
    mean = np.einsum("mji,jk,mkl->il", rotations, metric, rotations) / len(rotations)
    lengths, fitted = np.sqrt(np.diag(metric)), np.sqrt(np.diag(mean))
    angles, fitted_angles = (
        np.degrees(np.arccos(np.clip(given / np.outer(edges, edges), -1.0, 1.0)))
        for given, edges in ((metric, lengths), (mean, fitted))
    )
    if (
        np.abs(fitted / lengths - 1.0).max() > CELL_TOLERANCE
        or np.abs(fitted_angles - angles).max() > CELL_TOLERANCE_DEGREES
    ):
        return None
    return np.linalg.cholesky(mean)


def is_group(operations: Operations) -> bool:
    """Whether the operations, each given once, are a group together with the lattice's translations."""
    rotations, translations = (np.asarray(part) for part in operations)
    known = _codes(rotations, translations)
    products = _codes(
        np.einsum("aij,bjk->abik", rotations, rotations),
        np.einsum("aij,bj->abi", rotations, translations) + translations[:, None],
    )
    return len(known) > 0 and bool(np.isin(products, known).all())


def _codes(rotations: NDArray, translations: NDArray) -> NDArray[np.int64]:
    """A number for each operation (..., 3, 3) and (..., 3): translations are in the 24ths that all space groups' are,
    elements of rotations within -8 and 7, as in every cell in use."""
    turned = np.rint(rotations).astype(np.int64).reshape(*rotations.shape[:-2], 9) + 8
    moved = np.rint(translations * 24).astype(np.int64) % 24
    return turned @ (16 ** np.arange(9, dtype=np.int64)) * 24**3 + moved @ (24 ** np.arange(3, dtype=np.int64))


def on_site(cell: NDArray, operations: Operations, point: NDArray) -> NDArray[np.float64] | None:
    """The fractional point (3,) moved onto the symmetry element that it is nearer than half `ON_SITE_ANGSTROM` to.

    It becomes the mean of its images near it, until these are one point: what its site symmetry keeps of it. None where
    they do not become one, so that its site cannot be determined.
    """
    rotations, translations = operations
    for _ in range(_MOST_STEPS):
        moved = rotations @ point + translations - point
        moved -= np.round(moved)
        distances = np.linalg.norm(moved @ cell, axis=1)
        near = distances < ON_SITE_ANGSTROM
        if distances[near].max() < 1e-9:
            return point
        point = point + moved[near].mean(axis=0)
    return None


def orbit_on_site(cell: NDArray, operations: Operations, point: NDArray) -> NDArray[np.float64]:
    """The distinct images (m, 3) in [0, 1) of a point that lies on its site."""
    rotations, translations = operations
    images = rotations @ point + translations
    moved = images[:, None] - images[None]
    moved -= np.round(moved)
    same = np.linalg.norm(moved @ cell, axis=-1) < SAME_PLACE_ANGSTROM
    return images[np.unique(same.argmax(axis=1))] % 1.0


def whole_cell(
    cell: NDArray, operations: Operations, numbers: NDArray, points: NDArray, most_atoms: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], list[int]] | None:
    """All atoms of the cell from the listed ones: numbers (n,), positions (n, 3), and how many each listed one makes.

    An atom listed again, as one of the same element that an operation has made already, makes none. No more are made
    when there are more than `most_atoms`. None where the site of an atom cannot be determined.
    """
    if len(operations[0]) == 1:
        listed = np.column_stack((numbers, np.rint(points / _SAME_FRACTION) % round(1.0 / _SAME_FRACTION)))
        first = np.sort(np.unique(listed, axis=0, return_index=True)[1])
        return numbers[first], points[first] % 1.0, np.isin(np.arange(len(numbers)), first).astype(int).tolist()
    found: dict[int, list[NDArray]] = {}
    total = 0
    all_numbers, all_positions, made = [np.zeros(0, dtype=np.int64)], [np.zeros((0, 3))], []
    for number, given in zip(numbers.tolist(), points, strict=True):
        if total > most_atoms:
            break
        point = on_site(cell, operations, given)
        if point is None:
            return None
        before = found.setdefault(number, [])
        if before:
            apart = np.concatenate(before) - point
            apart -= np.round(apart)
            if np.linalg.norm(apart @ cell, axis=1).min() < SAME_PLACE_ANGSTROM:
                made.append(0)
                continue
        images = orbit_on_site(cell, operations, point)
        before.append(images)
        made.append(len(images))
        total += len(images)
        all_numbers.append(np.full(len(images), number, dtype=np.int64))
        all_positions.append(images)
    return np.concatenate(all_numbers), np.concatenate(all_positions), made
