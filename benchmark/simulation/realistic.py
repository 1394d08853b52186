"""Random crystals that stand in for real ones: their chemistry, sizes, positions and pseudo-symmetry.

A crystal is drawn in a supergroup of the wanted space group (`supergroup`), with the shortest distances and the volume
that its elements ask for; then atoms are displaced, elements reordered and the cell strained as far as the wanted group
allows. What remains looks like what it was, as real crystals of low symmetry do, and only the pattern's small
asymmetries tell it from its parent. A share of the crystals has numbers of atoms that all groups of a crystal system
draw from one list, so that metadata do not give the group away.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.rung import CrystalRecipe, Realistic
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.chemistry import (
    Composition,
    atom_volume_angstrom3,
    contact_angstrom,
    draw_composition,
    is_anion,
)
from benchmark.simulation.crystal import Crystal, crystal_system, nearest_angstrom, standardised
from benchmark.simulation.supergroup import (
    Path,
    extensions,
    supergroup,
    supergroup_sites,
    symmetrised_metric,
)
from benchmark.simulation.symmetry import Operations, Site, kept_by_site, operations, orbit_under, parts_under

ATTEMPTS = 1200
"""Crystals tried before the recipe is called impossible for the group."""
ATTEMPTS_WITH_SHARED_COUNTS, ATTEMPTS_PER_COUNTS = 480, 160
"""Those with shared numbers of atoms, after which a group that cannot make them draws its own; with the same numbers,
which have to be kept long, since those that are made most easily would else give the group away."""
ATTEMPTS_PER_ENTRY = 12
"""With the same parent, elements and volume, before others are drawn."""

ONLY_IN_GENERAL_POSITIONS = frozenset({203, 209, 219, 226, 228})
"""Cubic groups whose smaller positions all have the symmetry of a larger group. Their crystals have 96 atoms at least,
so that the recipe's limit is lifted to the general position and a quarter more."""
TYPICAL_ATOMS = {"triclinic": 30, "monoclinic": 24, "orthorhombic": 16, "tetragonal": 6, "trigonal": 9,
                 "hexagonal": 8, "cubic": 5}
"""Atoms in the primitive cell that half of the crystals have fewer of, where the group allows it: nature's large
asymmetric units are those of low symmetry."""
SPREAD_OF_ATOMS = 0.7
SPREAD_OF_VOLUME = 0.18
STEPS_UP = (0.30, 0.30, 0.25, 0.15)
"""Shares of crystals whose parent lies 0, 1, 2, 3 steps of index 2 above the group."""
DISPLACEMENT_ANGSTROM = (0.15, 0.70)
"""Root mean square, log-uniform; less than the label's own tolerance would not be seen."""
REORDERED = 0.3
"""The share of a parent's positions that, split by the distortion, may be given different elements."""
MOST_STRAIN = 0.5
"""The largest share of a lattice of the group itself that is mixed into that of its parent."""
SPREAD_OF_EDGES = 0.25
UNIAXIAL_STRETCH = 1.4
ELONGATED = 0.5
"""The share of lattices with one axis, mostly c, stretched by 1.3 to 3.2: layers and stacks."""
PREFERENCE_FOR_FEW = (0.0, 2.5)
"""Positions are chosen by their multiplicity to minus this power: real atoms sit on axes and mirror planes wherever
there are some."""
CONTACTS = (0.92, 0.003, 0.70)
"""Shortest distance asked for, in units of the elements' contact distance: at first, less for each attempt, at last."""
POSITIONS_TRIED = 10
"""Free coordinates tried for a site, the one with the most room being taken."""


@dataclass(frozen=True)
class _Occupied:
    """A position of the parent and the element on it."""

    site: Site
    number: int


@dataclass(frozen=True)
class _Entry:
    """What is kept while placements are tried: the parent, the elements, and where they are shared the numbers of
    their atoms."""

    path: Path
    composition: Composition
    counts: tuple[int, ...] | None
    volume_factor: float

    @property
    def ionic(self) -> bool:
        return self.composition.anions > 0


