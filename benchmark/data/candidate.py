"""A crystal as its source gives it, or the reason why it cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import cell_from_parameters


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


def of_parameters(
    identifier: str, parameters: NDArray, numbers: NDArray, positions: NDArray, origin: str = ""
) -> Candidate:
    """A crystal from its cell's parameters (6,): a, b, c in Angstrom, alpha, beta, gamma in degrees."""
    numbers, positions = numbers.astype(np.int64), positions.astype(np.float64)
    if not (np.isfinite(parameters).all() and np.isfinite(positions).all()):
        return faulty(identifier, "a number of it is not finite", origin=origin)
    try:
        cell = cell_from_parameters(parameters[:3], parameters[3:])
    except StemdlError:
        return faulty(identifier, "no cell has its angles", parameters[3:].tolist(), origin)
    if not (parameters[:3] > 0.0).all():
        return faulty(identifier, "an edge of its cell has no length", parameters[:3].tolist(), origin)
    return Candidate(identifier, cell, numbers, positions, origin=origin)
