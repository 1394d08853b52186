"""The diffuse background: where on the detector the electrons come to lie that thermal motion takes from the beams.

Atoms that vibrate independently (Einstein's model) scatter f(q)^2 [1 - exp(-B q^2 / 2)] per solid angle between the
beams (Hall & Hirsch 1965, Proc. R. Soc. A286, 158). How many electrons they scatter is what thermal absorption takes
from the beams (`absorption.py`), by the same model, so that electrons are conserved; that they are scattered once, and
from the incident beam's direction, is an approximation, held against frozen phonons by
`tests/benchmark/simulation/test_diffuse.py`.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.aperture import grid
from benchmark.simulation.potential import Atoms
from benchmark.simulation.scattering import electron_scattering_factor

_RADII = 400
"""Of the integral, and at least as many of the profile."""
_ACROSS = 6
"""Directions along a diameter of the probe's aperture."""


def density(numbers: NDArray[np.int64], atoms: Atoms, q_per_angstrom: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of the diffuse electrons per area of reciprocal space, Angstrom^2, at lengths q from the incident
    beam, of atoms of these atomic numbers. Its integral over all of the plane is 1; 0 where no atom moves."""
    elements, counts = np.unique(numbers, return_counts=True)
    shape = np.zeros_like(np.asarray(q_per_angstrom, dtype=np.float64))
    whole = 0.0
    for element, count in zip(elements.tolist(), counts.tolist(), strict=True):
        own = (element, atoms.b_of(element), atoms.parametrisation)
        shape += count * _scattered(*own, q_per_angstrom)
        whole += count * _integral(*own)
    return shape / whole if whole > 0.0 else shape


def background(
    numbers: NDArray[np.int64],
    atoms: Atoms,
    *,
    pixels: int,
    k_max_per_angstrom: float,
    semi_angle_per_angstrom: float,
) -> NDArray[np.float64]:
    """The share of the diffuse electrons in each pixel (pixels, pixels) of a detector from -k_max to k_max, averaged
    over the probe's incident directions."""
    pitch = 2.0 * k_max_per_angstrom / pixels
    k = (np.arange(pixels) - (pixels - 1) / 2) * pitch
    directions = grid(semi_angle_per_angstrom, _ACROSS)
    reach = np.sqrt(2.0) * k_max_per_angstrom + semi_angle_per_angstrom
    radii = np.linspace(0.0, reach, max(_RADII, 2 * pixels))
    profile = density(numbers, atoms, radii)
    mean = np.zeros((pixels, pixels))
    for k_x, k_y in directions:
        mean += np.interp(np.hypot(k - k_x, (k - k_y)[:, None]), radii, profile)
    return mean * pitch**2 / len(directions)


def _scattered(number: int, b_angstrom2: float, parametrisation: str, q_per_angstrom: NDArray) -> NDArray[np.float64]:
    """f(q)^2 [1 - exp(-B q^2 / 2)] of an atom, Angstrom^2."""
    factor = electron_scattering_factor(number, q_per_angstrom, parametrisation)
    scattered: NDArray[np.float64] = -np.expm1(-b_angstrom2 * np.square(q_per_angstrom) / 2.0) * factor**2
    return scattered


@functools.lru_cache(maxsize=1024)
def _integral(number: int, b_angstrom2: float, parametrisation: str) -> float:
    """The same over the plane; by Gauss's rule in q / (1 + q)."""
    nodes, weights = np.polynomial.legendre.leggauss(_RADII)
    u = (nodes + 1.0) / 2.0
    q = u / (1.0 - u)
    area = 2.0 * np.pi * q * weights / 2.0 / (1.0 - u) ** 2
    return float((_scattered(number, b_angstrom2, parametrisation, q) * area).sum())


def speckled(
    smooth: NDArray[np.float64],
    speckles: int,
    *,
    k_max_per_angstrom: float,
    semi_angle_per_angstrom: float,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """A background (pixels, pixels) where atoms stand still: at each point the mean of so many independent speckles.

    Speckles are as wide as the probe's aperture, of which they are images; their intensities have a standard deviation
    of their mean (Goodman 2007, Speckle Phenomena in Optics, chapter 3), so that the mean of n has one of 1 / sqrt(n).
    """
    pixels = smooth.shape[0]
    place = np.fft.fftfreq(pixels, 1.0 / pixels) * 2.0 * k_max_per_angstrom / pixels
    aperture = np.hypot(place, place[:, None]) <= semi_angle_per_angstrom
    spectrum = np.fft.fft2(aperture / np.sqrt(2.0 * aperture.sum()))
    total = np.zeros_like(smooth)
    for _ in range(speckles):
        noise = generator.normal(size=smooth.shape) + 1j * generator.normal(size=smooth.shape)
        total += np.abs(np.fft.ifft2(np.fft.fft2(noise) * spectrum)) ** 2
    return smooth * total / speckles
