"""Random crystals that stand in for real ones: their chemistry, sizes, positions and pseudo-symmetry.

A crystal is drawn in a supergroup of the wanted space group (`supergroup`), with the shortest distances and the volume
that its elements ask for; then atoms are displaced, elements reordered and the cell strained as far as the wanted group
allows. What remains looks like what it was, as real crystals of low symmetry do, and only the pattern's small
asymmetries tell it from its parent.

Of a share of the crystals, what a table of compounds would show (elements, numbers of atoms, volume) is drawn from one
distribution for all groups of a crystal system and then held on to until atoms are found to fit. If that share is s,
metadata alone tell two groups of a system apart with a balanced accuracy of 1 - s / 2 at most, however different the
other crystals are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.chemistry import Composition, Wanted, any_elements, atom_volume_angstrom3, draw_composition
from benchmark.simulation.crystal import Crystal, crystal_system, standardised
from benchmark.simulation.lattice import draw_lattice
from benchmark.simulation.occupation import Chooser
from benchmark.simulation.placement import distorted, placed, roomy
from benchmark.simulation.recipes import CrystalRecipe, Realistic
from benchmark.simulation.supergroup import Path, extensions, supergroup, supergroup_sites
from benchmark.simulation.symmetry import operations

ATTEMPTS = 1200
"""Crystals tried before the recipe is called impossible for the group."""
ATTEMPTS_WITH_SHARED_METADATA, ATTEMPTS_PER_SHARED_METADATA = 600, 300
"""Those with shared metadata, after which a group that cannot make them draws its own; and with the same. They are
kept for long, since those that are made most easily would otherwise give the group away."""
ATTEMPTS_PER_METADATA = 36
"""Attempts with the same elements and volume where they are a group's own."""
ATTEMPTS_PER_PARENT = 12
"""Attempts in the same supergroup."""

ONLY_IN_GENERAL_POSITIONS = frozenset({203, 209, 219, 226, 228})
"""Cubic groups whose smaller positions all have the symmetry of a larger group. Their crystals have 96 atoms at least,
so that the recipe's limit is lifted to the general position and a quarter more."""
TYPICAL_ATOMS = {
    "triclinic": 24,
    "monoclinic": 20,
    "orthorhombic": 16,
    "tetragonal": 6,
    "trigonal": 9,
    "hexagonal": 7,
    "cubic": 5,
}
"""Atoms in the primitive cell that half of the crystals have fewer of, where the group allows it: nature's large
asymmetric units are those of low symmetry."""
SPREAD_OF_ATOMS = 0.7
SPREAD_OF_VOLUME = 0.18
STEPS_UP = (0.30, 0.30, 0.25, 0.15)
"""Shares of crystals whose parent lies 0, 1, 2, 3 steps of index 2 above the group."""
REORDERED = 0.3
"""The share of a parent's positions that, split by the distortion, may be given different elements."""
CONTACTS = (0.90, 0.006, 0.70)
"""Shortest distance asked for, in units of the elements' contact distance: at first, less for each attempt, at last."""
CONTACTS_WHEN_DISTORTED = 0.85
"""What displacements leave of it."""


@dataclass(frozen=True)
class _Metadata:
    """What a table would show of a crystal: its elements, the atoms of each where they are shared, otherwise how many
    times more there are than is typical, and its volume in units of the typical one."""

    composition: Composition
    counts: tuple[int, ...] | None
    size_factor: float
    volume_factor: float

    @property
    def ionic(self) -> bool:
        return self.composition.anions > 0


