"""Atoms are moved onto their stated sites and repeated: held against spglib's own tables of sites."""

from __future__ import annotations

import numpy as np
import pytest
import spglib
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.simulation.asymmetric_unit import (
    ON_SITE_ANGSTROM,
    SAME_PLACE_ANGSTROM,
    fitted_cell,
    is_group,
    on_site,
    orbit_on_site,
    whole_cell,
)
from benchmark.simulation.crystal import cell_from_parameters, crystal_system
from benchmark.simulation.symmetry import operations, sites

PARAMETERS = {
    "triclinic": (8.1, 9.7, 11.3, 83, 98, 104),
    "monoclinic": (8.1, 9.7, 11.3, 90, 98, 90),
    "orthorhombic": (8.1, 9.7, 11.3, 90, 90, 90),
    "tetragonal": (8.1, 8.1, 11.3, 90, 90, 90),
    "trigonal": (9.1, 9.1, 13.3, 90, 90, 120),
    "hexagonal": (9.1, 9.1, 13.3, 90, 90, 120),
    "cubic": (9.1, 9.1, 9.1, 90, 90, 90),
}


def cell_of(group: int) -> np.ndarray:
    parameters = np.array(PARAMETERS[crystal_system(group)], dtype=np.float64)
    return cell_from_parameters(parameters[:3], parameters[3:])


@pytest.mark.parametrize("group", [2, 14, 62, 136, 148, 166, 194, 205, 225, 227])
def test_an_atom_near_a_special_position_is_put_onto_it(group: int) -> None:
    """An atom of any special position, pushed off by 0.05 Angstrom, comes back to its multiplicity, and stays."""
    cell, generator = cell_of(group), np.random.default_rng(group)
    for site in sites(group)[1:]:
        point = site.origin + generator.uniform(0.11, 0.19, len(site.directions)) @ site.directions
        apart = operations(group)[0] @ point + operations(group)[1] - point
        distances = np.linalg.norm((apart - np.round(apart)) @ cell, axis=1)
        if ((1e-9 < distances) & (distances < 0.5)).any():
            continue  # near a position of fewer points
        pushed = generator.normal(size=3)
        off = point + 0.05 * pushed / np.linalg.norm(pushed) @ np.linalg.inv(cell)
        found = on_site(cell, operations(group), off)
        assert np.linalg.norm((found - point) @ cell) < 0.05 + 1e-9
        assert len(orbit_on_site(cell, operations(group), found)) == site.multiplicity
        np.testing.assert_array_equal(on_site(cell, operations(group), found), found)


@given(st.integers(1, 230), st.integers(0, 2**32 - 1))
def test_the_whole_cell_has_the_group(group: int, seed: int) -> None:
    """Every operation brings each atom onto one of its element, and no two atoms lie at one place."""
    cell, generator = cell_of(group), np.random.default_rng(seed)
    numbers, positions, made = whole_cell(cell, operations(group), np.array([8, 20]), generator.random((2, 3)), 1000)
    assert sum(made) == len(numbers) == len(positions)
    rotations, translations = operations(group)
    images = np.einsum("mij,nj->mni", rotations, positions) + translations[:, None]
    for number in (8, 20):
        apart = images[:, numbers == number, None] - positions[numbers == number]
        distances = np.linalg.norm((apart - np.round(apart)) @ cell, axis=-1)
        assert distances.min(axis=2).max() < 1e-6
        between = np.sort(distances[0], axis=1)[:, 1:]
        assert between.size == 0 or between.min() > SAME_PLACE_ANGSTROM


def test_a_split_atom_stays_two() -> None:
    """Two images farther apart than `ON_SITE_ANGSTROM` are not one atom: what is too near is looked at later."""
    cell, group = cell_of(225), operations(225)
    for distance, count in ((0.9 * ON_SITE_ANGSTROM, 4), (1.1 * ON_SITE_ANGSTROM, 24)):
        point = np.array([distance / 9.1 / 2**0.5, 0.0, 0.0])  # its nearest image is on another axis
        _, positions, _ = whole_cell(cell, group, np.array([8]), point[None], 1000)
        assert len(positions) == count


def test_an_atom_listed_again_makes_none_and_another_element_does() -> None:
    cell, group = cell_of(225), operations(225)
    points = np.array([[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]])
    numbers, positions, made = whole_cell(cell, group, np.array([11, 11, 19]), points, 1000)
    assert made == [4, 0, 4] and len(numbers) == len(positions) == 8


def test_no_more_atoms_are_made_than_are_wanted() -> None:
    points = np.random.default_rng(0).random((1000, 3))
    numbers, positions, _ = whole_cell(cell_of(225), operations(225), np.full(1000, 8), points, 500)
    assert 500 < len(numbers) == len(positions) <= 500 + 192


@pytest.mark.parametrize("group", range(1, 231, 7))
def test_a_cell_fits_its_own_operations_alone(group: int) -> None:
    cell = cell_of(group)
    fitted = fitted_cell(cell, operations(group)[0])
    np.testing.assert_allclose(fitted @ fitted.T, cell @ cell.T, atol=1e-9)
    other = cell_from_parameters(np.array([8.1, 9.7, 11.3]), np.array([83.0, 98.0, 104.0]))
    assert (fitted_cell(other, operations(group)[0]) is None) == (group > 2)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 530), st.data())
def test_groups_differ_from_parts_of_them(hall_number: int, data: st.DataObject) -> None:
    """All operations of each of spglib's settings are a group; without some they are one only where Lagrange allows."""
    database = spglib.get_symmetry_from_database(hall_number)
    rotations, translations = database["rotations"].astype(float), database["translations"]
    assert is_group((rotations, translations))
    order = len(rotations)
    kept = data.draw(st.lists(st.integers(0, order - 1), min_size=1, max_size=order, unique=True))
    if order % len(kept):
        assert not is_group((rotations[kept], translations[kept]))
    if 0 not in kept:
        assert not is_group((rotations[kept], translations[kept])), "the identity is missing"