def draw_realistic_crystal(
    space_group: int, recipe: CrystalRecipe, realistic: Realistic, generator: np.random.Generator
) -> Crystal:
    """A random crystal of a space group, in the standardised conventional cell; the same for the same generator.

    Raises StemdlError where none is found within the recipe's limits.
    """
    shared = generator.random() < realistic.shared_counts
    lists = recipe.element_counts[crystal_system(space_group)]
    for attempt in range(ATTEMPTS):
        if attempt % ATTEMPTS_PER_COUNTS == 0:
            shares = shared and attempt < ATTEMPTS_WITH_SHARED_COUNTS
            counts = lists[generator.integers(len(lists))] if shares else None
        if attempt % ATTEMPTS_PER_ENTRY == 0:
            entry = _entry(space_group, realistic, counts, generator)
        first, fall, last = CONTACTS
        crystal = _attempt(space_group, entry, realistic, max(last, first - fall * attempt), generator)
        if crystal is not None:
            return crystal
    raise StemdlError(
        f"no crystal of space group {space_group} was found in {ATTEMPTS} attempts",
        expected=f"at most {realistic.most_atoms_per_cell} atoms and edges up to "
                 f"{realistic.longest_edge_angstrom:g} Angstrom",
        remedy="give the recipe wider limits",
    )


def _entry(
    space_group: int, realistic: Realistic, counts: tuple[int, ...] | None, generator: np.random.Generator
) -> _Entry:
    path = _climb(space_group, generator)
    ionic = bool(generator.random() < realistic.anion_rich)
    factor = float(np.exp(generator.normal(0.05, SPREAD_OF_VOLUME)))
    if counts is None:
        return _Entry(path, draw_composition(ionic, generator), None, factor)
    # Anions come first in a composition and are the most numerous in a salt.
    counts = tuple(sorted(counts, reverse=True)) if ionic else tuple(generator.permutation(counts).tolist())
    return _Entry(path, draw_composition(ionic, generator, len(counts)), counts, factor)


