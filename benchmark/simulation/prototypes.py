"""New compounds in known structures: a prototype's elements are exchanged for others, and its cell for one that fits.

Elements are exchanged kind by kind, anions for anions and cations for cations (`chemistry`), the volume is the one that
the new elements ask for, and axis ratios and free coordinates move a little within the prototype's symmetry.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.chemistry import atom_volume_angstrom3, contact_angstrom, draw_composition, is_anion
from benchmark.simulation.crystal import Crystal, nearest_angstrom, standardised
from benchmark.simulation.supergroup import symmetrised_metric
from benchmark.simulation.symmetry import kept_by_site, operations, orbit_under, parts_under

ATTEMPTS = 60
SPREAD_OF_VOLUME = 0.12
STRAIN = 0.03
"""Spread of the logarithms of edges and of the cosines between them, as far as the crystal system leaves them free."""
DISPLACEMENT_ANGSTROM = 0.08
LEAST_CONTACT = 0.60
"""Shortest distance in units of the elements' contact distance; prototypes of real compounds keep 0.8 as a rule."""


def substituted(prototype: Crystal, generator: np.random.Generator) -> Crystal:
    """A new compound of a prototype's structure and space group; the same for the same generator.

    Raises StemdlError where none of many sets of elements leaves the atoms apart and the group what it was.
    """
    for _ in range(ATTEMPTS):
        numbers = _exchanged(prototype.numbers, generator)
        cell = _cell(prototype, numbers, generator)
        positions = _moved(prototype, cell, generator)
        if positions is None or not _apart(cell, numbers, positions):
            continue
        crystal = standardised(cell, numbers, positions)
        if crystal is not None and crystal.space_group == prototype.space_group:
            return crystal
    raise StemdlError(
        "no elements fit into the prototype",
        found=f"{prototype.formula}, {prototype.space_group}",
        remedy="leave this prototype out",
    )


def _exchanged(numbers: NDArray, generator: np.random.Generator) -> NDArray[np.int64]:
    """Other elements in the places of a prototype's; anions stay anions where there are cations as well."""
    old = [int(number) for number in np.unique(numbers)]
    anions = [number for number in old if is_anion(number)]
    others = [number for number in old if not is_anion(number)]
    new: dict[int, int] = {}
    if anions and others:
        while len(new) < len(anions):
            candidate = draw_composition(True, generator, 2).numbers[0]
            if candidate not in new.values():
                new[anions[len(new)]] = candidate
    else:
        others = old
    new.update(zip(others, draw_composition(False, generator, len(others)).numbers, strict=True))
    return np.array([new[int(number)] for number in numbers], dtype=np.int64)


def _cell(prototype: Crystal, numbers: NDArray, generator: np.random.Generator) -> NDArray[np.float64]:
    metric = prototype.cell @ prototype.cell.T
    strain = generator.normal(0.0, STRAIN, size=(3, 3))
    strained = (np.eye(3) + (strain + strain.T) / 2.0) * metric
    factors = np.exp(generator.normal(0.0, STRAIN, size=3))
    metric = symmetrised_metric(strained * np.outer(factors, factors), operations(prototype.space_group))
    cell = np.linalg.cholesky(metric)
    volume = sum(atom_volume_angstrom3(int(number)) for number in numbers)
    return cell * (volume * np.exp(generator.normal(0.0, SPREAD_OF_VOLUME)) / np.linalg.det(cell)) ** (1.0 / 3.0)


def _moved(prototype: Crystal, cell: NDArray, generator: np.random.Generator) -> NDArray[np.float64] | None:
    """Positions in the order of the prototype's atoms, moved within their site symmetry; None where two would meet."""
    group = operations(prototype.space_group)
    to_fractions = np.linalg.inv(cell)
    moved = np.empty_like(prototype.positions)
    for number in np.unique(prototype.numbers):
        places = np.flatnonzero(prototype.numbers == number)
        points = []
        for part in parts_under(group, prototype.positions[places]):
            shift = generator.normal(0.0, DISPLACEMENT_ANGSTROM, size=3) @ to_fractions
            orbit = orbit_under(group, part[0] + kept_by_site(group, part[0]) @ shift)
            if len(orbit) != len(part):
                return None
            points.append(orbit)
        moved[places] = np.concatenate(points)
    return moved


def _apart(cell: NDArray, numbers: NDArray, positions: NDArray) -> bool:
    ionic = any(is_anion(int(number)) for number in numbers)
    return all(
        (
            nearest_angstrom(cell, position, positions)
            >= LEAST_CONTACT * np.array([contact_angstrom(int(number), int(other), ionic) for other in numbers])
        ).all()
        for number, position in zip(numbers, positions, strict=True)
    )
