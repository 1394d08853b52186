"""The pseudo-symmetry of real crystals: groups that hold a space group as a subgroup, in the same cell.

Most crystals of low symmetry are small distortions of ones of higher symmetry. A supergroup of index 2 is the group and
its product with one further operation, which maps the group onto itself and whose square lies in the group; chains of
such steps lead to supergroups of index 4, 8, ... (International Tables A, chapter 15: normalizers). All of it happens
in the group's own conventional cell, so that no change of axes or origin is needed.
"""

from __future__ import annotations

import functools
import itertools

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.symmetry import Operations, Site, operations

MOST_OPERATIONS = 192
"""A chain ends here: the largest groups of the International Tables have this many operations per conventional cell."""

SITE_TRIALS, SITE_STEPS = 160, 6
"""Points from which special positions are looked for, and moves of each."""

_STEPS = 24
"""Translations of operations are multiples of 1/24 of the cell's edges."""

Path = tuple[int, ...]
"""A chain of steps up from a space group: which extension is taken at each."""


@functools.cache
def supergroup(space_group: int, path: Path) -> Operations:
    """All operations of the supergroup that a chain of steps leads to; the space group itself for the empty chain."""
    if not path:
        return operations(space_group)
    rotations, translations = supergroup(space_group, path[:-1])
    further_rotations, further_translations = extensions(space_group, path[:-1])
    rotation, translation = further_rotations[path[-1]], further_translations[path[-1]]
    return (
        np.concatenate([rotations, rotation @ rotations]),
        np.concatenate([translations, (translations @ rotation.T + translation) % 1.0]),
    )


@functools.cache
def extensions(space_group: int, path: Path) -> Operations:
    """The operations that lead one step up from `supergroup(space_group, path)`, one for each supergroup of index 2.

    Rotations (n, 3, 3) and translations (n, 3); n = 0 where there is none in this cell.
    """
    group = supergroup(space_group, path)
    if 2 * len(group[0]) > MOST_OPERATIONS:
        return np.zeros((0, 3, 3)), np.zeros((0, 3))
    known = np.sort(_codes(*group))
    rotations, translations = _possible(hexagonal=143 <= space_group <= 194)

    def within(rotations: NDArray, translations: NDArray) -> NDArray[np.bool_]:
        return np.isin(_codes(rotations, translations), known)

    squares = np.einsum("nij,nj->ni", rotations, translations) + translations
    keep = ~within(rotations, translations) & within(rotations @ rotations, squares)
    rotations, translations = rotations[keep], translations[keep]
    inverses = np.round(np.linalg.inv(rotations))
    for rotation, translation in zip(*group, strict=True):
        conjugate = rotations @ rotation @ inverses
        moved = translations - np.einsum("nij,nj->ni", conjugate, translations) + rotations @ translation
        keep = within(conjugate, moved)
        rotations, translations, inverses = rotations[keep], translations[keep], inverses[keep]
    # Operations of one coset make the same supergroup; its smallest code names it.
    cosets = [
        _codes(rotation @ group[0], group[1] @ rotation.T + translation).min()
        for rotation, translation in zip(rotations, translations, strict=True)
    ]
    _, first = np.unique(np.array(cosets, dtype=np.int64), return_index=True)
    return rotations[first], translations[first]


@functools.cache
def supergroup_sites(space_group: int, path: Path) -> tuple[Site, ...]:
    """The positions of a supergroup, general and special, found by moving random points onto what lies near them.

    The mean of a point's images under operations that leave it near itself is a point that they leave where it is.
    """
    generator = np.random.default_rng(space_group)
    rotations, translations = supergroup(space_group, path)
    points, reach = generator.random((SITE_TRIALS, 3)), generator.uniform(0.0, 0.6, SITE_TRIALS)
    for step in range(SITE_STEPS + 1):
        apart = np.einsum("mij,tj->tmi", rotations, points) + translations - points[:, None]
        apart -= np.ceil(apart - 0.5 - 1e-9)  # half a cell is +0.5, whichever way its last bit points
        sizes = np.abs(apart).max(axis=2)
        keeps, near = sizes < 1e-9, sizes < reach[:, None]
        moves = (near & ~keeps).any(axis=1)
        if step == SITE_STEPS or not moves.any():
            break
        shift = (apart * near[:, :, None]).sum(axis=1) / np.maximum(near.sum(axis=1), 1)[:, None]
        points = points + shift * moves[:, None]
        reach = reach * np.where(moves, 0.7, 1.0)
    kept = keeps.sum(axis=1)
    projections = np.einsum("tm,mij->tij", keeps.astype(np.float64), rotations) / kept[:, None, None]
    _, values, axes = np.linalg.svd(projections - np.eye(3))
    free = values < 1e-9
    along = np.einsum("ti,tij,tik->tjk", free.astype(np.float64), axes, axes)
    origins = np.round(points - np.einsum("tj,tjk->tk", points, along), 12)
    origins[~free.any(axis=1)] %= 1.0
    origins[free.all(axis=1)] = 0.0
    multiplicities = len(rotations) // kept
    keys = np.concatenate([multiplicities[:, None], np.round(origins, 6), np.round(np.abs(along), 6).reshape(-1, 9)], 1)
    _, first = np.unique(keys + 0.0, axis=0, return_index=True)  # + 0.0 makes one zero of two
    return tuple(Site(int(multiplicities[trial]), origins[trial], basis_of(along[trial])) for trial in np.sort(first))


def basis_of(projection: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal rows (d, 3) that span what an orthogonal projection (3, 3) leaves: what it makes of the cell's edges,
    one after the other, made normal to those before. Unlike a singular value decomposition's, they are the same by
    every linear algebra library, but for their last bits."""
    basis = np.zeros((0, 3))
    for edge in projection:
        left = edge - (edge @ basis.T) @ basis
        if (length := np.linalg.norm(left)) > 1e-6:
            basis = np.concatenate([basis, left[None] / length])
    return basis


def symmetrised_metric(metric: NDArray, group: Operations) -> NDArray[np.float64]:
    """The mean of a metric tensor (3, 3) over a group's rotations: that of a lattice which has the group's symmetry."""
    rotations = np.unique(group[0], axis=0)
    return np.mean(rotations.transpose(0, 2, 1) @ metric @ rotations, axis=0)


def _codes(rotations: NDArray, translations: NDArray) -> NDArray[np.int64]:
    """One whole number for each operation, translations taken modulo the lattice."""
    cells = np.round(translations * _STEPS).astype(np.int64) % _STEPS
    signs = (np.round(rotations).astype(np.int64) + 1).reshape(-1, 9)
    return (signs @ 3 ** np.arange(9)) * _STEPS**3 + cells @ (_STEPS**2, _STEPS, 1)


@functools.cache
def _possible(hexagonal: bool) -> Operations:
    """The operations tried: rotations of the most symmetric lattice, with translations by quarters of the cell, or by
    thirds across and sixths along hexagonal axes."""
    rotations = np.unique(operations(191 if hexagonal else 221)[0], axis=0)
    if hexagonal:
        across = [(0.0, 0.0), (1 / 3, 2 / 3), (2 / 3, 1 / 3), (0.5, 0.0)]
        shifts = np.array([(*xy, z / 6) for xy in across for z in range(6)])
    else:
        shifts = np.array(list(itertools.product((0.0, 0.25, 0.5, 0.75), repeat=3)))
    return np.repeat(rotations, len(shifts), axis=0), np.tile(shifts, (len(rotations), 1))