def _attempt(
    space_group: int, entry: _Entry, realistic: Realistic, least_contact: float, generator: np.random.Generator
) -> Crystal | None:
    """One try at a crystal; None where positions ran out, atoms came too close or the group is another one."""
    path = entry.path
    most_atoms = realistic.most_atoms_per_cell
    if space_group in ONLY_IN_GENERAL_POSITIONS:
        most_atoms = max(most_atoms, len(operations(space_group)[0]) * 5 // 4)
    chooser = _Chooser(supergroup_sites(space_group, path), most_atoms, generator)
    if entry.counts is None:
        centring = int((operations(space_group)[0] == np.eye(3)).all(axis=(1, 2)).sum())
        median = TYPICAL_ATOMS[crystal_system(space_group)] * centring
        occupied = chooser.freely(entry.composition, median * np.exp(generator.normal(0.0, SPREAD_OF_ATOMS)))
    else:
        occupied = chooser.counted(entry.composition, entry.counts)
    if occupied is None:
        return None
    volume = entry.volume_factor * sum(atom_volume_angstrom3(one.number) * one.site.multiplicity for one in occupied)
    cell = _cell(space_group, path, volume, generator)
    if np.linalg.norm(cell, axis=1).max() > realistic.longest_edge_angstrom:
        return None
    atoms = _placed(cell, supergroup(space_group, path), occupied, entry.ionic, least_contact, generator)
    if atoms is not None and path:
        reordered = 0.0 if entry.counts else REORDERED
        atoms = _distorted(cell, operations(space_group), atoms, entry.composition, reordered, generator)
        if atoms is not None and not _roomy(cell, atoms, entry.ionic, 0.85 * least_contact):
            return None
    if atoms is None:
        return None
    crystal = standardised(cell, np.concatenate([np.full(len(points), number) for number, points in atoms]),
                           np.concatenate([points for _, points in atoms]))
    kept = (crystal is not None and crystal.space_group == space_group
            and len(crystal.numbers) <= most_atoms
            and crystal.lengths_angstrom.max() <= realistic.longest_edge_angstrom)
    return crystal if kept else None


def _climb(space_group: int, generator: np.random.Generator) -> Path:
    path: Path = ()
    for _ in range(generator.choice(len(STEPS_UP), p=STEPS_UP)):
        ways = len(extensions(space_group, path)[0])
        if not ways:
            break
        path = (*path, int(generator.integers(ways)))
    return path


class _Chooser:
    """Picks positions. Each crystal has its own taste: some have all atoms on mirror planes, some in general places."""

    def __init__(self, sites: Sequence[Site], most_atoms: int, generator: np.random.Generator) -> None:
        self._sites, self._most_atoms, self._generator = sites, most_atoms, generator
        self._multiplicities = np.array([site.multiplicity for site in sites])
        kinds = [(site.multiplicity, len(site.directions)) for site in sites]
        preference = generator.uniform(*PREFERENCE_FOR_FEW)
        taste = {kind: kind[0] ** -preference * np.exp(generator.normal(0.0, 1.2)) / kinds.count(kind)
                 for kind in sorted(set(kinds))}
        self._weights = np.array([taste[kind] for kind in kinds]) * np.exp(generator.normal(0.0, 0.5, len(sites)))

    def _pick(self, most_atoms: int) -> Site | None:
        weights = self._weights * (self._multiplicities <= most_atoms)
        if not weights.any():
            return None
        index = self._generator.choice(len(weights), p=weights / weights.sum())
        if not len(self._sites[index].directions):
            self._weights[index] = 0.0  # a point holds one atom
        return self._sites[index]

    def counted(self, composition: Composition, counts: Sequence[int]) -> list[_Occupied] | None:
        """Positions whose multiplicities add up to each element's number of atoms."""
        occupied: list[_Occupied] = []
        for number, left in zip(composition.numbers, counts, strict=True):
            while left:
                site = self._pick(left)
                if site is None:
                    return None
                occupied.append(_Occupied(site, number))
                left -= site.multiplicity
        return occupied

    def freely(self, composition: Composition, atoms: float) -> list[_Occupied] | None:
        """Positions for about as many atoms as wanted, with every element on one at least; the larger ones are more
        often the anions'."""
        chosen: list[Site] = []
        total = 0
        while total < min(atoms, self._most_atoms) or len(chosen) < len(composition.numbers):
            site = self._pick(self._most_atoms - total)
            if site is None:
                return None
            chosen.append(site)
            total += site.multiplicity
        ranks = [site.multiplicity * np.exp(self._generator.normal(0.0, 0.5)) for site in chosen]
        occupied = []
        for place, index in enumerate(np.argsort(ranks)[::-1]):
            if place < len(composition.numbers):
                number = composition.numbers[place]
            elif composition.anions and self._generator.random() < 0.7:
                number = composition.numbers[self._generator.integers(composition.anions)]
            else:
                number = composition.numbers[self._generator.integers(len(composition.numbers))]
            occupied.append(_Occupied(chosen[index], number))
        return occupied


def _cell(space_group: int, path: Path, volume: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Lattice vectors as rows: a random lattice made as symmetric as the parent asks, strained towards the group."""
    lengths = _typical_edges(space_group) * np.exp(generator.normal(0.0, SPREAD_OF_EDGES, size=3))
    if generator.random() < ELONGATED:
        lengths[generator.choice(3, p=(0.2, 0.2, 0.6))] *= generator.uniform(1.3, 3.2)
    cosines = np.cos(np.radians(np.clip(generator.normal(90.0, generator.choice([3.0, 10.0, 18.0]), 3), 65.0, 115.0)))
    directions = np.eye(3)
    for cosine, (i, j) in zip(cosines, ((1, 2), (0, 2), (0, 1)), strict=True):
        directions[i, j] = directions[j, i] = cosine
    metric = directions * np.outer(lengths, lengths)
    parent, own = (symmetrised_metric(metric, group) for group in (supergroup(space_group, path),
                                                                   operations(space_group)))
    strain = MOST_STRAIN * generator.random() ** 2 if path else 1.0
    parent, own = (one / np.linalg.det(one) ** (1.0 / 3.0) for one in (parent, own))
    cell = np.linalg.cholesky((1.0 - strain) * parent + strain * own)
    return cell * (volume / np.linalg.det(cell)) ** (1.0 / 3.0)


@functools.cache
def _typical_edges(space_group: int) -> NDArray[np.float64]:
    """Edges of a conventional cell in proportion: those that make the primitive cell about as long as wide, stretched
    along the one axis of the tetragonal, trigonal and hexagonal systems, as most real ones are."""
    rotations, translations = operations(space_group)
    centring = translations[(rotations == np.eye(3)).all(axis=(1, 2))]
    shifts = centring[centring.any(axis=1)]
    edges = np.ones(3)
    if len(shifts) == 2:  # a rhombohedral lattice in hexagonal axes; this ratio is a cube's
        edges[2] = 6.0**0.5
    elif crystal_system(space_group) in ("tetragonal", "trigonal", "hexagonal"):
        edges[2] = UNIAXIAL_STRETCH
    elif len(shifts) == 1 and np.count_nonzero(shifts[0]) == 2:  # one face centred
        edges[shifts[0] != 0.0] = 2.0**0.5
    return edges


Atoms = list[tuple[int, NDArray[np.float64]]]
"""Atomic number and points (m, 3) of each occupied position."""


def _placed(
    cell: NDArray,
    group: Operations,
    occupied: Sequence[_Occupied],
    ionic: bool,
    least_contact: float,
    generator: np.random.Generator,
) -> Atoms | None:
    """The atoms of each position, points first, each where it has the most room; None where one has too little."""
    atoms: Atoms = []
    for one in sorted(occupied, key=lambda one: len(one.site.directions)):
        site, best, room = one.site, None, least_contact
        for _ in range(POSITIONS_TRIED if len(site.directions) else 1):
            point = site.origin + generator.uniform(-1.0, 1.0, size=len(site.directions)) @ site.directions
            points = orbit_under(group, point)
            if len(points) != site.multiplicity:
                continue
            found = _room(cell, points[0], one.number, [*atoms, (one.number, points)], ionic)
            if found > room:
                best, room = points, found
                if room > 1.0:
                    break
        if best is None:
            return None
        atoms.append((one.number, best))
    return atoms


def _room(cell: NDArray, point: NDArray, number: int, atoms: Atoms, ionic: bool) -> float:
    """From an atom to its nearest neighbour (itself in the next cell included), in units of their contact distance."""
    distances = nearest_angstrom(cell, point, np.concatenate([points for _, points in atoms]))
    contacts = np.repeat([contact_angstrom(number, other, ionic) for other, _ in atoms],
                         [len(points) for _, points in atoms])
    return float((distances / contacts).min())


def _roomy(cell: NDArray, atoms: Atoms, ionic: bool, least_contact: float) -> bool:
    """Whether no two atoms come too close. One point of a position stands for all of it."""
    return all(_room(cell, points[0], number, atoms, ionic) >= least_contact for number, points in atoms)


def _distorted(
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
    distorted: Atoms = []
    for number, points in atoms:
        parts = parts_under(group, points)
        reorder = (len(parts) > 1 and generator.random() < reordered
                   and not (is_anion(number) and generator.random() < 0.7))
        alike = [other for other in composition.numbers if is_anion(other) == is_anion(number)]
        if reorder and len(alike) == 1 and not is_anion(number):
            alike += draw_composition(False, generator, 1).numbers
        for part in parts:
            point = part[0]
            shift = kept_by_site(group, point) @ (generator.normal(0.0, amplitude, size=3) @ to_fractions)
            moved = orbit_under(group, point + shift)
            if len(moved) != len(part):
                return None
            distorted.append((alike[generator.integers(len(alike))] if reorder else number, moved))
    return distorted
