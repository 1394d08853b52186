"""Which space groups patterns along a set of zone axes can tell apart, from symmetry alone.

The zero-order Laue zone shows a crystal's projection along the beam. Dynamical diffraction has no Friedel symmetry, so
its pattern shows the projection's whole plane group: the rotations and mirrors, polar or not; the centring, as absent
reflections; and the glide lines, as dark bars in the rows that they forbid (Gjonnes & Moodie 1965). Two groups that
give the same plane groups, set the same way against the axes, show the same symmetry in projection. The crystal system
is taken as known, since the conventional cell along whose axes the beam runs is.

Higher zones see the crystal's depth. A slab keeps a rotation about the beam or a mirror along it where the operation
shifts nothing along the beam; a screw axis along the beam, or a glide towards it, holds in projection alone, and is
broken by as much as higher zones scatter (Buxton, Eades, Steeds & Rackham 1976, on whole patterns).
`performance/pairs.py` measures by how much.
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import cell_from_parameters, crystal_system
from benchmark.simulation.symmetry import operations
from benchmark.simulation.zone import CONVENTIONAL_AXES

_PARTS = 24
"""Translations of the 230 groups, projected along the axes used, are multiples of a 24th."""
_NEARBY = np.array(list(itertools.product(range(-2, 3), repeat=2))) * _PARTS

_LARGEST_INDEX = 4
"""Of vectors that are tried to span the lattice with an axis."""
_LATTICE = np.array(list(itertools.product(range(-3, 4), repeat=3)))
_GENERAL_CELLS = {
    "triclinic": ((5.1, 6.3, 7.7), (81.0, 97.0, 113.0)),
    "monoclinic": ((5.1, 6.3, 7.7), (90.0, 107.0, 90.0)),
    "orthorhombic": ((5.1, 6.3, 7.7), (90.0, 90.0, 90.0)),
    "tetragonal": ((5.1, 5.1, 7.7), (90.0, 90.0, 90.0)),
    "trigonal": ((5.1, 5.1, 7.7), (90.0, 90.0, 120.0)),
    "hexagonal": ((5.1, 5.1, 7.7), (90.0, 90.0, 120.0)),
    "cubic": ((5.1, 5.1, 5.1), (90.0, 90.0, 90.0)),
}
"""Edges in Angstrom and angles in degrees that have a system's symmetry and no more."""

Axis = tuple[int, int, int]
Signature = tuple[frozenset, frozenset]


@functools.cache
def plane_group(space_group: int, axis: Axis) -> Signature:
    """The plane group of the projection along a lattice direction [uvw], set against the conventional cell.

    As two sets, which do not depend on the origin: the centring translations, and the operations' linear parts, each
    with whether it is there without a glide. Coordinates are those of the two lattice vectors other than `axis`, in
    24ths.
    """
    frame = _frame(axis)
    inverse = np.linalg.inv(frame)
    rotations, translations = operations(space_group)
    turned = inverse @ rotations @ frame
    kept = (np.abs(turned[:, :2, 2]) < 1e-9).all(axis=1)
    linear = np.round(turned[kept][:, :2, :2] * 2).astype(int)  # halves occur where the two vectors are not primitive
    shifts = np.round((translations[kept] @ inverse.T)[:, :2] * _PARTS).astype(int)
    # A glide plane across the beam centres the projection, though not the crystal.
    still = (linear == 2 * np.eye(2)).all(axis=(1, 2))
    edges = np.round(inverse.T[:, :2] * _PARTS).astype(int)
    centring = _closed(np.concatenate([shifts[still], edges]))
    steps = (np.array(sorted(centring))[:, None] + _NEARBY[None]).reshape(-1, 2)
    parts = set()
    for part in np.unique(linear, axis=0):
        shift = shifts[(linear == part).all(axis=(1, 2))][0]
        parts.add((tuple(map(int, part.ravel())), _has_no_glide(part / 2.0, shift + steps)))
    return frozenset(centring), frozenset(parts)


