"""How one atom scatters fast electrons, and the constants of a beam of a given energy."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

ELECTRON_REST_ENERGY_KEV = 510.99895
PLANCK_TIMES_C_KEV_ANGSTROM = 12.398419843


def wavelength_angstrom(energy_kev: float) -> float:
    """Relativistic de Broglie wavelength: h c / sqrt(E (E + 2 m c^2)). 0.037014 Angstrom at 100 keV."""
    return PLANCK_TIMES_C_KEV_ANGSTROM / math.sqrt(energy_kev * (energy_kev + 2.0 * ELECTRON_REST_ENERGY_KEV))


def mass_ratio(energy_kev: float) -> float:
    """Relativistic mass over rest mass, by which the interaction grows: 1 + E / (m c^2)."""
    return 1.0 + energy_kev / ELECTRON_REST_ENERGY_KEV


@functools.cache
def _peng_coefficients(number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import gemmi

    coefficients = gemmi.Element(number).c4322
    return np.array(coefficients.a), np.array(coefficients.b)


def electron_scattering_factor(number: int, g_per_angstrom: NDArray) -> NDArray[np.float64]:
    """Elastic scattering factor f(g) of a neutral atom in Angstrom, for rest mass, at |g| = 2 sin(theta) / lambda.

    Five Gaussians after Peng, Ren, Dudarev & Whelan (1996), Acta Cryst. A52, 257 (International Tables C, table
    4.3.2.2), as gemmi ships them; fitted for g up to 4 per Angstrom. `number` is 1 to 98.
    """
    a, b = _peng_coefficients(number)
    s2 = np.asarray(g_per_angstrom)[..., None] ** 2 / 4.0
    return (a * np.exp(-b * s2)).sum(axis=-1)
