"""Crystals to send electrons through, and the waves that leave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.potential import Atoms
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.zone import Zone

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Problem:
    """One crystal along one zone axis in a beam of one energy, cut to one or several thicknesses.

    Attributes
    ----------
    directions : (n, 2) incident directions K_t, 1/Angstrom.
    thicknesses_angstrom : in any order, each above 0.
    tilt_per_angstrom : the crystal's mistilt as a shift of K_t.
    """

    zone: Zone
    directions: NDArray[np.float64]
    energy_kev: float
    thicknesses_angstrom: tuple[float, ...]
    atoms: Atoms
    tilt_per_angstrom: tuple[float, float] = (0.0, 0.0)

    @property
    def wave_number(self) -> float:
        """K in 1/Angstrom."""
        return 1.0 / wavelength_angstrom(self.energy_kev)

    @property
    def incident(self) -> NDArray[np.float64]:
        """(n, 2): the directions as the tilted crystal sees them, 1/Angstrom."""
        return self.directions + self.tilt_per_angstrom


@dataclass(frozen=True)
class Waves:
    """What leaves the crystal: complex amplitudes (beams, directions), a tensor on the device that computed them.

    `vectors` (beams, 2) and `directions` (directions, 2) are in 1/Angstrom. No two beams share a vector.
    """

    amplitudes: torch.Tensor
    vectors: NDArray[np.float64]
    directions: NDArray[np.float64]

    @property
    def intensities(self) -> NDArray[np.float32]:
        """The squared moduli of the waves."""
        return (self.amplitudes.real**2 + self.amplitudes.imag**2).cpu().numpy()
