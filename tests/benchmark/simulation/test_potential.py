"""Debye-Waller factors and absorption against limits and sums that are known apart from the code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from benchmark.simulation.absorption import thermal_absorption_factor
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.potential import Atoms, coefficients, debye_b_factors, mean_square_b
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.scattering import electron_scattering_factor, mass_ratio, wavelength_angstrom
from benchmark.simulation.zone import project

FACES = np.array([[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
MGO = Crystal(4.212 * np.eye(3), np.array([12] * 4 + [8] * 4), np.concatenate([FACES, (FACES + 0.5) % 1.0]), 225)


def test_debyes_model_has_its_two_limits() -> None:
    """Hot: 8 pi^2 3 hbar^2 T / (m k Theta^2); cold: 3/4 of 8 pi^2 hbar^2 / (m k Theta), whatever the temperature."""
    hot = 8.0 * math.pi**2 * 3.0 * 48.508734 * 3000.0 / (50.0 * 200.0**2)
    assert mean_square_b(50.0, 200.0, 3000.0) == pytest.approx(hot, rel=1e-3)
    cold = 8.0 * math.pi**2 * 0.75 * 48.508734 / (50.0 * 200.0)
    assert mean_square_b(50.0, 200.0, 2.0) == pytest.approx(cold, rel=1e-3)


def test_gold_at_room_temperature_is_as_measured() -> None:
    """Theta = 165 K gives B = 0.64 Angstrom^2; measured values lie between 0.57 and 0.64."""
    assert mean_square_b(196.97, 165.0, 295.0) == pytest.approx(0.62, abs=0.05)


def test_equal_forces_give_equal_factors_when_hot_and_larger_ones_to_light_atoms_when_cold() -> None:
    numbers = np.array([56, 22, 8, 8, 8])
    hot, cold = debye_b_factors(numbers, 400.0, 2000.0), debye_b_factors(numbers, 400.0, 20.0)
    assert max(hot.values()) / min(hot.values()) < 1.05
    assert cold[8] > 1.5 * cold[56]


def test_an_elements_own_factor_counts_for_its_atoms_alone() -> None:
    zone = project(MGO, (0, 0, 1), (1, 0, 0))
    even = coefficients(zone, Atoms(0.4, "lobato"), (3, 3), range(1), 100.0)[0]
    split = coefficients(zone, Atoms({12: 0.4, 8: 1.1}, "lobato"), (3, 3), range(1), 100.0)[0]
    oxygen = coefficients(zone, Atoms({12: 1e4, 8: 0.4}, "lobato"), (3, 3), range(1), 100.0)[0]
    h, k = np.meshgrid(np.arange(-3, 4), np.arange(-3, 4), indexing="ij")
    g2 = ((h[..., None] * zone.reciprocal[0] + k[..., None] * zone.reciprocal[1]) ** 2).sum(-1)
    away = g2 > 0
    np.testing.assert_allclose((split - even)[away], (oxygen * np.expm1(-0.7 * g2 / 4.0))[away], atol=1e-12)


@pytest.mark.parametrize("absorption", ["none", "thermal"])
def test_each_laue_zone_is_the_same_alone_and_among_others(absorption: str) -> None:
    """Of a crystal without an inversion, whose zones l and -l are conjugates unless it absorbs."""
    crystal = Crystal(np.diag([3.0, 4.0, 5.0]), np.array([12, 8]), np.array([[0.0, 0.0, 0.0], [0.2, 0.3, 0.4]]), 1)
    zone, atoms = project(crystal, (0, 0, 1), (1, 0, 0)), Atoms({12: 0.4, 8: 0.9}, "lobato", absorption)
    among = coefficients(zone, atoms, (4, 3), range(-2, 3), 100.0)
    for layer, table in zip(range(-2, 3), among, strict=True):
        (alone,) = coefficients(zone, atoms, (4, 3), range(layer, layer + 1), 100.0)
        np.testing.assert_allclose(table, alone, atol=1e-12)
    real = np.abs(among[0] - among[4, ::-1, ::-1].conj()).max() < 1e-12
    assert real == (absorption == "none")


@pytest.mark.parametrize(("number", "b"), [(14, 0.45), (79, 0.6)])
def test_forward_absorption_is_the_whole_diffuse_cross_section(number: int, b: float) -> None:
    """The optical theorem, sigma = 2 gamma lambda f'(0), against the integral of what is scattered between beams."""
    energy = 200.0
    gamma, wavelength = mass_ratio(energy), wavelength_angstrom(energy)

    def ring(q: float) -> float:
        f = float(electron_scattering_factor(number, np.array(q), "lobato"))
        return 2.0 * math.pi * q * (gamma * f) ** 2 * (1.0 - math.exp(-b * q * q / 2.0)) * wavelength**2

    sigma = quad(ring, 0.0, 5.0, limit=200)[0] + quad(ring, 5.0, 400.0, limit=200)[0]
    forward = float(thermal_absorption_factor(number, np.array(0.0), b, energy, "lobato"))
    assert 2.0 * gamma * wavelength * forward == pytest.approx(sigma, rel=2e-3)


@pytest.mark.parametrize(
    "accuracy",
    [
        Accuracy(1.6, 2.4, 300, 10.0, 0),
        Accuracy(1.6, 2.4, 300, 10.0, 0, weak_waves=True),
        Accuracy(1.8, 2.4, 300, 5.0, 0, g_z_max_per_angstrom=2.0, depth_slice_angstrom=0.7),
    ],
)
def test_absorption_takes_electrons_away_and_more_in_a_thicker_crystal(accuracy: Accuracy) -> None:
    zone = project(MGO, (0, 0, 1), (1, 0, 0))
    left = {}
    for absorption in ("none", "proportional", "thermal"):
        for thickness in (50.0, 150.0):
            waves = propagate(
                zone,
                np.array([[0.02, 0.01]]),
                energy_kev=100.0,
                thickness_angstrom=thickness,
                atoms=Atoms(0.5, "lobato", absorption, 0.05),
                accuracy=accuracy,
            )
            left[absorption, thickness] = float(waves.intensities.sum())
    lossless = 0.94 if accuracy.depth_slice_angstrom else 0.99  # slices lose what they scatter beyond the last beam
    assert min(left["none", 50.0], left["none", 150.0]) > lossless
    for absorption in ("proportional", "thermal"):
        assert left[absorption, 150.0] < left[absorption, 50.0] < left["none", 50.0] - 0.005
        assert left[absorption, 150.0] > 0.3
