"""Reflections where Bragg's law puts them, as strong as the structure makes them; patterns that have them there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal
from benchmark.tasks.powder.diffraction import NEUTRONS, allowed, reflections, structure_factors
from benchmark.tasks.powder.extinction import absent, members_of
from benchmark.tasks.powder.indexing import find_lattice, seen_lines
from benchmark.tasks.powder.lattices import draw_reflections
from benchmark.tasks.powder.profile import (
    Instrument,
    PowderSpecimen,
    lines,
    lorentz_polarisation,
    march_dollase,
    pattern,
    two_theta_degrees,
    widths,
)
from benchmark.tasks.powder.rung import grid_of

RANGE = (1.06, 18.0)
CU = 1.540593
SHARP = Instrument(caglioti_degrees2=(0.0, 0.0, 0.1**2), second_strength=0.0)
STILL = PowderSpecimen()


def rock_salt(edge: float = 5.6402) -> Crystal:
    points = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    numbers = np.array([11] * 4 + [17] * 4)
    return Crystal(np.eye(3) * edge, numbers, np.concatenate([points, (points + 0.5) % 1.0]), 225)


def made_by(number: int, generator: np.random.Generator) -> Crystal:
    """Two atoms at general positions, repeated by gemmi's operations in a random cell of the group."""
    import gemmi

    from benchmark.simulation.lattice import draw_lattice

    operations = gemmi.find_spacegroup_by_number(number).operations()
    starts = generator.random((2, 3)).tolist()
    points = [np.array([each.apply_to_xyz(start) for each in operations]) % 1.0 for start in starts]
    numbers = np.repeat([14, 8], len(points[0]))
    return Crystal(draw_lattice(number, (), 300.0, generator), numbers, np.concatenate(points), number)


def every_index(crystal: Crystal, smallest_d: float) -> np.ndarray:
    """All reflections to a spacing, none left to symmetry."""
    most = np.floor(crystal.lengths_angstrom / smallest_d).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in most), indexing="ij"), axis=-1).reshape(-1, 3)
    inverse_d = np.linalg.norm(grid @ np.linalg.inv(crystal.cell).T, axis=1)
    return grid[(inverse_d > 1e-9) & (inverse_d <= 1.0 / smallest_d)].astype(np.int32)


def test_rock_salt_is_that_of_the_textbook() -> None:
    """F = 4 (f_Na + f_Cl) for even indices, 4 (f_Na - f_Cl) for odd ones; d in angstrom as measured by Swanson & Fuyat
    (NBS Circular 539, 1953)."""
    import gemmi

    found = reflections(rock_salt(), RANGE, b_angstrom2=1.5)
    table = {(1, 1, 1): (3.26, 8), (2, 0, 0): (2.821, 6), (2, 2, 0): (1.994, 12), (3, 1, 1): (1.701, 24),
             (2, 2, 2): (1.628, 8), (4, 0, 0): (1.410, 6), (4, 2, 0): (1.261, 24), (4, 2, 2): (1.1515, 24)}  # fmt: skip
    for indices, (d, multiplicity) in table.items():
        (row,) = np.flatnonzero((np.sort(np.abs(found.indices), axis=1) == sorted(indices)).all(axis=1))
        assert found.d_angstrom[row] == pytest.approx(d, rel=2e-3)
        assert found.d_angstrom[row] == pytest.approx(5.6402 / np.linalg.norm(indices))
        assert found.multiplicity[row] == multiplicity
        s2 = 1.0 / (2.0 * found.d_angstrom[row]) ** 2
        sodium, chlorine = (gemmi.Element(z).it92.calculate_sf(s2) for z in (11, 17))
        amplitude = 4 * (sodium + (1 if indices[0] % 2 == 0 else -1) * chlorine) * np.exp(-1.5 * s2)
        assert found.strength[row] == pytest.approx(amplitude**2)


def test_neutrons_see_nuclei() -> None:
    """b of sodium and chlorine are 3.63 and 9.577 fm (Sears 1992), whatever the angle."""
    found = structure_factors(rock_salt(), np.array([[2, 0, 0], [4, 4, 4], [1, 1, 1]], np.int32), radiation=NEUTRONS)
    assert found.real == pytest.approx([4 * 13.207, 4 * 13.207, -4 * 5.947], rel=2e-3)
    with pytest.raises(StemdlError, match="no such radiation"):
        structure_factors(rock_salt(), np.array([[2, 0, 0]], np.int32), radiation="electrons")


