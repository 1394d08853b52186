"""Random crystals of a given space group, drawn so that metadata do not give the group away.

How many atoms of each element a conventional cell holds is drawn first, from one list for all groups of a crystal
system; then the volume, the elements and the shape of the cell, none of which looks at the group. Only then are the
atoms put on the group's positions. What a table of formulas, volumes and numbers of atoms shows is so the same for all
groups of a system, and a network has to look at the patterns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.chemistry import Wanted, any_elements
from benchmark.simulation.crystal import (
    Crystal,
    cell_from_parameters,
    crystal_system,
    shortest_distance_angstrom,
    standardised,
)
from benchmark.simulation.realistic import draw_realistic_crystal
from benchmark.simulation.recipes import CrystalRecipe
from benchmark.simulation.symmetry import Site, orbit, sites

ATTEMPTS = 4000
"""Placements tried for one crystal before the recipe is called impossible for the group."""
PLACEMENTS_PER_CELL = 40
"""Placements tried before a new cell shape is drawn at the same volume and composition."""


def draw_crystal(
    space_group: int, recipe: CrystalRecipe, generator: np.random.Generator, wanted: Wanted = any_elements
) -> Crystal:
    """A random crystal of a space group, in the standardised conventional cell; the same for the same generator.

    `wanted` is asked of atomic numbers, which are drawn again until it says yes. Raises StemdlError where the recipe's
    element counts or shortest distance cannot be met in that group.
    """
    if recipe.realistic is not None:
        return draw_realistic_crystal(space_group, recipe, recipe.realistic, generator, wanted)
    import gemmi

    system = crystal_system(space_group)
    counts = recipe.element_counts[system][generator.integers(len(recipe.element_counts[system]))]
    while True:
        symbols = generator.choice(np.array(recipe.elements), size=len(counts), replace=False)
        elements = np.array([gemmi.Element(str(symbol)).atomic_number for symbol in symbols])
        if wanted(elements.tolist()):
            break
    order = generator.permutation(len(counts))
    counts = tuple(counts[i] for i in order)
    volume = sum(counts) * generator.uniform(*recipe.volume_per_atom_angstrom3)
    for attempt in range(ATTEMPTS):
        if attempt % PLACEMENTS_PER_CELL == 0:
            cell = _random_cell(system, volume, generator)
        chosen = _choose_sites(space_group, counts, generator)
        if chosen is None:
            continue
        placed = _place(space_group, cell, chosen, recipe.shortest_distance_angstrom, generator)
        if placed is None:
            continue
        numbers = np.concatenate([np.full(len(points), elements[element]) for element, points in placed])
        crystal = standardised(cell, numbers, np.concatenate([points for _, points in placed]))
        if crystal is not None and crystal.space_group == space_group and len(crystal.numbers) == sum(counts):
            return crystal
    raise StemdlError(
        f"no crystal of space group {space_group} was found in {ATTEMPTS} attempts",
        expected=f"{' + '.join(map(str, counts))} atoms in {volume:.0f} cubic Angstrom",
        remedy="give the group's crystal system other element_counts, or a shorter shortest_distance_angstrom",
    )


def _random_cell(system: str, volume: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Lattice vectors of a crystal system with axis ratios up to about 2, scaled to a volume in cubic Angstrom."""
    ratios = np.exp(generator.uniform(-0.35, 0.35, size=3))
    angles = np.full(3, 90.0)
    if system == "triclinic":
        angles = generator.uniform(65.0, 115.0, size=3)
    elif system == "monoclinic":
        angles[1] = generator.uniform(93.0, 120.0)
    elif system in ("trigonal", "hexagonal"):
        # Close-packed layers: c/a of real trigonal and hexagonal crystals reaches from about 0.6 to 4.
        angles[2] = 120.0
        ratios[2] *= 1.6
    if system in ("tetragonal", "trigonal", "hexagonal"):
        ratios[1] = ratios[0]
    elif system == "cubic":
        ratios[:] = 1.0
    cell = cell_from_parameters(ratios, angles)
    return cell * (volume / np.linalg.det(cell)) ** (1.0 / 3.0)


def _choose_sites(
    space_group: int, counts: tuple[int, ...], generator: np.random.Generator
) -> list[tuple[int, Site]] | None:
    """Sites whose multiplicities add up to each element's count, as (element, site); None where the draw ran dry."""
    by_multiplicity: dict[int, list[Site]] = {}
    for site in sites(space_group):
        by_multiplicity.setdefault(site.multiplicity, []).append(site)
    chosen: list[tuple[int, Site]] = []
    for element, count in enumerate(counts):
        while count:
            possible = [multiplicity for multiplicity in by_multiplicity if multiplicity <= count]
            if not possible:
                return None
            options = by_multiplicity[possible[generator.integers(len(possible))]]
            site = options[generator.integers(len(options))]
            chosen.append((element, site))
            count -= site.multiplicity
    return chosen


def _place(
    space_group: int, cell: NDArray, chosen: list[tuple[int, Site]], shortest: float, generator: np.random.Generator
) -> list[tuple[int, NDArray]] | None:
    """The atoms of each chosen site, as (element, points); None where some come closer than `shortest` Angstrom."""
    placed: list[tuple[int, NDArray]] = []
    # Fixed points first: what has no free coordinate cannot give way to the others.
    for element, site in sorted(chosen, key=lambda pair: len(pair[1].directions)):
        for _ in range(6 if len(site.directions) else 1):
            point = site.origin + generator.uniform(-1.0, 1.0, size=len(site.directions)) @ site.directions
            points = orbit(space_group, point)
            if len(points) != site.multiplicity:
                continue
            # What is placed has the group's symmetry, so one point of an orbit sees the same distances as all of it.
            together = np.concatenate([*(atoms for _, atoms in placed), points])
            if shortest_distance_angstrom(cell, points[0], together) >= shortest:
                placed.append((element, points))
                break
        else:
            return None
    return placed
