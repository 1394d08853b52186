"""Constants of the beam and atomic scattering factors, against published values and another implementation."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from benchmark.simulation.scattering import electron_scattering_factor, mass_ratio, wavelength_angstrom


@pytest.mark.parametrize(("energy_kev", "wavelength"), [(100.0, 0.037014), (200.0, 0.025079), (300.0, 0.019687)])
def test_the_wavelength_is_the_textbooks(energy_kev: float, wavelength: float) -> None:
    assert wavelength_angstrom(energy_kev) == pytest.approx(wavelength, abs=6e-7)


def test_the_mass_at_100_kev_is_the_textbooks() -> None:
    assert mass_ratio(100.0) == pytest.approx(1.19570, abs=1e-5)


@pytest.mark.parametrize("symbol", ["H", "Li", "C", "O", "Si", "Ti", "Sr", "La", "Au", "Cf"])
def test_factors_are_those_of_gemmis_own_sum(symbol: str) -> None:
    element = gemmi.Element(symbol)
    g = np.linspace(0.0, 4.0, 81)
    expected = [element.c4322.calculate_sf(stol2=(length / 2.0) ** 2) for length in g]
    np.testing.assert_allclose(electron_scattering_factor(element.atomic_number, g), expected, rtol=1e-5)


def test_factors_fall_with_the_angle_and_keep_the_arguments_shape() -> None:
    g = np.linspace(0.0, 4.0, 12).reshape(3, 4)
    f = electron_scattering_factor(38, g)
    assert f.shape == (3, 4) and (np.diff(f.ravel()) < 0).all() and (f > 0).all()


@pytest.mark.parametrize("number", [3, 8, 14, 22, 38, 47, 56, 79, 92])
def test_lobatos_factors_are_pengs_where_both_hold_and_rutherfords_far_out(number: int) -> None:
    """Two fits to atoms computed apart: a few percent. Far out an atom is its bare nucleus: f = Z / (2 pi^2 a0 g^2)."""
    g = np.linspace(0.3, 2.5, 12)
    lobato, peng = (electron_scattering_factor(number, g, name) for name in ("lobato", "peng"))
    np.testing.assert_allclose(lobato, peng, rtol=0.05)
    far = np.array([12.0, 40.0])
    rutherford = number / (2.0 * np.pi**2 * 0.529177 * far**2)
    np.testing.assert_allclose(electron_scattering_factor(number, far, "lobato") / rutherford, 1.0, atol=0.07)
