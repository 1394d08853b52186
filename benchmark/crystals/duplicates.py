"""Which materials are one: the same reduced formula, the same space group, and lattices within a tolerance.

Lattices are compared by the lengths of seven vectors, the shortest of each non-zero class of the lattice modulo twice
itself (the vonorms of Conway & Sloane, Proc. R. Soc. Lond. A 436 (1992) 55). They do not depend on the cell by which a
lattice is described, and change continuously with it, where reduced cells jump.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, product
from math import gcd, log

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.crystal import Crystal, crystal_system

LATTICE_TOLERANCE = 0.03
"""Relative difference of each of the seven lengths below which two lattices are one. Relaxations of one compound by
two functionals, or at two temperatures, differ by 1 to 2 %."""

ARRANGEMENT_TOLERANCE_ANGSTROM = 0.2
"""Relaxations of one compound move atoms by some hundredths; sites of other free coordinates lie farther apart."""

_FAMILIES = {
    "triclinic": "a",
    "monoclinic": "m",
    "orthorhombic": "o",
    "tetragonal": "t",
    "trigonal": "h",
    "hexagonal": "h",
    "cubic": "c",
}

Formula = tuple[tuple[int, int], ...]
"""Atomic numbers, rising, each with its count."""


@dataclass(frozen=True)
class Compound:
    """What materials are compared by.

    Attributes
    ----------
    identifier : of the material; decides nothing but which of several names a set of duplicates.
    formula : reduced (`reduced_formula`); empty where it is not known.
    space_group : 1 to 230.
    lengths_angstrom, angles_degrees : a, b, c and alpha, beta, gamma of a cell; None where they are not known.
    primitive : whether that cell is primitive; otherwise it is the group's conventional one.
    prototype : of materials with different ones, none are duplicates (`prototype_of`); empty: not looked at.
    """

    identifier: str
    formula: Formula
    space_group: int
    lengths_angstrom: tuple[float, float, float] | None
    angles_degrees: tuple[float, float, float] | None
    primitive: bool = False
    prototype: str = ""


def reduced(counts: Mapping[int, int]) -> Formula:
    """Atoms of each atomic number, divided by their greatest common divisor."""
    divisor = gcd(*counts.values())
    return tuple((z, counts[z] // divisor) for z in sorted(counts))


def reduced_formula(numbers: NDArray[np.int64]) -> Formula:
    """The reduced formula of the atoms of a cell, given by their atomic numbers (n,)."""
    elements, counts = np.unique(numbers, return_counts=True)
    return reduced(dict(zip(elements.tolist(), counts.tolist(), strict=True)))


def parsed_formula(text: str) -> dict[int, int]:
    """Atoms of each atomic number in a formula as samples carry it ('O6 Sr2 Ti2'). Raises ValueError for other text."""
    import gemmi

    counts: dict[int, int] = {}
    for part in text.split():
        symbol = part.rstrip("0123456789")
        element = gemmi.Element(symbol)  # reads other text as the element it begins with, or as X
        if element.atomic_number < 1 or element.name != symbol or element.atomic_number in counts:
            raise ValueError(f"no formula: {text!r}")
        counts[element.atomic_number] = int(part[len(symbol) :] or "1")
    if not counts or min(counts.values()) < 1:
        raise ValueError(f"no formula: {text!r}")
    return counts


def compound_of(identifier: str, crystal: Crystal, prototype: str = "") -> Compound:
    """What a crystal in its conventional cell is compared by."""
    return Compound(
        identifier,
        reduced_formula(crystal.numbers),
        crystal.space_group,
        tuple(crystal.lengths_angstrom.tolist()),
        tuple(crystal.angles_degrees.tolist()),
        prototype=prototype,
    )


def lattice_lengths(compound: Compound) -> NDArray[np.float64]:
    """The seven lengths (7,) in Angstrom, rising, that a lattice is compared by. Its cell must be known."""
    import gemmi

    assert compound.lengths_angstrom is not None and compound.angles_degrees is not None
    cell = gemmi.UnitCell(*compound.lengths_angstrom, *compound.angles_degrees)
    group = gemmi.find_spacegroup_by_number(1 if compound.primitive else compound.space_group)
    superbase = gemmi.SellingVector(cell, group)
    superbase.reduce()
    bc, ac, ab, ad, bd, cd = superbase.parameters  # scalar products of four vectors that add up to zero
    squared = -np.array(
        [
            ab + ac + ad,
            ab + bc + bd,
            ac + bc + cd,
            ad + bd + cd,
            ac + ad + bc + bd,
            ab + ad + bc + cd,
            ab + ac + bd + cd,
        ]
    )
    lengths: NDArray[np.float64] = np.sqrt(np.sort(squared))
    return lengths


def duplicates(compounds: Sequence[Compound], tolerance: float = LATTICE_TOLERANCE) -> list[int]:
    """The index of the compound that stands for each: of its set of duplicates, the first by identifier.

    Likeness is made transitive: where A is like B and B is like C, all three are one. So the sets do not depend on the
    order of the compounds. One whose formula or cell is not known is like no other.

    Parameters
    ----------
    tolerance : relative difference allowed in each of the seven lengths of a lattice.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    buckets: dict[tuple[Formula, int, str], list[int]] = defaultdict(list)
    for index, one in enumerate(compounds):
        if not one.formula or one.lengths_angstrom is None:
            continue
        buckets[one.formula, one.space_group, one.prototype].append(index)
    stands_for = list(range(len(compounds)))
    for members in buckets.values():
        if len(members) == 1:
            continue
        logarithms = np.log([lattice_lengths(compounds[index]) for index in members])
        pairs = cKDTree(logarithms).query_pairs(log(1.0 + tolerance), p=np.inf, output_type="ndarray")
        graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(members), len(members)))
        _, component = connected_components(graph, directed=False)
        first: dict[int, int] = {}
        for label, index in sorted(
            zip(component, members, strict=True), key=lambda pair: (compounds[pair[1]].identifier, pair[1])
        ):
            stands_for[index] = first.setdefault(int(label), index)
    return stands_for


