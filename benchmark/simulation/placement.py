"""Atoms on the positions of a space group: where there is room for them, and displaced as far as a subgroup allows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.chemistry import Composition, contact_angstrom, draw_composition, is_anion
from benchmark.simulation.crystal import all_nearest_angstrom
from benchmark.simulation.occupation import Occupied
from benchmark.simulation.symmetry import Operations, distinct, kept_by_site, orbit_under, parts_under

POSITIONS_TRIED = 16
"""Free coordinates tried for a site: the first with room enough is taken, otherwise the one with the most."""
DISPLACEMENT_ANGSTROM = (0.15, 0.70)
"""Root mean square, log-uniform; less than the label's own tolerance would not be seen."""

Atoms = list[tuple[int, NDArray[np.float64]]]
"""Atomic number and points (m, 3) of each occupied position."""


def placed(
    cell: NDArray,
    group: Operations,
    occupied: Sequence[Occupied],
    ionic: bool,
    least_contact: float,
    generator: np.random.Generator,
) -> Atoms | None:
    """The atoms of each position, points first, each where it has room, or the most; None where one has too little."""
    rotations, translations = group
    atoms: Atoms = []
    for one in sorted(occupied, key=lambda one: len(one.site.directions)):
        site = one.site
        steps = generator.uniform(
            -1.0, 1.0, size=(POSITIONS_TRIED if len(site.directions) else 1, len(site.directions))
        )
        points = site.origin + steps @ site.directions
        images = (np.einsum("mij,tj->tmi", rotations, points) + translations) % 1.0
        images = images[:, distinct(images[0])]
        if images.shape[1] != site.multiplicity:
            return None
        rooms = _rooms(cell, images, one.number, atoms, ionic)
        best = int(np.round(np.minimum(rooms, 1.0), 9).argmax())  # the first of those alike but for their last bits
        if rooms[best] < least_contact:
            return None
        atoms.append((one.number, images[best]))
    return atoms


def _rooms(cell: NDArray, images: NDArray, number: int, atoms: Atoms, ionic: bool) -> NDArray[np.float64]:
    """For each of several orbits (t, m, 3) that atoms of an element may take next to others: the distance between
    nearest neighbours, in units of their contact distance."""
    others = np.concatenate([np.zeros((0, 3)), *(points for _, points in atoms)])
    around = np.concatenate([images, np.broadcast_to(others, (len(images), *others.shape))], axis=1)
    contacts = np.repeat(
        [contact_angstrom(number, other, ionic) for other in (number, *(other for other, _ in atoms))],
        [images.shape[1], *(len(points) for _, points in atoms)],
    )
    distances = all_nearest_angstrom(cell, images[:, 0], around, np.zeros(len(images), dtype=np.int64))
    return (distances / contacts).min(axis=1)


def roomy(cell: NDArray, atoms: Atoms, ionic: bool, least_contact: float) -> bool:
    """Whether no two atoms come too close. One point of a position stands for all of it."""
    return all(
        _rooms(cell, points[None], number, [*atoms[:place], *atoms[place + 1 :]], ionic)[0] >= least_contact
        for place, (number, points) in enumerate(atoms)
    )


def distorted(
    cell: NDArray,
    group: Operations,
    atoms: Atoms,
    composition: Composition,
    reordered: float,
    generator: np.random.Generator,
) -> Atoms | None:
    """The parent's atoms displaced, and here and there given other elements, as far as the group allows.

    None where a displaced position falls onto another one of its own.
    """
    low, high = np.log(DISPLACEMENT_ANGSTROM)
    amplitude = np.exp(generator.uniform(low, high)) / np.sqrt(3.0)
    to_fractions = np.linalg.inv(cell)
    moved_atoms: Atoms = []
    for number, points in atoms:
        parts = parts_under(group, points)
        reorder = (
            len(parts) > 1 and generator.random() < reordered and not (is_anion(number) and generator.random() < 0.7)
        )
        alike = [other for other in composition.numbers if is_anion(other) == is_anion(number)]
        if reorder and len(alike) == 1 and not is_anion(number):
            alike += draw_composition(False, generator, 1).numbers
        for part in parts:
            point = part[0]
            shift = kept_by_site(group, point) @ (generator.normal(0.0, amplitude, size=3) @ to_fractions)
            moved = orbit_under(group, point + shift)
            if len(moved) != len(part):
                return None
            moved_atoms.append((alike[generator.integers(len(alike))] if reorder else number, moved))
    return moved_atoms
