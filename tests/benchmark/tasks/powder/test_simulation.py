"""Lines where Bragg's law puts them, as strong as the structure makes them; patterns that have them there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.recipe import recipe_of, samples_of_unit
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.crystal import Crystal
from benchmark.tasks.powder.diffraction import lines_of, lorentz_polarisation, reflections, two_theta_degrees
from benchmark.tasks.powder.extinction import absent, members_of
from benchmark.tasks.powder.indexing import find_lattice, seen_lines
from benchmark.tasks.powder.lattices import draw_cell, draw_lines
from benchmark.tasks.powder.profile import Instrument, profile_of
from benchmark.tasks.powder.recipe import RANGE_DEGREES, grid_of

RANGE = (0.05, 0.92)
CU = 1.540593
QUIET = Instrument((0.1, 0.1), (0.0, 0.0), (0.5, 0.5), 0.0, 0.0, 0.0, (1e-6, 1e-6), (1e12, 1e12))


def rock_salt(edge: float = 5.6402) -> Crystal:
    points = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    numbers = np.array([11] * 4 + [17] * 4)
    return Crystal(np.eye(3) * edge, numbers, np.concatenate([points, (points + 0.5) % 1.0]), 225)


def test_rock_salt_is_that_of_the_textbook() -> None:
    """F = 4 (f_Na + f_Cl) for even indices, 4 (f_Na - f_Cl) for odd ones; d in angstrom as measured by Swanson & Fuyat
    (NBS Circular 539, 1953)."""
    import gemmi

    lines = lines_of(rock_salt(), RANGE, 1.5)
    table = {(1, 1, 1): (3.26, 8), (2, 0, 0): (2.821, 6), (2, 2, 0): (1.994, 12), (3, 1, 1): (1.701, 24),
             (2, 2, 2): (1.628, 8), (4, 0, 0): (1.410, 6), (4, 2, 0): (1.261, 24), (4, 2, 2): (1.1515, 24)}  # fmt: skip
    for indices, (d, multiplicity) in table.items():
        nearest = int(np.argmin(np.abs(lines.inverse_d - 1 / d)))
        assert lines.inverse_d[nearest] == pytest.approx(1 / d, rel=2e-3)
        assert lines.inverse_d[nearest] == pytest.approx(np.linalg.norm(indices) / 5.6402)
        s2 = lines.inverse_d[nearest] ** 2 / 4
        sodium, chlorine = (gemmi.Element(z).it92.calculate_sf(s2) for z in (11, 17))
        amplitude = 4 * (sodium + (1 if indices[0] % 2 == 0 else -1) * chlorine) * np.exp(-1.5 * s2)
        assert lines.strength[nearest] == pytest.approx(multiplicity / 2 * amplitude**2)  # one of each Friedel pair


def test_lorentz_and_polarisation() -> None:
    """International Tables C (6.2): at 90 degrees (1 + 0) / (1/2 * 1/sqrt 2)."""
    assert lorentz_polarisation(np.array([90.0]))[0] == pytest.approx(2 * np.sqrt(2))
    assert lorentz_polarisation(np.array([60.0]))[0] == pytest.approx(1.25 / (0.25 * np.sqrt(3) / 2))
    assert two_theta_degrees(np.array([2 / CU * np.sin(np.pi / 12), 2.0]), CU)[0] == pytest.approx(30.0)


@pytest.mark.parametrize("number", [14, 19, 43, 88, 161, 178, 205, 227, 230])
def test_a_crystals_absences_are_those_of_its_group(number: int) -> None:
    """Atoms at general positions made by gemmi's operations have no amplitude where gemmi says absent."""
    import gemmi

    generator = np.random.default_rng(number)
    operations = gemmi.find_spacegroup_by_number(number).operations()
    start = generator.random(3)
    points = np.array([operation.apply_to_xyz(list(start)) for operation in operations]) % 1.0
    cell = draw_cell(number, generator)
    indices, inverse_d = reflections(cell, (0.05, 0.5))
    amplitude = np.abs(np.exp(2j * np.pi * indices @ points.T).sum(axis=1))
    gone = absent(number, indices)
    assert gone.any() and amplitude[gone].max() < 1e-9 * len(points)
    assert amplitude[~gone].max() > 1.0
    lines = lines_of(Crystal(cell, np.full(len(points), 14), points, number), (0.05, 0.5), 0.5)
    assert np.all(np.abs(lines.inverse_d[:, None] - inverse_d[~gone]).min(axis=1) < 1e-6)