def draw_realistic_crystal(
    space_group: int,
    recipe: CrystalRecipe,
    realistic: Realistic,
    generator: np.random.Generator,
    wanted: Wanted = any_elements,
) -> Crystal:
    """A random crystal of a space group, in the standardised conventional cell; the same for the same generator.

    `wanted` is asked of the atomic numbers of a composition, which is drawn again until it says yes. Raises StemdlError
    where none is found within the recipe's limits.
    """
    lists = recipe.element_counts[crystal_system(space_group)]
    shared = generator.random() < realistic.shared_counts
    for attempt in range(ATTEMPTS):
        shared = shared and attempt < ATTEMPTS_WITH_SHARED_METADATA
        if attempt % (ATTEMPTS_PER_SHARED_METADATA if shared else ATTEMPTS_PER_METADATA) == 0:
            counts = lists[generator.integers(len(lists))] if shared else None
            metadata = _draw_metadata(realistic, counts, generator, wanted)
        if attempt % ATTEMPTS_PER_PARENT == 0:
            path = _climb(space_group, generator)
        first, fall, last = CONTACTS
        crystal = _attempt(space_group, path, metadata, realistic, max(last, first - fall * attempt), generator)
        if crystal is not None:
            return crystal
    raise StemdlError(
        f"no crystal of space group {space_group} was found in {ATTEMPTS} attempts",
        expected=f"at most {realistic.most_atoms_per_cell} atoms and edges up to "
        f"{realistic.longest_edge_angstrom:g} Angstrom",
        remedy="give the recipe wider limits",
    )


def _draw_metadata(
    realistic: Realistic, counts: tuple[int, ...] | None, generator: np.random.Generator, wanted: Wanted
) -> _Metadata:
    ionic = bool(generator.random() < realistic.anion_rich)
    factors = np.exp(generator.normal((0.0, 0.05), (SPREAD_OF_ATOMS, SPREAD_OF_VOLUME))).tolist()
    if counts is None:
        return _Metadata(draw_composition(ionic, generator, wanted=wanted), None, *factors)
    # Anions come first in a composition and are the most numerous in a salt.
    counts = tuple(sorted(counts, reverse=True)) if ionic else tuple(generator.permutation(counts).tolist())
    return _Metadata(draw_composition(ionic, generator, len(counts), wanted), counts, *factors)


def _climb(space_group: int, generator: np.random.Generator) -> Path:
    path: Path = ()
    for _ in range(generator.choice(len(STEPS_UP), p=STEPS_UP)):
        ways = len(extensions(space_group, path)[0])
        if not ways:
            break
        path = (*path, int(generator.integers(ways)))
    return path


def _attempt(
    space_group: int,
    path: Path,
    metadata: _Metadata,
    realistic: Realistic,
    least_contact: float,
    generator: np.random.Generator,
) -> Crystal | None:
    """One try at a crystal; None where positions ran out, atoms came too close or the group is another one."""
    most_atoms = realistic.most_atoms_per_cell
    if space_group in ONLY_IN_GENERAL_POSITIONS:
        most_atoms = max(most_atoms, len(operations(space_group)[0]) * 5 // 4)
    chooser = Chooser(supergroup_sites(space_group, path), most_atoms, generator)
    if metadata.counts is None:
        centring = int((operations(space_group)[0] == np.eye(3)).all(axis=(1, 2)).sum())
        median = TYPICAL_ATOMS[crystal_system(space_group)] * centring
        occupied = chooser.freely(metadata.composition, median * metadata.size_factor)
    else:
        occupied = chooser.counted(metadata.composition, metadata.counts)
    if occupied is None:
        return None
    volume = metadata.volume_factor * sum(atom_volume_angstrom3(one.number) * one.site.multiplicity for one in occupied)
    cell = draw_lattice(space_group, path, volume, generator)
    if np.linalg.norm(cell, axis=1).max() > realistic.longest_edge_angstrom:
        return None
    atoms = placed(cell, supergroup(space_group, path), occupied, metadata.ionic, least_contact, generator)
    if atoms is not None and path:
        reordered = 0.0 if metadata.counts else REORDERED
        atoms = distorted(cell, operations(space_group), atoms, metadata.composition, reordered, generator)
        if atoms is not None and not roomy(cell, atoms, metadata.ionic, CONTACTS_WHEN_DISTORTED * least_contact):
            return None
    if atoms is None:
        return None
    crystal = standardised(
        cell,
        np.concatenate([np.full(len(points), number) for number, points in atoms]),
        np.concatenate([points for _, points in atoms]),
    )
    kept = (
        crystal is not None
        and crystal.space_group == space_group
        and len(crystal.numbers) <= most_atoms
        and crystal.lengths_angstrom.max() <= realistic.longest_edge_angstrom
    )
    return crystal if kept else None
