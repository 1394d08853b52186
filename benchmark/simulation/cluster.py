"""Clusters of a crystal's atoms, whole or broken: as many cells as a few hundred atoms fill, and defects in them.

Clusters are replicas of the standardised conventional cell (`simulation.crystal.standardised`; a along x), as in
Ziletti et al. (2018): however a crystal was turned before, its standardised cell is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError

LEAST_ATOMS = 8
"""Atoms of a broken cluster at least."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cluster:
    """Atoms in space: `positions` (n, 3) in Angstrom, and their atomic `numbers` (n,). `box` (3, 3), vectors as rows,
    is what the cells fill: a program that looks for a crystal's symmetry is given it as a cell."""

    positions: Numbers
    numbers: NDArray[np.int64]
    box: Numbers


@dataclass(frozen=True)
class Damage:
    """How badly a cluster is broken; all 0 leaves it whole.

    Attributes
    ----------
    surface : share of the atoms beyond a plane of random direction, which are not there.
    vacancies : share of the atoms that are missing, at random.
    substituted : share of the atoms in whose places atoms of other elements are.
    displaced : standard deviation along each axis, as a share of the mean distance of nearest neighbours.
    """

    surface: float = 0.0
    vacancies: float = 0.0
    substituted: float = 0.0
    displaced: float = 0.0

    def __post_init__(self) -> None:
        for name, most in (("surface", 1.0), ("vacancies", 1.0), ("substituted", 1.0), ("displaced", 10.0)):
            if not 0.0 <= getattr(self, name) <= most:
                raise StemdlError(f"{name} is not a share", expected=f"0 to {most:g}", found=getattr(self, name))


def cluster_of(cell: Numbers, numbers: NDArray[np.int64], positions: Numbers, atoms: int) -> Cluster:
    """The cell (3, 3; vectors as rows, in Angstrom), repeated until there are so many atoms.

    As published: another row of cells is added in the direction in which the atoms reach least far, x, y or z, along
    the cell's vector of that place. `numbers` (n,) and `positions` (n, 3), in fractions, are the cell's atoms.
    """
    counts = np.ones(3, dtype=np.int64)
    while True:
        cells = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1).reshape(-1, 1, 3)
        at = (cells + positions).reshape(-1, 3) @ cell
        if len(at) >= atoms:
            return Cluster(at, np.tile(numbers, len(cells)), counts[:, None] * cell)
        counts[int(np.argmin(at.max(axis=0) - at.min(axis=0)))] += 1


def nearest_mean_angstrom(positions: Numbers) -> float:
    """The mean over all atoms (n, 3) of the distance to the nearest other one. Raises StemdlError for fewer than two,
    and where all lie in one place."""
    from scipy.spatial import cKDTree

    if len(positions) < 2:
        raise StemdlError("one atom has no neighbour", expected="two atoms or more", found=len(positions))
    distances, _ = cKDTree(positions).query(positions, k=2)
    if not (mean := float(distances[:, 1].mean())) > 0.0:
        raise StemdlError("all atoms lie in one place", found=f"{len(positions)} atoms")
    return mean


def broken(whole: Cluster, how: Damage, others: Sequence[int], generator: np.random.Generator) -> Cluster:
    """The cluster with defects: first the surface, then vacancies, substitutions by `others` (atomic numbers), and
    displacements. Shares are of the atoms that are left by then, to the whole atom below.

    The same for the same generator. Raises StemdlError where fewer than `LEAST_ATOMS` atoms are left, and where
    substitutions are asked for without another element.
    """
    unit = nearest_mean_angstrom(whole.positions) if how.displaced else 0.0
    positions, numbers = whole.positions, whole.numbers.copy()
    if how.surface:
        direction = generator.normal(size=3)
        depth = (positions - positions.mean(axis=0)) @ (direction / np.linalg.norm(direction))
        kept = np.sort(np.argsort(depth, kind="stable")[: len(depth) - int(how.surface * len(depth))])
        positions, numbers = positions[kept], numbers[kept]
    if how.vacancies:
        missing = generator.choice(len(numbers), size=int(how.vacancies * len(numbers)), replace=False)
        positions, numbers = np.delete(positions, missing, axis=0), np.delete(numbers, missing)
    if len(numbers) < LEAST_ATOMS:
        raise StemdlError("hardly an atom is left", expected=f"{LEAST_ATOMS} or more", found=len(numbers))
    if how.substituted:
        if not (foreign := sorted(set(others) - set(numbers.tolist()))):
            raise StemdlError("substitution needs another element", found=", ".join(map(str, others)))
        places = generator.choice(len(numbers), size=int(how.substituted * len(numbers)), replace=False)
        numbers[places] = generator.choice(np.array(foreign), size=len(places))
    if how.displaced:
        positions = positions + generator.normal(scale=how.displaced * unit, size=positions.shape)
    return Cluster(positions, numbers, whole.box)
