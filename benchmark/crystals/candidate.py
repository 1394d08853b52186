"""A crystal as its source gives it, or the reason why it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import ANGLES_DEGREES, LENGTHS_ANGSTROM, cell_from_parameters

HEAVIEST = 118
SMALLEST_VOLUME = 1e-4
"""A cell's least volume, as a share of that of a brick with its edges: less is flat."""
FRACTIONS = (-1.0, 2.0)
"""The range of a whole cell's fractional coordinates, a cell or so about it; positions in Angstrom are mostly
outside."""


@dataclass(frozen=True)
class Candidate:
    """A crystal as its source gives it.

    Attributes
    ----------
    identifier : of the material, by which it is split; no two of one source share it.
    cell : (3, 3) lattice vectors as rows, in Angstrom; None where it is faulty.
    numbers : (n,) atomic numbers of all atoms of the cell.
    positions : (n, 3) their fractional coordinates.
    faulty : why it cannot be used, where that is known already: one of a few phrases, which are counted.
    detail : what of this one crystal the phrase is about; may be empty.
    origin : where it was read: a file under the source's folder, with its block; a table's row.
    """

    identifier: str
    cell: NDArray[np.float64] | None
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    faulty: str | None = None
    detail: str = ""
    origin: str = ""


def faulty(identifier: str, reason: str, detail: object = "", origin: str = "") -> Candidate:
    """A crystal that cannot be used."""
    nothing = np.zeros(0, dtype=np.int64), np.zeros((0, 3))
    return Candidate(identifier, None, *nothing, reason, " ".join(str(detail).split()), origin)


class Unusable(Exception):
    """A crystal that cannot be used: a reason, one of a few phrases, and what of this crystal it is about."""

    def __init__(self, reason: str, detail: object = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def require_cell(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) lattice vectors as rows from a, b, c in Angstrom, alpha, beta, gamma in degrees (6,). Raises Unusable."""
    if not np.isfinite(parameters).all():
        raise Unusable("a number of it is not finite", parameters.tolist())
    lengths, angles = parameters[:3], parameters[3:]
    for values, (least, most), reason in (
        (lengths, LENGTHS_ANGSTROM, "an edge of its cell is out of range"),
        (angles, ANGLES_DEGREES, "no cell has its angles"),
    ):
        if not ((least <= values) & (values <= most)).all():
            raise Unusable(reason, f"{values.tolist()}, of {least:g} to {most:g}")
    try:
        return cell_from_parameters(lengths, angles)
    except StemdlError as error:
        raise Unusable("no cell has its angles", angles.tolist()) from error


def require_vectors(cell: NDArray[np.float64]) -> None:
    """Raises Unusable for lattice vectors, rows of (3, 3) in Angstrom, that do not span a cell of a crystal's size."""
    if not np.isfinite(cell).all():
        raise Unusable("a number of it is not finite")
    lengths, (least, most) = np.linalg.norm(cell, axis=1), LENGTHS_ANGSTROM
    if not abs(np.linalg.det(cell)) > SMALLEST_VOLUME * lengths.prod():
        raise Unusable("no cell has its vectors")
    if not ((least <= lengths) & (lengths <= most)).all():
        raise Unusable("an edge of its cell is out of range", f"{lengths.tolist()}, of {least:g} to {most:g}")


def of_parameters(
    identifier: str,
    parameters: NDArray[np.float64],
    numbers: NDArray[Any],
    positions: NDArray[np.float64],
    origin: str = "",
) -> Candidate:
    """A crystal from its cell's parameters (6,), as `require_cell` has them, and the atoms of the whole cell."""
    try:
        cell = require_cell(parameters)
        require_atoms(numbers, positions)
    except Unusable as fault:
        return faulty(identifier, fault.reason, fault.detail, origin)
    return Candidate(identifier, cell, numbers.astype(np.int64), positions.astype(np.float64), origin=origin)


def require_atoms(numbers: NDArray[Any], positions: NDArray[np.float64]) -> None:
    """Raises Unusable where numbers (n,) are not elements', or positions (n, 3) not fractions of a cell."""
    if not np.isfinite(positions).all():
        raise Unusable("a number of it is not finite")
    if (broken := numbers != np.rint(numbers)).any():  # not a number too
        raise Unusable("an atomic number is not whole", numbers[broken][0])
    if len(numbers) and not (1 <= numbers.min() and numbers.max() <= HEAVIEST):
        raise Unusable("an atomic number is not an element's", f"{numbers.min():g} to {numbers.max():g}")
    least, most = FRACTIONS
    if len(positions) and not (least <= positions.min() and positions.max() <= most):
        raise Unusable("its positions are not fractions of its cell", f"{positions.min():g} to {positions.max():g}")
