"""The crystal's potential as Fourier coefficients: what the beams are coupled by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.absorption import thermal_absorption_factor
from benchmark.simulation.scattering import electron_scattering_factor, mass_ratio
from benchmark.simulation.zone import Zone


@dataclass(frozen=True)
class Atoms:
    """How the atoms of a crystal scatter.

    Attributes
    ----------
    b_angstrom2 : Debye-Waller factor B = 8 pi^2 <u^2> of each element by atomic number, or one of all.
    parametrisation : of the scattering factors (`scattering.PARAMETRISATIONS`).
    absorption : `none`; `proportional`, the imaginary part of the potential as a share of the real one; or `thermal`,
        the intensity lost to thermal diffuse scattering by independently vibrating atoms (`absorption.py`).
    absorption_share : of `proportional`.
    """

    b_angstrom2: Mapping[int, float] | float = 0.0
    parametrisation: str = "peng"
    absorption: str = "none"
    absorption_share: float = 0.0

    def b_of(self, number: int) -> float:
        return self.b_angstrom2[number] if isinstance(self.b_angstrom2, Mapping) else self.b_angstrom2


def coefficients(
    zone: Zone, atoms: Atoms, reach: tuple[int, int], layers: range, energy_kev: float
) -> NDArray[np.complex128]:
    """U_g in 1/Angstrom^2 for |h| <= reach[0], |k| <= reach[1] and each Laue zone: (layers, 2 reach + 1, 2 reach + 1).

    U_g = (m / m0) / (pi V) sum_j f_j(g) exp(-B_j g^2 / 4) exp(-2 pi i g.r_j)  (De Graef 2003, eq. 2.17). With
    absorption f_j is complex (its imaginary part positive), and U_-g is no longer the conjugate of U_g.
    """
    h, k = (np.arange(-n, n + 1) for n in reach)
    plane = h[None, :, None] * zone.reciprocal[0][:, None, None] + k * zone.reciprocal[1][:, None, None]
    phase_h = np.exp(-2j * np.pi * np.outer(h, zone.positions[:, 0]))
    phase_k = np.exp(-2j * np.pi * np.outer(zone.positions[:, 1], k))
    elements = [int(number) for number in np.unique(zone.numbers)]
    common_b = min(atoms.b_of(number) for number in elements)
    table = np.zeros((len(layers), len(h), len(k)), dtype=np.complex128)
    for number, (layer, part) in enumerate(zip(layers, table, strict=True)):
        if -layer in layers[:number] and atoms.absorption == "none":
            part[:] = table[layers.index(-layer), ::-1, ::-1].conj()  # the potential is real
            continue
        along = layer / zone.repeat_angstrom
        g_x, g_y = plane + layer * zone.layer_shift[:, None, None]
        g2 = g_x**2 + g_y**2 + along**2
        length = np.sqrt(g2)
        phase_l = np.exp(-2j * np.pi * layer * zone.heights)
        for element in elements:
            chosen = zone.numbers == element
            factor = electron_scattering_factor(element, length, atoms.parametrisation)
            if atoms.absorption == "proportional":
                factor = factor * (1.0 + 1j * atoms.absorption_share)
            elif atoms.absorption == "thermal":
                factor = factor + 1j * thermal_absorption_factor(
                    element, length, atoms.b_of(element), energy_kev, atoms.parametrisation
                )
            if (surplus := atoms.b_of(element) - common_b) > 0.0:
                factor = factor * np.exp(-surplus * g2 / 4.0)
            part += factor * ((phase_h[:, chosen] * phase_l[chosen]) @ phase_k[chosen])
        part *= mass_ratio(energy_kev) / (np.pi * zone.volume_angstrom3)
        part *= np.exp(-common_b * g2 / 4.0)
    return table


def mean_square_b(mass: float, debye_temperature_kelvin: float, temperature_kelvin: float) -> float:
    """B = 8 pi^2 <u^2> in Angstrom^2 of an atom of `mass` (atomic units) in Debye's model of a monatomic crystal.

    <u^2> = 3 hbar^2 / (m k Theta) [1/4 + (T / Theta)^2 integral_0^{Theta / T} x / (e^x - 1) dx]  (James 1948, The
    Optical Principles of the Diffraction of X-rays, chapter V), zero-point motion included.
    """
    x = np.linspace(0.0, debye_temperature_kelvin / temperature_kelvin, 401)
    integrand = np.ones_like(x)
    integrand[1:] = x[1:] / np.expm1(x[1:])
    integral = float(((integrand[1:] + integrand[:-1]) / 2.0).sum() * x[1])
    bracket = 0.25 + (temperature_kelvin / debye_temperature_kelvin) ** 2 * integral
    return 8.0 * math.pi**2 * 3.0 * HBAR2_OVER_U_K / (mass * debye_temperature_kelvin) * bracket


HBAR2_OVER_U_K = 48.508726
"""hbar^2 / (atomic mass unit * Boltzmann's constant), in Angstrom^2 Kelvin."""


def debye_b_factors(
    numbers: NDArray[np.int64], debye_temperature_kelvin: float, temperature_kelvin: float
) -> dict[int, float]:
    """B of each element of a crystal whose mean atom has the given Debye temperature.

    All atoms feel the same mean force constant, as classical equipartition has it: Theta_j = Theta sqrt(mean m / m_j).
    So at high temperature all elements have about the same B, and light ones gain by their zero-point motion.
    """
    import gemmi

    masses = {int(number): gemmi.Element(int(number)).weight for number in numbers}
    mean = float(np.mean([masses[int(number)] for number in numbers]))
    return {
        number: mean_square_b(mass, debye_temperature_kelvin * math.sqrt(mean / mass), temperature_kelvin)
        for number, mass in masses.items()
    }
