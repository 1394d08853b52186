"""The density holds the electrons that the atoms have, where they are; the potential follows it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.gratings import Box, Specimen, phases
from benchmark.simulation.potential import Atoms
from benchmark.tasks.density.columns import CrystalView
from benchmark.tasks.density.scanned import centres
from benchmark.tasks.density.specimen import build
from benchmark.tasks.density.target import electron_density, potential

BOX = Box(64, 20.0)
WHOLE = centres(64, 20.0 / 64)


def _atoms() -> Specimen:
    numbers = np.array([8, 22, 38, 79, 6])
    positions = np.array([[0, 0, 1], [4.1, -3.3, 2], [-6.2, 1.7, 5], [7.3, 7.1, 9], [-2, -8.4, 9.5]], dtype=float)
    return Specimen(numbers, positions, slices=5, slice_angstrom=2.0)


def test_the_integral_is_the_number_of_electrons() -> None:
    specimen = _atoms()
    density = electron_density(specimen, 0.6, BOX, WHOLE)
    electrons = density.sum(dtype=np.float64) * (20.0 / 64) ** 2 * specimen.thickness_angstrom
    assert electrons == pytest.approx(specimen.numbers.sum(), rel=2e-3)


def test_each_atom_has_its_electrons_where_it_is() -> None:
    specimen = _atoms()
    fine = centres(400, 0.05)
    density = electron_density(specimen, 0.6, BOX, fine) * specimen.thickness_angstrom * 0.05**2
    y, x = np.meshgrid(fine, fine, indexing="ij")
    for number, (at_x, at_y, _) in zip(specimen.numbers, specimen.positions, strict=True):
        distance = np.hypot(x - at_x, y - at_y)
        near = density * (distance < 2.0)
        assert near.sum() == pytest.approx(number, rel=0.1)
        assert (near * x).sum() / near.sum() == pytest.approx(at_x, abs=0.05)
        assert (near * y).sum() / near.sum() == pytest.approx(at_y, abs=0.05)


def test_a_part_of_the_window_is_the_same_picture() -> None:
    whole = electron_density(_atoms(), 0.6, BOX, WHOLE)
    part = electron_density(_atoms(), 0.6, BOX, WHOLE[20:44])
    np.testing.assert_allclose(part, whole[20:44, 20:44], atol=1e-6)


def test_the_density_is_hardly_ever_negative_and_ends_at_the_detectors_edge() -> None:
    density = electron_density(_atoms(), 0.6, BOX, WHOLE)
    assert density.min() > -0.01 * density.max()
    spectrum = np.abs(np.fft.fft2(density))
    assert spectrum[np.sqrt(BOX.squared) >= 1.6].max() < 1e-4 * spectrum.max()


def test_thermal_motion_smears_it() -> None:
    still, warm = (electron_density(_atoms(), b, BOX, WHOLE) for b in (0.0, 2.0))
    assert warm.max() < 0.95 * still.max()
    assert warm.sum() == pytest.approx(still.sum(), rel=1e-4)


def test_the_potential_is_that_of_a_thin_specimen_and_lies_on_the_density(srtio3: Crystal) -> None:
    """sin(phi) is phi where a slice is thin; wherever there are electrons there is potential."""
    view = CrystalView((0, 0, 1), (1.0, 0.0, 0.0), 0.4, (0.0, 0.0), (0.1, 0.2, 0.3))
    grid, field = Box(128, 20.0), centres(32, 0.25)
    specimen = build(
        srtio3,
        view,
        "perfect",
        box=grid,
        field_angstrom=8.0,
        slices=20,
        slice_angstrom=2.0,
        generator=np.random.default_rng(0),
    )
    phi = phases(specimen, grid, Atoms(0.6, "lobato"), 100.0)
    seen = potential(phi, grid, 64, field)
    density = electron_density(specimen, 0.6, Box(64, 20.0), field)
    assert np.corrcoef(seen.ravel(), density.ravel())[0, 1] > 0.95
    linear = potential(0.01 * phi, grid, 64, field)
    assert np.corrcoef(linear.ravel(), seen.ravel())[0, 1] > 0.995
    assert 100.0 * linear.mean() == pytest.approx(phi.mean(), rel=0.1)