@pytest.mark.parametrize("number", [2, 14, 19, 43, 88, 148, 161, 178, 205, 227, 230])
def test_one_reflection_stands_for_all_that_are_equivalent(number: int) -> None:
    """Against the sum over every reflection of a crystal that symmetry is not asked about: at each d the same power."""
    crystal = made_by(number, np.random.default_rng(number))
    smallest = 1.6
    found = reflections(crystal, (smallest, 100.0), b_angstrom2=0.7)
    indices = every_index(crystal, smallest)
    power = np.abs(structure_factors(crystal, indices, b_angstrom2=0.7)) ** 2
    assert found.multiplicity.sum() == (~absent(number, indices)).sum()
    assert (found.multiplicity * found.strength).sum() == pytest.approx(power.sum(), rel=1e-9)
    d = 1.0 / np.linalg.norm(indices @ np.linalg.inv(crystal.cell).T, axis=1)
    for spacing in found.d_angstrom[:: max(1, len(found) // 12)]:
        here, there = np.abs(d / spacing - 1.0) < 1e-7, np.abs(found.d_angstrom / spacing - 1.0) < 1e-7
        expected = power[here].sum()
        assert (found.multiplicity * found.strength)[there].sum() == pytest.approx(expected, rel=1e-7, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(number=st.integers(1, 230), seed=st.integers(0, 2**32))
def test_absent_reflections_have_no_intensity_in_any_group(number: int, seed: int) -> None:
    crystal = made_by(number, np.random.default_rng(seed))
    indices = every_index(crystal, 2.0)
    amplitude = np.abs(structure_factors(crystal, indices))
    gone = absent(number, indices)
    assert not gone.any() or amplitude[gone].max() < 1e-6 * len(crystal.numbers)
    assert not absent(number, allowed(number, crystal.cell, (2.0, 100.0)).indices).any()
    chance = draw_reflections(number, RANGE, (40.0, 900.0), 0.5, np.random.default_rng(seed))
    assert not absent(number, chance.indices).any() and np.all(chance.strength >= 0.0)


def test_a_range_that_is_not_one_is_refused() -> None:
    with pytest.raises(StemdlError, match="range of d"):
        reflections(rock_salt(), (2.0, 1.0))


def test_lorentz_and_polarisation() -> None:
    """International Tables C (6.2): at 90 degrees (1 + 0) / (1/2 * 1/sqrt 2) of unpolarised rays, of which half is lost
    on average; none of neutrons."""
    assert 2 * lorentz_polarisation(np.array([90.0]), SHARP)[0] == pytest.approx(2 * np.sqrt(2))
    assert 2 * lorentz_polarisation(np.array([60.0]), SHARP)[0] == pytest.approx(1.25 / (0.25 * np.sqrt(3) / 2))
    neutrons = dataclasses.replace(SHARP, radiation=NEUTRONS)
    assert lorentz_polarisation(np.array([90.0]), neutrons)[0] == pytest.approx(2 * np.sqrt(2))
    graphite = dataclasses.replace(SHARP, monochromator_degrees=26.6)
    share = np.cos(np.radians(26.6)) ** 2
    assert lorentz_polarisation(np.array([60.0]), graphite)[0] == pytest.approx(
        (1 + share / 4) / (1 + share) / (0.25 * np.sqrt(3) / 2)
    )
    assert two_theta_degrees(np.array([CU / (2 * np.sin(np.pi / 12)), 0.5]), CU)[0] == pytest.approx(30.0)


def test_texture_leaves_the_power_of_a_shell_and_favours_its_axis() -> None:
    """March's distribution is normalised over the sphere (Dollase 1986): cubic and triclinic crystals with many
    reflections at like angles keep their mean."""
    generator = np.random.default_rng(0)
    found = allowed(2, made_by(2, generator).cell, (0.8, 100.0))
    for march in (0.5, 1.6):
        assert march_dollase(found, march, (0, 0, 1)).mean() == pytest.approx(1.0, abs=0.05)
    along = (found.indices[:, :2] == 0).all(axis=1)
    cube = allowed(225, rock_salt().cell, RANGE)
    factor = march_dollase(cube, 0.5, (1, 1, 1))
    assert np.all(factor[(np.abs(cube.indices) == 1).all(axis=1)] > 1.0) and not along.all()
    assert np.all(march_dollase(cube, 1.0, (1, 1, 1)) == 1.0)


@settings(max_examples=40, deadline=None)
@given(
    u=st.floats(0.0, 0.05), w=st.floats(0.008, 0.05), strain=st.floats(0.0, 3e-3), size=st.sampled_from([0.0, 300.0]),
    asymmetry=st.floats(0.0, 0.3), march=st.floats(0.5, 2.0),
)  # fmt: skip
def test_the_area_of_a_profile_is_the_intensity_of_its_lines(
    u: float, w: float, strain: float, size: float, asymmetry: float, march: float
) -> None:
    """Whatever the shape: silicon from 5 to 90 degrees, whose lines all lie far from the ends of a wide grid."""
    instrument = Instrument(caglioti_degrees2=(u, 0.0, w), asymmetry=asymmetry)
    specimen = PowderSpecimen(size_angstrom=size, strain=strain, march=march)
    found = reflections(rock_salt(), (1.3, 18.0), b_angstrom2=1.0)
    grid = dataclasses.replace(grid_of(8501), points=13001)
    area = pattern(found, instrument, specimen, grid).sum() * grid.step_degrees
    assert area == pytest.approx(lines(found, instrument, specimen)[1].sum(), rel=2e-3)


def test_a_line_is_as_wide_as_its_instrument_and_specimen_make_it() -> None:
    """By the half heights of the curve itself: Gaussian alone, Scherrer's and Stokes and Wilson's breadths."""
    grid = dataclasses.replace(grid_of(8501), step_degrees=0.002, points=42501)
    single = reflections(rock_salt(), (2.7, 2.9), b_angstrom2=1.0)
    for instrument, specimen in (
        (SHARP, STILL),
        (SHARP, PowderSpecimen(size_angstrom=200.0)),
        (SHARP, PowderSpecimen(strain=2e-3)),
        (dataclasses.replace(SHARP, asymmetry=0.2), STILL),
    ):
        curve = pattern(single, instrument, specimen, grid)
        wide = (curve > curve.max() / 2).sum() * grid.step_degrees
        at = two_theta_degrees(single.d_angstrom, CU)
        assert wide == pytest.approx(widths(at, instrument, specimen)[0][0], rel=0.02)
    fwhm, share = widths(np.array([60.0]), SHARP, PowderSpecimen(size_angstrom=1.0))
    assert fwhm[0] == pytest.approx(np.degrees(0.9 * CU) / np.cos(np.pi / 6), rel=1e-3) and share[0] > 0.99
    assert widths(np.array([60.0]), SHARP, STILL)[0][0] == pytest.approx(0.1, rel=1e-6)


def test_lines_are_where_errors_put_them() -> None:
    """Rock salt's at 27.366, 31.704 and 45.449 degrees; a zero error moves all alike, a specimen that is too high by
    -2 s cos(theta) / R."""
    grid = grid_of(8501)
    found = reflections(rock_salt(), RANGE, b_angstrom2=1.0)
    for zero, height in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.2)):
        instrument = dataclasses.replace(SHARP, zero_degrees=zero)
        curve = pattern(found, instrument, PowderSpecimen(displacement_millimetres=height), grid)
        for angle in (27.366, 31.704, 45.449):
            moved = angle + zero - np.degrees(2 * height / 200) * np.cos(np.radians(angle / 2))
            near = np.abs(grid.two_theta - moved) < 0.3
            assert np.average(grid.two_theta[near], weights=curve[near]) == pytest.approx(moved, abs=0.003)


def test_the_second_line_of_the_tube_is_half_as_strong() -> None:
    found = reflections(rock_salt(), RANGE, b_angstrom2=1.0)
    at, strength = lines(found, Instrument(), STILL)
    one, other = np.split(np.arange(len(at)), 2)
    assert np.all(at[other] > at[one])
    assert strength[other] / strength[one] == pytest.approx(0.5, rel=0.03)


def test_finer_grids_see_the_same_pattern() -> None:
    found = reflections(rock_salt(), RANGE, b_angstrom2=1.0)
    coarse, fine = (pattern(found, Instrument(), STILL, grid_of(n)) for n in (1701, 17001))
    assert np.allclose(coarse, fine[::10], rtol=1e-9, atol=1e-9 * fine.max())


def test_the_lattice_of_rock_salt_is_found_with_its_forbidden_lines() -> None:
    grid = grid_of(1701)
    profile = pattern(reflections(rock_salt(), RANGE, b_angstrom2=1.0), Instrument(), STILL, grid)
    seen = seen_lines((profile / profile.max() + 1e-6).astype(np.float32), grid)
    lattice = find_lattice(seen, members_of("196:F23"))
    assert lattice is not None and lattice.edges_angstrom[0] == pytest.approx(5.6402, rel=2e-3)
    squares = (lattice.forbidden * lattice.edges_angstrom[0]) ** 2
    assert {1, 2, 5, 6, 9, 10} <= set(squares.round(2)[:6])
    assert find_lattice(seen, members_of("14:P21/c")) is None