def _frame(axis: Axis) -> np.ndarray:
    """Two short lattice vectors that are across the axis by their indices, or else that span the lattice with it, and
    the axis, as columns; right-handed. With the axis they span the lattice or half of it.

    Raises StemdlError for an axis with indices too high to have them, or with a common factor.
    """
    vectors = _vectors(1)
    for first, second in itertools.combinations(vectors, 2):
        frame = np.array([first, second, axis], dtype=float).T
        if np.dot(first, axis) == 0 and np.dot(second, axis) == 0 and 0.5 < np.linalg.det(frame) < 2.5:
            return frame
    for reach in range(1, _LARGEST_INDEX + 1):
        vectors = np.array(_vectors(reach))
        spanning = np.argwhere(np.cross(vectors[:, None], vectors[None]) @ axis == 1)
        if len(spanning):
            first, second = vectors[spanning[spanning.sum(axis=1).argmin()]]
            return np.array([first, second, axis], dtype=float).T
    raise StemdlError("no two short lattice vectors span the lattice with the zone axis", found=axis)


def _vectors(reach: int) -> list[Axis]:
    """Lattice vectors of indices up to `reach`, the shortest first by the sum of these."""
    indices = itertools.product((0, *(sign * each for each in range(1, reach + 1) for sign in (1, -1))), repeat=3)
    return sorted(indices, key=lambda v: (sum(map(abs, v)), [-i for i in v]))[1:]


def _closed(shifts: Iterable) -> set[tuple[int, int]]:
    """The sums of translations, modulo whole ones."""
    found = {(0, 0)}
    while True:
        more = {((x + int(p)) % _PARTS, (y + int(q)) % _PARTS) for x, y in found for p, q in shifts} | found
        if more == found:
            return found
        found = more


def _has_no_glide(linear: np.ndarray, shifts: np.ndarray) -> bool:
    """Whether one of the operations with this linear part leaves points where they are."""
    power, mean = np.eye(2), np.zeros((2, 2))
    for _ in range(12):  # a multiple of the order of every rotation and reflection
        mean += power / 12.0
        power = power @ linear
    return bool((np.abs(shifts @ mean.T) < 1e-9).all(axis=1).any())


def signature(space_group: int, axes: tuple[Axis, ...] = CONVENTIONAL_AXES) -> tuple:
    """What patterns along the axes show of a group: its crystal system and the plane group of each projection."""
    return (crystal_system(space_group), *(plane_group(space_group, axis) for axis in axes))


@functools.cache
def kept_in_depth(space_group: int, axis: Axis) -> frozenset[tuple[int, ...]]:
    """The rotations about a zone axis, and the mirrors along it, that a slab across the beam has, and its patterns with
    all zones: rotations of fractional coordinates, by rows, of the operations that keep every height."""
    cell = cell_from_parameters(*map(np.array, _GENERAL_CELLS[crystal_system(space_group)]))
    beam = np.array(axis) @ cell
    kept = set()
    for rotation, translation in zip(*operations(space_group), strict=True):
        heights = (translation + _LATTICE) @ cell @ beam / np.linalg.norm(beam)
        if np.array_equal(rotation @ axis, axis) and np.abs(heights).min() < 1e-6:
            kept.add(tuple(map(int, rotation.ravel())))
    return frozenset(kept)


def indistinguishable(axes: tuple[Axis, ...] = CONVENTIONAL_AXES, *, in_depth: bool = False) -> list[tuple[int, ...]]:
    """The 230 groups, together where their patterns along the axes have the same symmetry in projection, and
    `in_depth` where whole patterns with higher zones have; by the lowest number."""
    together: dict[tuple, list[int]] = defaultdict(list)
    for group in range(1, 231):
        depth = tuple(kept_in_depth(group, axis) for axis in axes) if in_depth else ()
        together[signature(group, axes), depth].append(group)
    return [tuple(groups) for groups in together.values()]


def identifiable(axes: tuple[Axis, ...] = CONVENTIONAL_AXES) -> tuple[int, ...]:
    """The groups that no other group looks like, rising."""
    return tuple(groups[0] for groups in indistinguishable(axes) if len(groups) == 1)
