"""Extinction groups: space groups whose powder patterns have lines at the same places, and so cannot be distinguished.

Two space groups share one where their lattices are of one family and the same reflections are absent, under one of the
settings of the axes. That gives 97 groups, found here by program. The literature counts 99 (Looijenga-Vos & Buerger,
International Tables A, 3.1), since it keeps apart by Laue class two pairs whose absences are the same: `SPLIT`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FAMILIES = ((2, "triclinic"), (15, "monoclinic"), (74, "orthorhombic"), (142, "tetragonal"), (194, "hexagonal"),
            (230, "cubic"))  # fmt: skip
SPLIT = ((171, 172, 180, 181), (208,))
"""Groups split off those of {144, 145, 151 to 154, ...} and of {198, ...}: they have another Laue class."""
INDICES, ALONG_C = 6, 12
"""Absences repeat: glides and screws show up to these indices, the twelfth being that of a six-fold screw twice."""


def family(space_group: int) -> str:
    """The crystal family of a space group: a lattice's metric, which the places of all lines follow from."""
    return next(name for last, name in FAMILIES if space_group <= last)


def absent(space_group: int, indices: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of (n, 3) reflections are absent by symmetry, in the group's standard setting."""
    import gemmi

    operations = gemmi.find_spacegroup_by_number(space_group).operations()
    return np.asarray(operations.systematic_absences(np.ascontiguousarray(indices, dtype=np.int32)), dtype=bool)


@functools.cache
def extinction_groups(strict: bool = False) -> tuple[tuple[int, ...], ...]:
    """The 99 extinction groups as rising tuples of space groups, by their first; the 97 where `strict`."""
    found: dict[tuple[str, bytes], list[int]] = {}
    for number in range(1, 231):
        found.setdefault((family(number), _signature(number)), []).append(number)
    groups = [tuple(members) for members in found.values()]
    if not strict:
        apart = [tuple(each for each in members if each not in set().union(*SPLIT)) for members in groups]
        groups = [*filter(None, apart), *SPLIT]
    return tuple(sorted(groups))


def extinction_group(space_group: int) -> tuple[int, ...]:
    """The one of the 99 that a space group is in."""
    return next(members for members in extinction_groups() if space_group in members)


def label(members: Sequence[int]) -> str:
    """A group's name as a class: number and symbol of its first space group, such as `196:F23`."""
    import gemmi

    return f"{members[0]}:{gemmi.find_spacegroup_by_number(members[0]).short_name()}"


def members_of(label: str) -> tuple[int, ...]:
    """The space groups of a class by its name."""
    return extinction_group(int(label.partition(":")[0]))


def _signature(space_group: int) -> bytes:
    """The absences, the same for all settings of orthorhombic axes."""
    if family(space_group) != "orthorhombic":
        side = range(-INDICES, INDICES + 1)
        return np.packbits(absent(space_group, _grid(side, side, range(ALONG_C + 1)))).tobytes()
    octant = _grid(*[range(ALONG_C + 1)] * 3)
    settings = itertools.permutations(range(3))
    return min(np.packbits(absent(space_group, octant[:, list(axes)])).tobytes() for axes in settings)


@functools.cache
def _grid(*ranges: range) -> NDArray[np.int32]:
    return np.array([each for each in itertools.product(*ranges) if any(each)], dtype=np.int32)
