"""Electrons that the elastic beams lose to thermal diffuse scattering, as an imaginary part of the potential.

Atoms that vibrate independently (Einstein's model) scatter f(q)^2 [1 - exp(-B q^2 / 2)] between the Bragg beams. What
they take from the beams is an absorptive scattering factor (Hall & Hirsch 1965, Proc. R. Soc. A286, 158; Bird & King
1990, Acta Cryst. A46, 202):

    f'(g) exp(-B g^2 / 4),   f'(g) = (gamma lambda / 2) int f(|g/2 + q|) f(|g/2 - q|) [1 - exp(-B (q^2/2 - g^2/8))] d^2q
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.scattering import electron_scattering_factor, mass_ratio, wavelength_angstrom

LONGEST_PER_ANGSTROM, STEP_PER_ANGSTROM = 8.0, 0.1
_RADII, _ANGLES = 160, 24


def thermal_absorption_factor(
    number: int, g_per_angstrom: NDArray, b_angstrom2: float, energy_kev: float, parametrisation: str
) -> NDArray[np.float64]:
    """f'(g) in Angstrom, without its Debye-Waller factor; 0 beyond 8 per Angstrom, where that factor leaves nothing."""
    grid, values = _tabulated(number, b_angstrom2, parametrisation)
    scale = mass_ratio(energy_kev) * wavelength_angstrom(energy_kev) / 2.0
    return scale * np.interp(g_per_angstrom, grid, values, right=0.0)


@functools.lru_cache(maxsize=1024)
def _tabulated(number: int, b_angstrom2: float, parametrisation: str) -> tuple[NDArray, NDArray]:
    """The integral in 1 (Angstrom^2 / Angstrom^2) on a grid of g; radii by Gauss's rule in q / (1 + q), even angles."""
    nodes, weights = np.polynomial.legendre.leggauss(_RADII)
    u, du = (nodes + 1.0) / 2.0, weights / 2.0
    q = u / (1.0 - u)
    area = q * du / (1.0 - u) ** 2
    angle = (np.arange(_ANGLES) + 0.5) * (np.pi / 2.0 / _ANGLES)
    grid = np.arange(0.0, LONGEST_PER_ANGSTROM + STEP_PER_ANGSTROM / 2.0, STEP_PER_ANGSTROM)
    values = np.empty_like(grid)
    for index, g in enumerate(grid):
        across = g * q[:, None] * np.cos(angle)
        middle = (g**2 / 4.0 + q**2)[:, None]
        near, far = np.sqrt(np.maximum(middle - across, 0.0)), np.sqrt(middle + across)
        product = electron_scattering_factor(number, near, parametrisation) * electron_scattering_factor(
            number, far, parametrisation
        )
        lost = -np.expm1(-b_angstrom2 * (q**2 / 2.0 - g**2 / 8.0))
        values[index] = (product.mean(axis=1) * lost * area).sum() * 2.0 * np.pi
    return grid, values
