"""The focused probe of a scanning microscope: an aperture full of plane waves, with the lens's phase errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.gratings import Box
from benchmark.simulation.scattering import wavelength_angstrom


@dataclass(frozen=True)
class Probe:
    """How a probe is formed.

    Attributes
    ----------
    energy_kev : of the beam.
    semi_angle_mrad : of the aperture.
    defocus_angstrom : above 0 the crossover lies so far below the specimen's entrance (C1 = -defocus).
    spherical_angstrom : the coefficient C3 of spherical aberration.
    """

    energy_kev: float
    semi_angle_mrad: float
    defocus_angstrom: float = 0.0
    spherical_angstrom: float = 0.0

    @property
    def semi_angle_per_angstrom(self) -> float:
        """The convergence semi-angle as a spatial frequency, in 1/Angstrom."""
        return 1e-3 * self.semi_angle_mrad / wavelength_angstrom(self.energy_kev)

    def spectrum(self, box: Box) -> NDArray[np.complex128]:
        """(points, points) amplitudes in numpy's order of the probe over the origin; their squares sum to 1."""
        amplitudes = self.amplitudes(box.squared, box.angstrom)
        normalised: NDArray[np.complex128] = amplitudes / np.linalg.norm(amplitudes)
        return normalised

    def amplitudes(self, squared: NDArray[np.float64], box_angstrom: float) -> NDArray[np.complex128]:
        """The lens's transmission at any |k|^2, 1/Angstrom^2, of pixels 1 / `box_angstrom` wide.

        A(k) exp(-i chi(k)), chi = pi lambda k^2 (-defocus) + (pi / 2) C3 lambda^3 k^4 (Kirkland 2010, section 3.1). The
        aperture's edge cuts pixels in proportion, as far as a straight edge would.
        """
        wavelength = wavelength_angstrom(self.energy_kev)
        length = np.sqrt(squared)
        aperture = np.clip((self.semi_angle_per_angstrom - length) * box_angstrom + 0.5, 0.0, 1.0)
        chi = np.pi * wavelength * squared * (0.5 * self.spherical_angstrom * wavelength**2 * squared)
        chi -= np.pi * wavelength * squared * self.defocus_angstrom
        found: NDArray[np.complex128] = np.sqrt(aperture) * np.exp(-1j * chi)
        return found


def shifts(places: NDArray, positions: NDArray) -> NDArray[np.complex128]:
    """(positions, n) by what waves k (n, 2) of a probe over the origin are multiplied where it stands over (x, y)."""
    return np.exp(-2j * np.pi * (positions @ places.T))
