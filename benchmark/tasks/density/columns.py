"""A crystal under the beam as columns of atoms: in any orientation, over any square, with every column's own number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.orientation import short_axes
from benchmark.simulation.zone import Zone, project

SAME_COLUMN_ANGSTROM = 0.02
"""Atoms of a cell that lie as close in projection are of one column: symmetry puts them exactly over one another."""
DECIMALS, TINY = 5, 1e-5
"""The difference of lengths and angles that are the same but for rounding; places this little below 0 are at 0."""


@dataclass(frozen=True)
class CrystalView:
    """How a crystal lies under the beam.

    Attributes
    ----------
    axis : the lattice direction along the beam. right : another one, which gives the in-plane angle its zero.
    turn : in-plane angle in radians. tilt : in radians about x and about y, off the axis.
    shift : of the cell, in fractions of the projected lattice's two vectors and of the repeat along the beam.
    """

    axis: tuple[int, int, int]
    right: tuple[float, float, float]
    turn: float
    tilt: tuple[float, float]
    shift: tuple[float, float, float]


def draw_view(crystal: Crystal, zone_axes: int, tilt_mrad: float, generator: np.random.Generator) -> CrystalView:
    """One of the crystal's shortest lattice vectors along the beam, turned and moved anyhow, tilted a little."""
    axes = short_axes(crystal)
    chosen = int(generator.integers(min(zone_axes, len(axes))))
    axis = axes[chosen] * generator.choice((-1, 1))
    other = axes[0 if chosen else 1]
    turn, (tilt_x, tilt_y), shift = generator.uniform(0.0, 2.0 * np.pi), generator.normal(size=2), generator.random(3)
    return CrystalView(
        tuple(map(int, axis)),
        tuple(map(float, other)),
        float(turn),
        (1e-3 * tilt_mrad * float(tilt_x), 1e-3 * tilt_mrad * float(tilt_y)),
        (float(shift[0]), float(shift[1]), float(shift[2])),
    )


@dataclass
class AtomColumns:
    """Atoms by column, (m,) of each: what defects act upon, before the tilt and the cut.

    Attributes
    ----------
    numbers : atomic numbers. positions : (m, 3) Angstrom, the beam along z. column : of each atom, from 0 to `count`.
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    column: NDArray[np.int64]
    count: int

    def kept(self, which: NDArray[np.bool_]) -> AtomColumns:
        return AtomColumns(self.numbers[which], self.positions[which], self.column[which], self.count)


def columns_of(crystal: Crystal, view: CrystalView, across_angstrom: float, thickness_angstrom: float) -> AtomColumns:
    """All atoms of a crystal over a square of that side around the origin, from z = 0 to the thickness, and more than
    those: whole cells, whose number follows from the lattice and not from which atoms are inside."""
    zone = settled(_primitive(project(crystal, view.axis, view.right)))
    sites = _sites(zone)
    reach = across_angstrom / np.sqrt(2.0) + np.linalg.norm(zone.lattice, axis=1).sum()
    cells = np.ceil(reach * np.linalg.norm(np.linalg.inv(zone.lattice), axis=0)).astype(int)
    u, v = (np.arange(-count, count + 1) for count in cells)
    along = np.arange(-2, int(np.ceil(thickness_angstrom / zone.repeat_angstrom)) + 2)
    plane = (zone.positions[:, None, None, :] + np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1)) @ zone.lattice
    # Lattice vectors across the beam may climb along it; the reciprocal lattice's shift says by how much.
    height = (zone.heights[:, None, None] - plane @ zone.layer_shift + view.shift[2]) % 1.0 * zone.repeat_angstrom
    z = height[..., None] + zone.repeat_angstrom * along
    plane = plane + view.shift[:2] @ zone.lattice
    x, y = plane[..., 0], plane[..., 1]
    cosine, sine = np.cos(view.turn), np.sin(view.turn)
    turned = (cosine * x - sine * y)[..., None], (sine * x + cosine * y)[..., None]
    shape = z.shape
    positions = np.stack([*(np.broadcast_to(part, shape) for part in turned), z], axis=-1)
    cell = np.arange(len(u) * len(v)).reshape(1, len(u), len(v))
    column = sites[:, None, None] * cell.size + cell
    return AtomColumns(
        np.broadcast_to(zone.numbers[:, None, None, None], shape).ravel(),
        positions.reshape(-1, 3),
        np.broadcast_to(column[..., None], shape).ravel(),
        (int(sites.max()) + 1) * cell.size,
    )


def _primitive(zone: Zone) -> Zone:
    """The zone with one atom of each: those of the conventional cell are several of each, where it is centred."""
    places = np.column_stack([zone.positions, zone.heights])
    difference = places[:, None] - places[None]
    difference -= np.round(difference)
    across = np.linalg.norm(difference[..., :2] @ zone.lattice, axis=-1)
    distance = across + zone.repeat_angstrom * np.abs(difference[..., 2])
    first = (distance < SAME_COLUMN_ANGSTROM).argmax(axis=1) == np.arange(len(places))
    return replace(zone, positions=zone.positions[first], numbers=zone.numbers[first], heights=zone.heights[first])


def settled(zone: Zone) -> Zone:
    """The same zone in the one basis that no rounding chooses, each atom in its cell: every column keeps its number,
    and its random numbers, on every processor.

    The vectors are the shortest ones, of equally long ones those at the least angle from x, counter-clockwise.
    """
    few = np.arange(-2, 3)
    vectors = np.stack(np.meshgrid(few, few), axis=-1).reshape(-1, 2) @ zone.lattice
    lengths = np.round(np.linalg.norm(vectors, axis=1), DECIMALS)
    angles = np.round((np.arctan2(vectors[:, 1], vectors[:, 0]) + TINY) % (2.0 * np.pi), DECIMALS)
    ordered = vectors[np.lexsort((angles, lengths))][1:]  # less the null vector
    areas = ordered[0, 0] * ordered[:, 1] - ordered[0, 1] * ordered[:, 0]
    cell = abs(np.linalg.det(zone.lattice))
    lattice = np.array([ordered[0], ordered[np.flatnonzero(np.abs(areas / cell - 1.0) < TINY)[0]]])
    positions = zone.positions @ zone.lattice @ np.linalg.inv(lattice)
    return replace(zone, lattice=lattice, positions=positions - np.floor(positions + TINY))


def _sites(zone: Zone) -> NDArray[np.int64]:
    """(n,) which atoms of the cell lie over one another: the number of the first of them."""
    difference = zone.positions[:, None] - zone.positions[None]
    distance = np.linalg.norm((difference - np.round(difference)) @ zone.lattice, axis=-1)
    return np.unique((distance < SAME_COLUMN_ANGSTROM).argmax(axis=1), return_inverse=True)[1]


def tilted(positions: NDArray[np.float64], tilt: tuple[float, float]) -> NDArray[np.float64]:
    """Turned about x, then about y, by so many radians."""
    (cos_x, cos_y), (sin_x, sin_y) = np.cos(tilt), np.sin(tilt)
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cos_x, -sin_x], [0.0, sin_x, cos_x]])
    about_y = np.array([[cos_y, 0.0, sin_y], [0.0, 1.0, 0.0], [-sin_y, 0.0, cos_y]])
    return positions @ (about_y @ about_x).T
