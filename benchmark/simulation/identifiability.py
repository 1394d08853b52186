"""Which space groups patterns along a set of zone axes can tell apart, from symmetry alone.

The zero-order Laue zone shows a crystal's projection along the beam. Dynamical diffraction has no Friedel symmetry, so
its pattern shows the projection's whole plane group: the rotations and mirrors, polar or not; the centring, as absent
reflections; and the glide lines, as dark bars in the rows that they forbid (Gjonnes & Moodie 1965). Two groups that
give the same plane groups, set the same way against the axes, look alike whatever the network. The crystal system is
taken as known, since the conventional cell along whose axes the beam runs is.
"""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import crystal_system
from benchmark.simulation.symmetry import operations
from benchmark.simulation.zone import CONVENTIONAL_AXES

_PARTS = 24
"""Translations of the 230 groups, projected along the axes used, are multiples of a 24th."""
_NEARBY = np.array(list(itertools.product(range(-2, 3), repeat=2))) * _PARTS

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
    """Two short lattice vectors that are across the axis by their indices, and the axis, as columns; right-handed.

    Raises StemdlError for an axis with indices too high to have them.
    """
    vectors = sorted(itertools.product((0, 1, -1), repeat=3), key=lambda v: (sum(map(abs, v)), [-i for i in v]))
    for first, second in itertools.combinations(vectors[1:], 2):
        frame = np.array([first, second, axis], dtype=float).T
        if np.dot(first, axis) == 0 and np.dot(second, axis) == 0 and np.linalg.det(frame) > 0.5:
            return frame
    raise StemdlError("no two short lattice vectors lie across the zone axis", found=axis)


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


def indistinguishable(axes: tuple[Axis, ...] = CONVENTIONAL_AXES) -> list[tuple[int, ...]]:
    """The 230 groups, together where their patterns along the axes have the same symmetry; by the lowest number."""
    together: dict[tuple, list[int]] = defaultdict(list)
    for group in range(1, 231):
        together[signature(group, axes)].append(group)
    return [tuple(groups) for groups in together.values()]


def identifiable(axes: tuple[Axis, ...] = CONVENTIONAL_AXES) -> tuple[int, ...]:
    """The groups that no other group looks like, rising."""
    return tuple(groups[0] for groups in indistinguishable(axes) if len(groups) == 1)
