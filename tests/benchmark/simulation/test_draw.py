"""Drawn crystals: of the group that they are drawn for, sound, and the same for the same seed."""

from __future__ import annotations

import dataclasses
import itertools

import gemmi
import numpy as np
import pytest
import spglib

from benchmark.definition.finder import load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import (
    TOLERANCES_ANGSTROM,
    Crystal,
    cell_from_parameters,
    crystal_system,
    shortest_distance_angstrom,
    standardised,
)
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.symmetry import operations, orbit, sites

RUNG = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini"))
RECIPE = RUNG.crystals
TABLES = {
    14: {2, 4},
    62: {4, 8},
    166: {3, 6, 9, 18, 36},
    221: {1, 3, 6, 8, 12, 24, 48},
    225: {4, 8, 24, 32, 48, 96, 192},
    227: {8, 16, 32, 48, 96, 192},
    230: {16, 24, 32, 48, 96},
    1: {1},
    2: {1, 2},
    4: {2},
    19: {4},
    36: {4, 8},
    61: {4, 8},
    139: {2, 4, 8, 16, 32},
    148: {3, 6, 9, 18},
    186: {2, 6, 12},
    194: {2, 4, 6, 12, 24},
    205: {4, 8, 24},
    216: {4, 16, 24, 48, 96},
}
"""Multiplicities of the Wyckoff positions after the International Tables A."""


def _all_distances(crystal: Crystal) -> float:
    """The shortest distance of two atoms, images two cells away included: every pair of every image, by brute force."""
    images = np.array(list(itertools.product(range(-2, 3), repeat=3)))
    shortest = np.inf
    for image in images:
        vectors = (crystal.positions[:, None] - crystal.positions[None] + image) @ crystal.cell
        distances = np.linalg.norm(vectors, axis=-1)
        if not image.any():
            np.fill_diagonal(distances, np.inf)
        shortest = min(shortest, distances.min())
    return float(shortest)


@pytest.mark.parametrize("space_group", RUNG.space_groups)
def test_a_drawn_crystal_is_what_the_recipe_says(space_group: int) -> None:
    known = {gemmi.Element(symbol).atomic_number for symbol in RECIPE.elements}
    for seed in range(3):
        crystal = draw_crystal(space_group, RECIPE, np.random.default_rng(seed))
        assert crystal.space_group == space_group
        for tolerance in TOLERANCES_ANGSTROM:
            found = spglib.get_symmetry_dataset((crystal.cell, crystal.positions, crystal.numbers), symprec=tolerance)
            assert found.number == space_group
        assert _all_distances(crystal) >= RECIPE.shortest_distance_angstrom - 1e-6
        elements, counts = np.unique(crystal.numbers, return_counts=True)
        assert set(map(int, elements)) <= known
        allowed = [tuple(sorted(entry)) for entry in RECIPE.element_counts[crystal_system(space_group)]]
        assert tuple(sorted(map(int, counts))) in allowed
        low, high = RECIPE.volume_per_atom_angstrom3
        assert low - 1e-6 <= crystal.volume_angstrom3 / len(crystal.numbers) <= high + 1e-6
        assert ((0.0 <= crystal.positions) & (crystal.positions < 1.0)).all()


def test_the_same_seed_draws_the_same_crystal_and_another_seed_another() -> None:
    first, again, other = (draw_crystal(62, RECIPE, np.random.default_rng(seed)) for seed in (7, 7, 8))
    assert first.formula == again.formula
    np.testing.assert_array_equal(first.cell, again.cell)
    np.testing.assert_array_equal(first.positions, again.positions)
    assert first.cell.shape == other.cell.shape and not np.array_equal(first.cell, other.cell)


def test_a_recipe_that_a_group_cannot_meet_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.simulation.draw.ATTEMPTS", 50)
    odd = dataclasses.replace(RECIPE, element_counts={"cubic": ((3, 5),)})
    with pytest.raises(StemdlError, match="space group 225.*50 attempts"):
        draw_crystal(225, odd, np.random.default_rng(0))