@settings(max_examples=25, deadline=None)
@given(number=st.integers(1, 230), seed=st.integers(0, 2**32))
def test_a_random_lattice_has_lines_where_its_group_allows_them_alone(number: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    cell = draw_cell(number, generator)
    indices, inverse_d = reflections(cell, RANGE)
    lines = draw_lines(number, RANGE, 0.5, np.random.default_rng(seed))
    allowed = inverse_d[~absent(number, indices)] if len(indices) else inverse_d
    assert np.all(np.diff(lines.inverse_d) > 0) and np.all(lines.strength > 0)
    assert all(np.abs(allowed - line).min() < 1e-5 for line in lines.inverse_d)


def test_a_profile_has_its_lines_where_the_grid_has_their_angles() -> None:
    grid = grid_of(8501)
    profile = profile_of(lines_of(rock_salt(), RANGE, 1.0), grid, QUIET, np.random.default_rng(0))
    assert profile.dtype == np.float32 and profile.max() == 1.0 and profile.min() >= 0.0
    for angle in (27.366, 31.704, 45.449):
        near = np.abs(grid.two_theta - angle) < 0.3
        assert abs(grid.two_theta[near][np.argmax(profile[near])] - angle) < 0.02


def test_finer_grids_see_the_same_pattern() -> None:
    lines = lines_of(rock_salt(), RANGE, 1.0)
    coarse, fine = (profile_of(lines, grid_of(n), QUIET, np.random.default_rng(0)) for n in (1701, 17001))
    assert np.allclose(coarse, fine[::10] / fine[::10].max(), atol=1e-3)


def test_the_recipe_is_balanced_and_repeats_itself() -> None:
    rung = load_benchmark("powder").rungs["powder_smoke"]
    recipe = recipe_of(rung)
    labels = recipe.schema().classes["extinction_group"]
    units = recipe.units()
    for split, total in rung.samples.items():
        strata = [unit.stratum for unit in units if unit.split == split]
        assert len(strata) == total and {strata.count(each) for each in labels} == {total // len(labels)}
    first, again = (next(samples_of_unit(recipe, rung, units[3])) for _ in range(2))
    assert np.array_equal(first.arrays["profile"], again.arrays["profile"])
    assert first.attributes["space_group"] in members_of(units[3].stratum)
    assert grid_of(rung.recipe["points"]).two_theta[[0, -1]] == pytest.approx(RANGE_DEGREES)


def test_every_rung_counts_what_its_recipe_makes() -> None:
    benchmark = load_benchmark("powder")
    for name, rung in benchmark.rungs.items():
        recipe = recipe_of(rung)
        assert len(recipe.schema().classes["extinction_group"]) == rung.classes, name
        assert len(recipe.units()) == sum(rung.samples.values()), name


def test_the_lattice_of_rock_salt_is_found_with_its_forbidden_lines() -> None:
    grid = grid_of(1701)
    profile = profile_of(lines_of(rock_salt(), RANGE, 1.0), grid, QUIET, np.random.default_rng(0))
    lattice = find_lattice(seen_lines(profile, grid), members_of("196:F23"))
    assert lattice is not None and lattice.edges_angstrom[0] == pytest.approx(5.6402, rel=2e-3)
    squares = (lattice.forbidden * lattice.edges_angstrom[0]) ** 2
    assert {1, 2, 5, 6, 9, 10} <= set(squares.round(2)[:6])
    assert find_lattice(seen_lines(profile, grid), members_of("14:P21/c")) is None
