"""A crystal, and the one conventional setting that all crystals are brought to."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError

os.environ.setdefault("SPGLIB_OLD_ERROR_HANDLING", "0")  # exceptions, as every later spglib has them

TOLERANCES_ANGSTROM = (1e-3, 0.15)
"""A label is kept only where spglib finds the same group at both: a group that needs a fine tolerance to be
distinguished from a higher one would be a label that the pattern does not show."""

LENGTHS_ANGSTROM, ANGLES_DEGREES = (0.5, 500.0), (5.0, 175.0)
"""Between these every crystal's cell lies; what is outside was not written as a number, or in another unit."""

CRYSTAL_SYSTEMS = (
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)


@dataclass(frozen=True)
class Crystal:
    """Atoms in a periodic cell.

    Attributes
    ----------
    cell : (3, 3) lattice vectors as rows, in Angstrom.
    numbers : (n,) atomic numbers.
    positions : (n, 3) fractional coordinates in [0, 1).
    space_group : number in the International Tables, 1 to 230.
    """

    cell: NDArray[np.float64]
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    space_group: int

    @property
    def volume_angstrom3(self) -> float:
        """The volume of the cell in cubic Angstrom."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def lengths_angstrom(self) -> NDArray[np.float64]:
        """The lengths of the cell's edges in Angstrom, (3,)."""
        return np.linalg.norm(self.cell, axis=1)

    @property
    def angles_degrees(self) -> NDArray[np.float64]:
        """alpha (between b and c), beta (a and c), gamma (a and b)."""
        a, b, c = self.cell / self.lengths_angstrom[:, None]
        return np.degrees(np.arccos(np.clip([b @ c, a @ c, a @ b], -1.0, 1.0)))

    @property
    def formula(self) -> str:
        """Element counts of the cell, such as 'O6 Sr2 Ti2', in the order of the symbols."""
        import gemmi

        numbers, counts = np.unique(self.numbers, return_counts=True)
        parts = sorted((gemmi.Element(int(z)).name, int(n)) for z, n in zip(numbers, counts, strict=True))
        return " ".join(f"{symbol}{count}" for symbol, count in parts)


def crystal_system(space_group: int) -> str:
    """The crystal system of a space group number, 1 to 230 (trigonal and hexagonal apart)."""
    return next(name for last, name in CRYSTAL_SYSTEMS if space_group <= last)


def cell_from_parameters(lengths_angstrom: NDArray, angles_degrees: NDArray) -> NDArray[np.float64]:
    """(3, 3) lattice vectors as rows: a along x, b in the x-y plane. Raises StemdlError where no cell closes."""
    a, b, c = (float(length) for length in lengths_angstrom)
    cos_alpha, cos_beta, cos_gamma = np.cos(np.radians(angles_degrees))
    sin_gamma = np.sqrt(1.0 - cos_gamma**2)
    c_y = (cos_alpha - cos_beta * cos_gamma) / sin_gamma
    c_z2 = 1.0 - cos_beta**2 - c_y**2
    if not c_z2 > 0.0:
        raise StemdlError("no cell has these angles", found=tuple(angles_degrees), expected="degrees that close")
    return np.array([[a, 0.0, 0.0], [b * cos_gamma, b * sin_gamma, 0.0], [c * cos_beta, c * c_y, c * np.sqrt(c_z2)]])


def standardised(cell: NDArray, numbers: NDArray, positions: NDArray) -> Crystal | None:
    """The same crystal in spglib's conventional, idealised setting, or None where its group is not well defined.

    Well defined means: spglib finds one space group at both `TOLERANCES_ANGSTROM`. The setting is the first that the
    International Tables list (unique axis b, hexagonal axes for rhombohedral groups, origin choice 1).
    """
    import spglib

    found = []
    for tolerance in TOLERANCES_ANGSTROM:
        try:
            dataset = spglib.get_symmetry_dataset((cell, positions, numbers), symprec=tolerance)
        except spglib.SpglibError:
            return None
        if dataset is None:
            return None
        found.append(dataset)
    fine, coarse = found
    if fine.number != coarse.number:
        return None
    return Crystal(
        cell=np.array(fine.std_lattice, dtype=np.float64),
        numbers=np.array(fine.std_types, dtype=np.int64),
        positions=np.array(fine.std_positions, dtype=np.float64) % 1.0,
        space_group=int(fine.number),
    )


_IMAGES = np.array(list(itertools.product((-1, 0, 1), repeat=3)), dtype=np.float64)
_HERE = len(_IMAGES) // 2


def shortest_distance_angstrom(cell: NDArray, point: NDArray, positions: NDArray) -> float:
    """The distance from one atom to its nearest neighbour, in Angstrom, periodic images in the nearest 27 cells
    included.

    `point` is the atom's fractional position (3,), `positions` (n, 3) those of all atoms, itself among them.
    """
    squared = _squared_distances(cell, point, positions).ravel()
    return float(np.sqrt(np.partition(squared, 1)[1]))  # the smallest is the atom's distance from itself


def nearest_angstrom(cell: NDArray, point: NDArray, positions: NDArray) -> NDArray[np.float64]:
    """(n,) distances in Angstrom from an atom to the nearest image of each atom; of itself, the nearest other image.

    `point` is the atom's fractional position (3,), `positions` (n, 3) those of all atoms, itself among them. Another
    atom at the same place is at distance 0.
    """
    squared = _squared_distances(cell, point, positions)
    squared.flat[squared.argmin()] = np.inf
    return np.sqrt(squared.min(axis=0))


def all_nearest_angstrom(cell: NDArray, points: NDArray, positions: NDArray, own: NDArray) -> NDArray[np.float64]:
    """`nearest_angstrom` of several atoms at once, (t, n): of `points` (t, 3) each to the atoms `positions` (t, n, 3)
    around it, `own` (t,) being its own place among these."""
    difference = positions - points[:, None]
    difference -= np.round(difference)
    vectors = (difference[:, None] + _IMAGES[:, None, :]) @ cell
    squared = np.einsum("tijk,tijk->tij", vectors, vectors)
    squared[np.arange(len(points)), _HERE, own] = np.inf
    return np.sqrt(squared.min(axis=1))


def _squared_distances(cell: NDArray, point: NDArray, positions: NDArray) -> NDArray[np.float64]:
    """(27, n) squared distances from an atom to the nearest image of each atom and that one's 26 neighbours."""
    difference = positions - point
    difference -= np.round(difference)
    vectors = (difference[None] + _IMAGES[:, None, :]) @ cell
    return np.einsum("ijk,ijk->ij", vectors, vectors)
