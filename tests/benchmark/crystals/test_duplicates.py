"""Duplicates: lattices compared whatever the cell they are given by, sets that do not depend on the order."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import defaultdict

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.crystals.duplicates import (
    LATTICE_TOLERANCE,
    Compound,
    anonymous_formula,
    compound_of,
    duplicates,
    lattice_lengths,
    parsed_formula,
    prototype_of,
    reduced_formula,
    structure_type,
)
from benchmark.simulation.crystal import Crystal, cell_from_parameters

SALT = ((11, 1), (17, 1))
CELL = st.tuples(
    st.floats(3.0, 9.0),
    st.floats(3.0, 9.0),
    st.floats(3.0, 9.0),
    st.floats(75.0, 105.0),
    st.floats(75.0, 105.0),
    st.floats(75.0, 105.0),
)


def compound(
    identifier: str = "a",
    parameters: tuple = (5.0, 6.0, 7.0, 90.0, 90.0, 90.0),
    group: int = 1,
    formula: tuple = SALT,
    **changes: object,
) -> Compound:
    return Compound(identifier, formula, group, parameters[:3], parameters[3:], **changes)


def parameters_of(cell: np.ndarray) -> tuple[float, ...]:
    crystal = Crystal(cell, np.zeros(0), np.zeros((0, 3)), 1)
    return (*crystal.lengths_angstrom.tolist(), *crystal.angles_degrees.tolist())


@settings(max_examples=40, deadline=None)
@given(CELL)
def test_the_seven_lengths_are_the_shortest_of_their_classes(parameters: tuple) -> None:
    """The definition itself, by search: of the vectors that are equal modulo twice the lattice, the shortest."""
    cell = cell_from_parameters(parameters[:3], parameters[3:])
    shortest: dict[tuple, float] = {}
    for integers in itertools.product(range(-3, 4), repeat=3):
        parity = tuple(i % 2 for i in integers)
        shortest[parity] = min(shortest.get(parity, np.inf), float(np.linalg.norm(np.array(integers) @ cell)))
    del shortest[0, 0, 0]
    np.testing.assert_allclose(lattice_lengths(compound(parameters=parameters)), sorted(shortest.values()), rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(CELL, st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.sampled_from((-1, 1))), max_size=4))
def test_they_do_not_depend_on_the_cell(parameters: tuple, steps: list[tuple[int, int, int]]) -> None:
    cell = cell_from_parameters(parameters[:3], parameters[3:])
    other = cell.copy()
    for row, offset, sign in steps:
        other[row] += sign * other[(row + offset) % 3]
    np.testing.assert_allclose(
        lattice_lengths(compound(parameters=parameters_of(other))),
        lattice_lengths(compound(parameters=parameters)),
        rtol=1e-6,
    )


RHOMBOHEDRAL = ((16 / 3 + 100 / 9) ** 0.5,) * 3 + (math.degrees(math.acos(1 - 8 / (16 / 3 + 100 / 9))),) * 3
"""The primitive cell of hexagonal axes of 4 and 10 Angstrom."""


@pytest.mark.parametrize(
    ("group", "parameters", "primitive"),
    [
        (225, (5.6, 5.6, 5.6, 90, 90, 90), (5.6 / 2**0.5,) * 3 + (60, 60, 60)),
        (229, (2.9, 2.9, 2.9, 90, 90, 90), (2.9 * 3**0.5 / 2,) * 3 + (109.4712206,) * 3),
        (166, (4.0, 4.0, 10.0, 90, 90, 120), RHOMBOHEDRAL),
    ],
)
def test_a_conventional_and_a_primitive_cell_are_one_lattice(group: int, parameters: tuple, primitive: tuple) -> None:
    conventional = compound("a", tuple(map(float, parameters)), group)
    other = compound("b", tuple(map(float, primitive)), group, primitive=True)
    np.testing.assert_allclose(lattice_lengths(conventional), lattice_lengths(other), rtol=1e-4)
    assert duplicates([other, conventional]) == [1, 1]


def test_strain_within_the_tolerance_is_one_material_and_beyond_it_another() -> None:
    def strained(identifier: str, factor: float) -> Compound:
        return compound(identifier, (5.0 * factor, 6.0, 7.0, 90.0, 100.0, 90.0), 14)

    assert duplicates([strained("a", 1.0), strained("b", 1.02)]) == [0, 0]
    assert duplicates([strained("a", 1.0), strained("b", 1.05)]) == [0, 1]
    assert duplicates([strained("a", 1.0), strained("b", 1.05)], tolerance=0.06) == [0, 0]
    assert duplicates([strained("a", 1.0), strained("c", 1.05), strained("b", 1.025)]) == [0, 0, 0]  # carried on


@pytest.mark.parametrize(
    "change",
    [{"space_group": 63}, {"formula": ((11, 1), (17, 2))}, {"prototype": "other"}],
    ids=lambda change: next(iter(change)),
)
def test_what_differs_otherwise_is_not_one(change: dict) -> None:
    one = compound("a", group=62)
    assert duplicates([one, dataclasses.replace(one, identifier="b")]) == [0, 0]
    assert duplicates([one, dataclasses.replace(one, identifier="b", **change)]) == [0, 1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from((1, 2))), max_size=20), st.randoms())
def test_the_order_does_not_matter(steps: list[tuple[int, int]], random: object) -> None:
    compounds = [
        compound(f"m{place}", (*(1.02**step * length for length in (5.0, 5.5, 6.0)), 80.0, 85.0, 95.0), group)
        for place, (step, group) in enumerate(steps)
    ]
    turned = compounds.copy()
    random.shuffle(turned)
    named = [
        {one.identifier: order[first].identifier for one, first in zip(order, duplicates(order), strict=True)}
        for order in (compounds, turned)
    ]
    assert named[0] == named[1]
    sets = defaultdict(set)
    for place, (step, group) in enumerate(steps):
        sets[group, named[0][f"m{place}"]].add(step)
    for (group, name), members in sets.items():
        assert name == min(
            f"m{place}" for place, (step, other) in enumerate(steps) if other == group and step in members
        )
        assert set(range(min(members), max(members) + 1)) == members  # steps of 2 % hang together, of 4 % do not


def test_formulas() -> None:
    assert parsed_formula("O6 Sr2 Ti2") == {8: 6, 38: 2, 22: 2}
    assert reduced_formula(np.array([8, 8, 22, 8, 8, 22])) == ((8, 2), (22, 1))
    assert reduced_formula(np.array([6, 6])) == ((6, 1),)
    assert anonymous_formula(((8, 3), (22, 1), (38, 1))) == "A3BC"
    for text in ("", "Xx2", "O0", "O2 O3", "O-2"):
        with pytest.raises(ValueError):
            parsed_formula(text)


def perovskite(lattice_angstrom: float, shift: float, elements: tuple[int, int, int]) -> Crystal:
    positions = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]) + shift
    a, b, x = elements
    return Crystal(lattice_angstrom * np.eye(3), np.array([a, b, x, x, x]), positions % 1.0, 221)


def test_prototypes() -> None:
    one, other = perovskite(3.9, 0.0, (38, 22, 8)), perovskite(4.1, 0.0, (56, 40, 16))
    assert prototype_of(one) == prototype_of(other) == "A3BC cP5 221 c,a,b"
    assert structure_type({8: 3, 22: 1, 38: 1}, 221) == "A3BC cP5 221"
    assert structure_type({11: 4, 17: 4}, 225) == structure_type({11: 1, 17: 1}, 225, primitive=True) == "AB cF8 225"
    assert structure_type({6: 6}, 166) == "A hR6 166"
    # Of the same group and formula, but with two elements on three sites each.
    salt = Crystal(
        np.eye(3) * 5.6,
        np.array([11] * 4 + [17] * 4),
        np.array(
            [
                [0, 0, 0],
                [0, 0.5, 0.5],
                [0.5, 0, 0.5],
                [0.5, 0.5, 0],
                [0.5, 0.5, 0.5],
                [0.5, 0, 0],
                [0, 0.5, 0],
                [0, 0, 0.5],
            ]
        ),
        225,
    )
    assert prototype_of(salt) == "AB cF8 225 a,b"


def test_a_crystal_and_its_strained_copy_are_duplicates() -> None:
    one, copy = perovskite(3.905, 0.0, (38, 22, 8)), perovskite(3.95, 0.0, (38, 22, 8))
    larger = perovskite(3.905 * (1 + 2 * LATTICE_TOLERANCE), 0.0, (38, 22, 8))
    compounds = [
        compound_of(name, crystal, prototype_of(crystal)) for name, crystal in (("b", one), ("a", copy), ("c", larger))
    ]
    assert duplicates(compounds) == [1, 1, 2]
    assert gemmi.Element(compounds[0].formula[0][0]).name == "O"
