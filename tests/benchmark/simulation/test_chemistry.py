"""Distances, volumes and compositions, held against well-known crystals."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from benchmark.simulation.chemistry import (
    CATIONS,
    atom_volume_angstrom3,
    contact_angstrom,
    draw_composition,
    is_anion,
)


def z(symbol: str) -> int:
    return gemmi.Element(symbol).atomic_number


@pytest.mark.parametrize(
    ("one", "other", "ionic", "angstrom"),
    [
        ("Na", "Cl", True, 2.82),
        ("Mg", "O", True, 2.11),
        ("Si", "O", True, 1.61),
        ("Zn", "S", True, 2.34),
        ("Cu", "Cu", False, 2.56),
        ("Fe", "Al", False, 2.50),
        ("O", "O", True, 2.6),
        ("Cl", "Cl", True, 3.5),
    ],
)
def test_contacts_are_near_real_distances(one: str, other: str, ionic: bool, angstrom: float) -> None:
    assert contact_angstrom(z(one), z(other), ionic) == pytest.approx(angstrom, rel=0.12)
    assert contact_angstrom(z(one), z(other), ionic) == contact_angstrom(z(other), z(one), ionic)


CELLS = [
    ({"Na": 4, "Cl": 4}, 179.4),
    ({"Sr": 1, "Ti": 1, "O": 3}, 59.5),
    ({"Zn": 4, "S": 4}, 158.3),
    ({"Cu": 4}, 47.2),
    ({"Mg": 4, "O": 4}, 74.7),
    ({"Cs": 1, "I": 1}, 95.4),
    ({"Si": 3, "O": 6}, 113.0),
]
"""Volumes in cubic Angstrom of rock salt, perovskite, zinc blende, copper, periclase, caesium iodide, quartz."""


def test_volumes_are_near_those_of_real_cells() -> None:
    ratios = np.array(
        [
            sum(atom_volume_angstrom3(z(symbol)) * count for symbol, count in formula.items()) / angstrom3
            for formula, angstrom3 in CELLS
        ]
    )
    assert np.abs(np.log(ratios)).max() < np.log(1.45)
    assert abs(np.log(ratios).mean()) < 0.15, ratios


def test_compositions() -> None:
    generator = np.random.default_rng(0)
    salts = [draw_composition(True, generator) for _ in range(400)]
    alloys = [draw_composition(False, generator) for _ in range(200)]
    for one in salts + alloys:
        assert len(set(one.numbers)) == len(one.numbers)
        assert [is_anion(number) for number in one.numbers] == [place < one.anions for place in range(len(one.numbers))]
    assert all(one.anions for one in salts) and not any(one.anions for one in alloys)
    assert 0.4 < np.mean([z("O") in one.numbers for one in salts]) < 0.65
    assert len(draw_composition(True, generator, 4).numbers) == 4
    assert not any(is_anion(z(symbol)) for symbol in CATIONS)
