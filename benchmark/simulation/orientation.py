"""Along which zone axes a crystal is seen, and what lies to the right on the detector.

`conventional` : [001], [100] and [1-10] of the conventional cell, with the mirror lines along the detector's axes.
`olcf`         : as the real data set chose them (DOI 10.13139/OLCF/1510313; NAMSA, smc_19_utils.py): the indices of the
                 three strongest Cu K-alpha X-ray reflections of the primitive cell, taken as directions of its direct
                 lattice. The beam runs along the lattice vector exactly, in oblique cells too.
`olcf_as_made` : the same with the real set's defect (NAMSA, supercell.py): its rotation was not made orthonormal where
                 the detector's up was not normal to the beam, but at an angle theta to it. Across the beam the crystal
                 was shrunk by sin theta, and mirrored. (Its beam was a sum of the cell's unit vectors, so in cells of
                 unequal edges no lattice vector, along which alone a crystal has projected symmetry; not copied here.)
`random`       : three of the crystal's short lattice vectors.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.recipes import ORIENTATIONS
from benchmark.simulation.scattering import x_ray_scattering_factor
from benchmark.simulation.symmetry import centring_letter
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT

COPPER_K_ALPHA_ANGSTROM = 1.54184
"""The wavelength of pymatgen's XRDCalculator, which the real set was made with; reflections up to 2 theta = 90 degrees,
as there."""
PROJECTIONS = 3
LONGEST_SPACING_ANGSTROM = 5.0
"""Reflections with a longer d are passed over. (The real set's lower limit of 1 Angstrom lies beyond 2 theta = 90.)"""
START_OF_Y = (-1.0, 1.0, -1.0)
"""The detector's up direction in the real set: what is left of this one normal to the beam."""
RANDOM_AXES = 30
"""Zone axes (counted without their sign) that `random` draws from: the shortest ones, and all as short as the last."""

_PRIMITIVE_CELLS = {
    "P": np.eye(3),
    "A": np.array([[1, 0, 0], [0, 0.5, 0.5], [0, -0.5, 0.5]]),
    "C": np.array([[0.5, -0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]),
    "F": np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3.0,
}
"""The primitive vectors as rows in fractions of the conventional cell, by centring, as spglib chooses them."""


@dataclass(frozen=True)
class Projection:
    """One view of a crystal, in the vectors of its conventional cell.

    Attributes
    ----------
    axis : the lattice direction [uvw] that the beam runs along.
    right : the direction whose part normal to the beam is the detector's x.
    across : what the crystal's lengths along the detector's x and y are multiplied by; (1, 1) is the crystal as it is.
    planes : (hkl) of the reflection whose indices the axis has, in the conventional reciprocal vectors; None where the
        axis was not chosen by a reflection, and has indices of the conventional cell itself.
    """

    axis: tuple[int, int, int]
    right: tuple[float, float, float]
    across: tuple[float, float] = (1.0, 1.0)
    planes: tuple[int, int, int] | None = None

    def spacing_angstrom(self, crystal: Crystal) -> float:
        """d(hkl) of the planes that have the axis' indices: the inverse length of that reciprocal vector."""
        return float(1.0 / np.linalg.norm(np.array(self.planes or self.axis) @ np.linalg.inv(crystal.cell).T))


def projections(orientation: str, crystal: Crystal, generator: np.random.Generator) -> tuple[Projection, ...]:
    """The three views of a crystal; `generator` is asked for `random` alone.

    Raises StemdlError for another orientation, and for `olcf` where the crystal has fewer than three reflections.
    """
    if orientation == "conventional":
        return tuple(Projection(axis, DETECTOR_RIGHT[axis]) for axis in CONVENTIONAL_AXES)
    if orientation in ("olcf", "olcf_as_made"):
        return tuple(
            _along_indices(crystal, indices, as_made=orientation == "olcf_as_made")
            for indices in strongest_reflections(crystal)
        )
    if orientation == "random":
        return _random(crystal, generator)
    raise StemdlError("no such orientation", expected=", ".join(ORIENTATIONS), found=orientation)


def primitive_cell(crystal: Crystal) -> NDArray[np.float64]:
    """(3, 3) primitive lattice vectors as rows, in fractions of the conventional cell."""
    return _PRIMITIVE_CELLS[centring_letter(crystal.space_group)]


def _along_indices(crystal: Crystal, indices: NDArray[np.int64], as_made: bool) -> Projection:
    """The view along [hkl] of the primitive cell, with the real set's up direction; and its defect, if `as_made`."""
    primitive = primitive_cell(crystal)
    # In indices, not in Angstrom: what minimising |y . z| from its start leads to.
    up = np.array(START_OF_Y) - (indices @ START_OF_Y) / (indices @ indices) * indices
    if np.abs(up).max() < 1e-9:
        up = np.array([0.0, 0.0, 1.0])
    beam = indices @ primitive @ crystal.cell
    right = np.cross(up @ primitive @ crystal.cell, beam) @ np.linalg.inv(crystal.cell)
    axis = np.round(indices @ primitive * 6).astype(int)
    axis //= np.gcd.reduce(axis)
    across = _distortion(primitive @ crystal.cell, up, indices) if as_made else (1.0, 1.0)
    planes = np.round(indices @ np.linalg.inv(primitive).T).astype(int)
    return Projection(
        tuple(map(int, axis)), tuple(map(float, right / np.abs(right).max())), across, tuple(map(int, planes))
    )


def _distortion(cell: NDArray, up: NDArray, beam: NDArray) -> tuple[float, float]:
    """What the real set multiplied lengths across the beam by: its x was y cross z, of the length sin theta, and where
    y was not normal to z, its y was x cross z, which points downwards. Both were sums of the cell's unit vectors."""
    units = cell / np.linalg.norm(cell, axis=1)[:, None]
    y, z = (vector @ units / np.linalg.norm(vector @ units) for vector in (up, beam))
    sine = float(np.linalg.norm(np.cross(y, z)))
    return (sine, -sine) if np.round(y @ z, 5) else (1.0, 1.0)


def strongest_reflections(crystal: Crystal) -> NDArray[np.int64]:
    """(3, 3) indices in the primitive cell of the strongest powder lines, the strongest first.

    The intensity of a line is the sum over its reflections of |F|^2 (1 + cos^2 2 theta) / (sin^2 theta cos theta)
    without Debye-Waller factors; its indices are the largest of its reflections', h before k before l.
    Raises StemdlError where there are fewer than three lines with d below 5 Angstrom.
    """
    cell = primitive_cell(crystal) @ crystal.cell
    reciprocal = np.linalg.inv(cell).T
    longest = 2.0 * np.sin(np.pi / 4.0) / COPPER_K_ALPHA_ANGSTROM
    reach = np.floor(longest * np.linalg.norm(cell, axis=1)).astype(int)
    indices = np.stack(np.meshgrid(*(np.arange(n, -n - 1, -1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    lengths = np.linalg.norm(indices @ reciprocal, axis=1)
    keep = (lengths > 1e-9) & (lengths <= longest)
    order = np.flatnonzero(keep)[np.argsort(np.round(lengths[keep], 7), kind="stable")]
    indices, lengths = indices[order], lengths[order]
    intensities = np.abs(_x_ray_structure_factors(crystal, indices @ reciprocal)) ** 2
    theta = np.arcsin(lengths * COPPER_K_ALPHA_ANGSTROM / 2.0)
    intensities *= (1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
    first = np.flatnonzero(np.diff(lengths, prepend=-1.0) > 1e-6)
    lines = np.add.reduceat(intensities, first)
    spacings = 1.0 / lengths[first]
    chosen = np.flatnonzero((lines > 1e-3 * lines.max()) & (spacings < LONGEST_SPACING_ANGSTROM))
    # Lines that are equally strong but for rounding come in the order of their angles.
    ranked = chosen[np.argsort(-np.round(lines[chosen] / lines.max(), 6), kind="stable")][:PROJECTIONS]
    if len(ranked) < PROJECTIONS:
        raise StemdlError("the crystal has too few X-ray reflections", expected=PROJECTIONS, found=len(ranked))
    return indices[first[ranked]]


def _x_ray_structure_factors(crystal: Crystal, vectors: NDArray) -> NDArray[np.complex128]:
    """F of the conventional cell at reciprocal vectors (n, 3), 1/Angstrom; International Tables C, table 6.1.1.4."""
    phases = np.exp(2j * np.pi * (vectors @ (crystal.positions @ crystal.cell).T))
    lengths = np.linalg.norm(vectors, axis=1)
    total = np.zeros(len(vectors), dtype=np.complex128)
    for number in np.unique(crystal.numbers):
        total += x_ray_scattering_factor(int(number), lengths) * phases[:, crystal.numbers == number].sum(axis=1)
    return total


def _random(crystal: Crystal, generator: np.random.Generator) -> tuple[Projection, ...]:
    """Three different zone axes of either sign; the shortest lattice vector in projection lies to the right."""
    axes = short_axes(crystal)
    chosen = axes[generator.choice(len(axes), size=PROJECTIONS, replace=False)]
    chosen = chosen * generator.choice((-1, 1), size=PROJECTIONS)[:, None]
    views = []
    for axis in chosen:
        beam = axis @ crystal.cell / np.linalg.norm(axis @ crystal.cell)
        others = axes @ crystal.cell
        across = np.linalg.norm(others - np.outer(others @ beam, beam), axis=1)
        across[across < 1e-6] = np.inf
        views.append(Projection(tuple(map(int, axis)), tuple(map(float, axes[np.argmin(np.round(across, 6))]))))
    return tuple(views)


def short_axes(crystal: Crystal) -> NDArray[np.int64]:
    """(n, 3) the shortest lattice directions, one of each pair of opposite ones, the shortest first.

    At least `RANDOM_AXES`, and all that are as short as the last, so that equivalent ones are all there or none.
    """
    primitive = primitive_cell(crystal)
    indices = np.array(list(itertools.product(range(-3, 4), repeat=3)))
    indices = indices[(np.gcd.reduce(indices, axis=1) == 1)]
    first_nonzero = indices[np.arange(len(indices)), (indices != 0).argmax(axis=1)]
    indices = indices[first_nonzero > 0]
    lengths = np.linalg.norm(indices @ primitive @ crystal.cell, axis=1)
    order = np.argsort(np.round(lengths, 6), kind="stable")
    count = int((lengths <= lengths[order[RANDOM_AXES - 1]] + 1e-6).sum())
    axes = np.round(indices[order[:count]] @ primitive * 6).astype(int)
    return axes // np.gcd.reduce(axes, axis=1)[:, None]