@pytest.mark.parametrize(("space_group", "multiplicities"), TABLES.items())
def test_all_multiplicities_of_the_tables_are_found(space_group: int, multiplicities: set[int]) -> None:
    found = sites(space_group)
    assert {site.multiplicity for site in found} == multiplicities
    generator = np.random.default_rng(0)
    for site in found:
        point = site.origin + generator.random(len(site.directions)) @ site.directions
        assert len(orbit(space_group, point)) == site.multiplicity


@pytest.mark.parametrize(("space_group", "order"), [(1, 1), (2, 2), (62, 8), (166, 36), (225, 192), (230, 96)])
def test_operations_close_and_are_as_many_as_the_general_position(space_group: int, order: int) -> None:
    rotations, translations = operations(space_group)
    assert len(rotations) == order

    def keys(rotations: np.ndarray, translations: np.ndarray) -> set[bytes]:
        cells = np.round(translations * 24).astype(int) % 24
        return {
            rotation.astype(int).tobytes() + cell.tobytes() for rotation, cell in zip(rotations, cells, strict=True)
        }

    all_of_them = keys(rotations, translations)
    assert len(all_of_them) == order
    for rotation, translation in zip(rotations[:12], translations[:12], strict=True):
        assert keys(rotation @ rotations, translations @ rotation.T + translation) == all_of_them


def test_a_cell_is_made_of_its_parameters_and_gives_them_back() -> None:
    lengths, angles = np.array([4.0, 5.5, 7.1]), np.array([81.0, 102.0, 111.0])
    cell = cell_from_parameters(lengths, angles)
    crystal = Crystal(cell, np.array([6]), np.zeros((1, 3)), 1)
    np.testing.assert_allclose(crystal.lengths_angstrom, lengths)
    np.testing.assert_allclose(crystal.angles_degrees, angles)
    assert crystal.volume_angstrom3 == pytest.approx(gemmi.UnitCell(*lengths, *angles).volume)
    with pytest.raises(StemdlError, match="no cell has these angles"):
        cell_from_parameters(lengths, np.array([60.0, 60.0, 150.0]))


def test_a_neighbour_may_be_an_image_of_the_atom_itself() -> None:
    cell = np.diag([2.0, 9.0, 9.0])
    assert shortest_distance_angstrom(cell, np.zeros(3), np.zeros((1, 3))) == pytest.approx(2.0)
    pair = np.array([[0.0, 0.05, 0.0], [0.0, 0.95, 0.0]])
    assert shortest_distance_angstrom(cell, pair[0], pair) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("last_of_system", "name"),
    [
        (2, "triclinic"),
        (3, "monoclinic"),
        (16, "orthorhombic"),
        (75, "tetragonal"),
        (143, "trigonal"),
        (168, "hexagonal"),
        (195, "cubic"),
        (230, "cubic"),
    ],
)
def test_crystal_systems(last_of_system: int, name: str) -> None:
    assert crystal_system(last_of_system) == name


def test_a_primitive_cell_in_any_setting_becomes_the_conventional_one() -> None:
    a = 5.64
    primitive = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]) * a
    crystal = standardised(primitive, np.array([11, 17]), np.array([[0.1, 0.2, 0.3], [0.6, 0.7, 0.8]]))
    assert crystal.space_group == 225 and crystal.formula == "Cl4 Na4"
    np.testing.assert_allclose(crystal.cell, a * np.eye(3), atol=1e-6)


def test_a_group_that_hangs_on_the_tolerance_is_no_label() -> None:
    cubic_but_for_a_little = np.array([[0.0, 0.0, 0.0], [0.51, 0.5, 0.5]])  # CsCl with one atom 0.04 Angstrom away
    assert standardised(4.1 * np.eye(3), np.array([55, 17]), cubic_but_for_a_little) is None
    on_top = np.zeros((2, 3))
    assert standardised(4.1 * np.eye(3), np.array([55, 55]), on_top) is None
