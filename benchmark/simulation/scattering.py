"""How one atom scatters fast electrons and X-rays, and the constants of a beam of a given energy."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ELECTRON_REST_ENERGY_KEV = 510.99895
LOBATO_TABLE = Path(__file__).with_name("lobato.csv")
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


@functools.cache
def _lobato_coefficients() -> NDArray[np.float64]:
    """(103, 2, 5): a_i in Angstrom and b_i in Angstrom^2 of the elements 1 to 103."""
    rows = LOBATO_TABLE.read_text(encoding="ascii").splitlines()[1:]
    return np.array([row.split(",")[1:] for row in rows], dtype=np.float64).reshape(-1, 2, 5)


def _peng(number: int, g_per_angstrom: NDArray) -> NDArray[np.float64]:
    a, b = _peng_coefficients(number)
    s2 = np.asarray(g_per_angstrom)[..., None] ** 2 / 4.0
    return (a * np.exp(-b * s2)).sum(axis=-1)


def _lobato(number: int, g_per_angstrom: NDArray) -> NDArray[np.float64]:
    g2 = np.asarray(g_per_angstrom) ** 2
    total = np.zeros(g2.shape)
    for a, b in _lobato_coefficients()[number - 1].T:
        fall = 1.0 / (1.0 + b * g2)
        total += a * fall * (1.0 + fall)
    return total


@functools.cache
def _x_ray_coefficients(number: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    import gemmi

    coefficients = gemmi.Element(number).it92
    return np.array(coefficients.a), np.array(coefficients.b), float(coefficients.c)


def x_ray_scattering_factor(number: int, g_per_angstrom: NDArray) -> NDArray[np.float64]:
    """X-ray form factor of a neutral atom in electrons, at |g| = 2 sin(theta) / lambda: what its electron density
    transforms to, its atomic number at g = 0 within 0.1 %. `number` 1 to 98.

    Four Gaussians and a constant (International Tables C, table 6.1.1.4), as gemmi ships them; fitted for g up to 4 per
    Angstrom.
    """
    a, b, c = _x_ray_coefficients(number)
    s2 = np.asarray(g_per_angstrom) ** 2 / 4.0
    factor: NDArray[np.float64] = (a * np.exp(-b * s2[..., None])).sum(axis=-1) + c
    return factor


SOFTENING_ANGSTROM2 = 0.26
"""Of the factors `softened`: what makes the median intensity of patterns fall from 0.5 to 2.5 per Angstrom as it does
in the published set."""


def _softened(number: int, g_per_angstrom: NDArray) -> NDArray[np.float64]:
    blurred: NDArray[np.float64] = _lobato(number, g_per_angstrom) * np.exp(
        -SOFTENING_ANGSTROM2 * np.square(g_per_angstrom)
    )
    return blurred


PARAMETRISATIONS = {"peng": _peng, "lobato": _lobato, "softened": _softened}


def electron_scattering_factor(number: int, g_per_angstrom: NDArray, parametrisation: str = "peng") -> NDArray:
    """Elastic scattering factor f(g) of a neutral atom in Angstrom, for rest mass, at |g| = 2 sin(theta) / lambda.

    `peng`: five Gaussians after Peng, Ren, Dudarev & Whelan (1996), Acta Cryst. A52, 257 (International Tables C,
    table 4.3.2.2), as gemmi ships them; fitted for g up to 4 per Angstrom, `number` 1 to 98.
    `lobato`: sum_i a_i (2 + b_i g^2) / (1 + b_i g^2)^2 after Lobato & Van Dyck (2014), Acta Cryst. A70, 636, with
    their table; fitted for g up to 12 per Angstrom and right beyond it, `number` 1 to 103.
    `softened`: those of `lobato` of a potential that is blurred by a Gaussian of 0.11 Angstrom: the simulation of the
    published set (DOI 10.13139/OLCF/1510313) kept 0.1 Angstrom away from the nuclei, where potentials diverge.
    """
    return PARAMETRISATIONS[parametrisation](number, g_per_angstrom)
