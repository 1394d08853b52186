"""A crystal seen along a zone axis: its lattice, atoms and reflections in projection.

In the zero-order Laue zone the electrons see the potential averaged along the beam. Averaging along the lattice vector
[uvw] leaves a two-dimensional crystal, whose plane group is what the pattern's symmetry shows.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from math import gcd

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.symmetry import operations

CONVENTIONAL_AXES = ((0, 0, 1), (1, 0, 0), (1, -1, 0))
"""The set of three axes that tells the most groups apart in projection (161 of 230)."""
DETECTOR_RIGHT = {(0, 0, 1): (1, 0, 0), (1, 0, 0): (0, 1, 0), (1, -1, 0): (1, 1, 0)}
"""The lattice vector whose projection points along the detector's x. With these the mirror lines of every crystal
system that has them lie along the detector's rows and columns."""


@dataclass(frozen=True)
class Zone:
    """A crystal in projection, in the detector's frame (x to the right, y up, the beam along z towards the viewer).

    Attributes
    ----------
    lattice : (2, 2) primitive vectors of the projected lattice as rows, Angstrom.
    positions : (n, 2) atoms, fractional in `lattice`.
    numbers : (n,) atomic numbers.
    volume_angstrom3 : of the cell that holds the n atoms.
    frame : (3, 3) the detector's x, y, z as rows, Cartesian in the crystal's frame.
    repeat_angstrom : length of the lattice vector along the beam.
    heights : (n,) atoms along that vector, in fractions of it.
    layer_shift : (2,) by which each higher Laue zone is displaced against the one below it, 1/Angstrom; it need not
        be a vector of the reciprocal lattice in projection.
    """

    lattice: NDArray[np.float64]
    positions: NDArray[np.float64]
    numbers: NDArray[np.int64]
    volume_angstrom3: float
    frame: NDArray[np.float64]
    repeat_angstrom: float
    heights: NDArray[np.float64]
    layer_shift: NDArray[np.float64]

    @property
    def reciprocal(self) -> NDArray[np.float64]:
        """(2, 2) reciprocal vectors as rows, 1/Angstrom, without 2 pi: reflection (h, k) is h * row 0 + k * row 1."""
        return np.linalg.inv(self.lattice).T


@functools.cache
def _primitive_basis(space_group: int) -> NDArray[np.float64]:
    """Primitive lattice vectors as rows, in fractions of the conventional cell."""
    rotations, translations = operations(space_group)
    centring = translations[(rotations == np.eye(3)).all(axis=(1, 2))] % 1.0
    vectors = [np.array(offset) for offset in itertools.product((-1, 0, 1), repeat=3)]
    vectors = np.array([vector + shift for vector in vectors for shift in centring])
    vectors = vectors[np.argsort(np.linalg.norm(vectors, axis=1), kind="stable")]
    vectors = vectors[np.linalg.norm(vectors, axis=1) > 1e-9]
    wanted = 1.0 / len(centring)
    for first, second, third in itertools.combinations(range(len(vectors)), 3):
        basis = vectors[[first, second, third]]
        if abs(abs(np.linalg.det(basis)) - wanted) < 1e-9:
            return basis
    raise StemdlError(f"space group {space_group} has no primitive basis")  # unreachable for the 230 groups


def project(
    crystal: Crystal,
    axis: tuple[int, int, int],
    right: tuple[float, float, float],
    across: tuple[float, float] = (1.0, 1.0),
) -> Zone:
    """A crystal along the direct-lattice direction `axis`, with `right` projected onto the detector's x.

    Both are in the conventional cell's vectors. `across` multiplies its lengths along the detector's x and y: other
    values than 1 distort the crystal. Raises StemdlError when axis and right are parallel or `axis` is null.
    """
    primitive = _primitive_basis(crystal.space_group)
    beam = np.array(axis, dtype=np.float64) @ crystal.cell
    if not np.any(beam):
        raise StemdlError("a zone axis is null", found=axis)
    z = beam / np.linalg.norm(beam)
    x = np.array(right, dtype=np.float64) @ crystal.cell
    x -= (x @ z) * z
    if np.linalg.norm(x) < 1e-6:
        raise StemdlError("the detector's x is parallel to the beam", found=(axis, right))
    x /= np.linalg.norm(x)
    frame = np.array([x, np.cross(z, x), z])

    along = np.round(np.array(axis) @ np.linalg.inv(primitive) * 12).astype(int)
    along //= gcd(*map(int, along))
    first, second = _complete(along, primitive @ crystal.cell @ frame[:2].T)
    basis = np.array([first, second, along])
    vectors = basis @ primitive @ crystal.cell @ frame.T
    vectors[:, :2] *= across
    positions = crystal.positions @ np.linalg.inv(basis @ primitive)
    # Vectors that differ by some of `along` look alike in projection. The lowest ones shift a layer the least: tables
    # that end at some reflection then end about as far from the optical axis on either side.
    rise = np.round(np.round(vectors[:2, 2] / vectors[2, 2], 9))
    vectors[:2, 2] -= rise * vectors[2, 2]
    return Zone(
        lattice=vectors[:2, :2],
        positions=positions[:, :2] % 1.0,
        numbers=crystal.numbers,
        volume_angstrom3=crystal.volume_angstrom3 * abs(across[0] * across[1]),
        frame=frame,
        repeat_angstrom=float(np.linalg.norm(along @ primitive @ crystal.cell)),
        heights=(positions[:, 2] + positions[:, :2] @ rise) % 1.0,
        layer_shift=np.linalg.inv(vectors).T[2, :2],
    )


def _complete(along: NDArray[np.int64], projected: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two integer vectors that make a basis of the lattice with `along`, the shortest ones in projection."""
    reach = int(np.abs(along).max()) + 2
    candidates = np.array(list(itertools.product(range(-reach, reach + 1), repeat=3)))
    lengths = np.linalg.norm(candidates @ projected, axis=1)
    keep = lengths > 1e-6
    candidates = candidates[keep][np.argsort(lengths[keep], kind="stable")]
    for count in range(2, len(candidates)):
        triples = np.einsum("ij,ij->i", np.cross(candidates[:count], candidates[count]), along[None])
        if (partner := np.flatnonzero(np.abs(triples) == 1)).size:
            return candidates[partner[0]], candidates[count]
    raise StemdlError("a zone axis has no complement in the lattice", found=tuple(along))


def reflections(reciprocal: NDArray, g_max_per_angstrom: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Indices (n, 2) and vectors (n, 2) of the reflections shorter than `g_max_per_angstrom`, the shortest first.

    A cut by length alone keeps the set symmetric under every operation of the projection, so that the computed pattern
    has the exact symmetry however few beams there are.
    """
    lattice = np.linalg.inv(reciprocal).T
    # |h| = |g . a| <= |g| |a|
    reach = np.floor(g_max_per_angstrom * np.linalg.norm(lattice, axis=1)).astype(int)
    indices = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 2)
    vectors = indices @ reciprocal
    lengths = np.linalg.norm(vectors, axis=1)
    order = np.argsort(np.round(lengths, 9), kind="stable")
    order = order[lengths[order] < g_max_per_angstrom - 1e-9]
    return indices[order], vectors[order]