def same_arrangement(one: Crystal, other: Crystal) -> bool:
    """Whether the atoms of two crystals lie alike: the sorted distances between atoms of each two elements differ by
    less than `ARRANGEMENT_TOLERANCE_ANGSTROM`, both crystals scaled to one volume. For crystals in one setting."""
    if sorted(one.numbers) != sorted(other.numbers):
        return False
    scale = (one.volume_angstrom3 / other.volume_angstrom3) ** (1.0 / 3.0)
    return all(
        np.abs(distances - scale * theirs).max() < ARRANGEMENT_TOLERANCE_ANGSTROM
        for distances, theirs in zip(_distances(one), _distances(other), strict=True)
    )


def _distances(crystal: Crystal) -> Iterator[NDArray[np.float64]]:
    """Distances in Angstrom from atoms of one element to the nearest images of those of another, sorted, of each two
    elements in the order of their numbers."""
    images = np.array(list(product((-1, 0, 1), repeat=3)), dtype=np.float64) @ crystal.cell
    for first, second in combinations_with_replacement(np.unique(crystal.numbers), 2):
        between = (
            crystal.positions[crystal.numbers == first][:, None] - crystal.positions[crystal.numbers == second][None]
        )
        between = (between - np.round(between)) @ crystal.cell
        nearest = np.full(between.shape[:2], np.inf)
        for image in images:
            nearest = np.minimum(nearest, np.linalg.norm(between + image, axis=-1))
        yield np.sort(nearest.ravel())


def anonymous_formula(formula: Formula) -> str:
    """A reduced formula without its elements: 'A3BC' for perovskites."""
    counts = sorted((count for _, count in formula), reverse=True)
    return "".join(f"{_letter(place)}{count if count > 1 else ''}" for place, count in enumerate(counts))


def _letter(place: int) -> str:
    return chr(ord("A") + place) if place < 26 else f"({place})"


def structure_type(counts: Mapping[int, int], space_group: int, primitive: bool = False) -> str:
    """Anonymous formula, Pearson symbol and group, such as 'A3BC cP5 221', from the atoms of the conventional cell, or
    of a primitive one. All materials of one prototype share it; a few prototypes may share one."""
    import gemmi

    group = gemmi.find_spacegroup_by_number(space_group)
    atoms = sum(counts.values()) * (len(group.operations().cen_ops) if primitive else 1)
    family = _FAMILIES[crystal_system(space_group)]
    return f"{anonymous_formula(reduced(counts))} {family}{group.centring_type()}{atoms} {space_group}"


def prototype_of(crystal: Crystal) -> str:
    """The structure type with the Wyckoff letters of each element, such as 'A3BC cP5 221 b,a,c'.

    The letters depend on the choice of origin, which spglib fixes by the crystal's own atoms, so that one prototype may
    go by several names; different prototypes never share one where their occupied positions differ.
    """
    import spglib

    described = crystal.cell.tolist(), crystal.positions.tolist(), crystal.numbers.tolist()
    dataset = spglib.get_symmetry_dataset(described, symprec=1e-3)
    assert dataset is not None, "a crystal has a space group"
    letters: dict[int, list[str]] = defaultdict(list)
    first_atoms, where = np.unique(dataset.crystallographic_orbits, return_index=True)
    for atom in where[np.argsort(first_atoms)]:
        letters[int(crystal.numbers[atom])].append(dataset.wyckoffs[atom])
    formula = reduced_formula(crystal.numbers)
    sites = sorted((-count, "".join(sorted(letters[z]))) for z, count in formula)
    elements, counts = np.unique(crystal.numbers, return_counts=True)
    kind = structure_type(dict(zip(elements.tolist(), counts.tolist(), strict=True)), crystal.space_group)
    return f"{kind} {','.join(word for _, word in sites)}"
