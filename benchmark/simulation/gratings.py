"""Atoms anywhere in a box as thin slices, each of which shifts the phase of a wave: what multislice goes through.

The box is periodic across the beam, and nothing else is: atoms lie where they lie, to no grid's accuracy. Slice by
slice, the projected potential of the atoms whose centres lie in it is summed in reciprocal space with the exact phases
of their positions, and comes back as the transmission exp(i phi), limited to the band that a product leaves clean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.potential import Atoms
from benchmark.simulation.scattering import electron_scattering_factor, mass_ratio, wavelength_angstrom


@dataclass(frozen=True)
class Box:
    """A square of `angstrom` by `angstrom` on `points` x `points`, centred on the origin. Arrays over it are (y, x)."""

    points: int
    angstrom: float

    @cached_property
    def frequencies(self) -> NDArray[np.float64]:
        """(points,) 1/Angstrom along either axis, in numpy's order."""
        return np.fft.fftfreq(self.points, self.angstrom / self.points)

    @cached_property
    def squared(self) -> NDArray[np.float64]:
        """(points, points) |k|^2 in 1/Angstrom^2."""
        return self.frequencies[:, None] ** 2 + self.frequencies[None, :] ** 2

    @cached_property
    def band(self) -> NDArray[np.bool_]:
        """(points, points) where waves and gratings may be other than 0: two thirds of the way to the grid's edge, so
        that their product wraps into none of it."""
        return self.squared < (self.points / (3.0 * self.angstrom)) ** 2


@dataclass(frozen=True)
class Specimen:
    """Atoms under the beam, which runs along z, through slices from z = 0 on.

    Attributes
    ----------
    numbers : (n,) atomic numbers.
    positions : (n, 3) x, y, z in Angstrom.
    slices : how many. slice_angstrom : the thickness of each.
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    slices: int
    slice_angstrom: float

    @property
    def thickness_angstrom(self) -> float:
        """The thickness along the beam, in Angstrom."""
        return self.slices * self.slice_angstrom

    @cached_property
    def slice_of(self) -> NDArray[np.int64]:
        """(n,) the slice in which each atom's centre lies; the first and the last take those outside."""
        return np.clip((self.positions[:, 2] / self.slice_angstrom).astype(np.int64), 0, self.slices - 1)


def phases(specimen: Specimen, box: Box, atoms: Atoms, energy_kev: float) -> NDArray[np.float32]:
    """(slices, points, points) by how many radians each slice shifts a wave: sigma times the projected potential.

    phi(r) = (gamma lambda / box^2) sum_k exp(2 pi i k.r) sum_j f_j(k) exp(-B_j k^2 / 4) exp(-2 pi i k.r_j), with f in
    Angstrom: the interaction constant 2 pi m e lambda / h^2 times h^2 / (2 pi m0 e) f (Kirkland 2010, chapter 5).
    """
    half = box.points // 2 + 1
    length = np.sqrt(box.squared[:, :half])
    total = np.zeros((specimen.slices, box.points, half), dtype=np.complex64)
    scale = mass_ratio(energy_kev) * wavelength_angstrom(energy_kev) * (box.points / box.angstrom) ** 2
    for number in map(int, np.unique(specimen.numbers)):
        factor = electron_scattering_factor(number, length, atoms.parametrisation)
        factor = (scale * factor * np.exp(-atoms.b_of(number) * length**2 / 4.0)).astype(np.float32)
        chosen = specimen.numbers == number
        for part, summed in structure_factors(specimen.positions[chosen], specimen.slice_of[chosen], box):
            total[part] += factor * summed
    from scipy.fft import irfft2

    found: NDArray[np.float32] = irfft2(total, s=(box.points, box.points), overwrite_x=True)
    return found


def structure_factors(positions: NDArray, slice_of: NDArray[np.int64], box: Box):
    """The number of each slice that holds atoms, and its sum_j exp(-2 pi i k.r_j) over its atoms: (points, points // 2
    + 1) complex64, of the frequencies that a real picture's transform has."""
    order = np.argsort(slice_of, kind="stable")
    x, y = (
        np.exp(-2j * np.pi * np.outer(positions[order, axis], some)).astype(np.complex64)
        for axis, some in ((0, np.abs(box.frequencies[: box.points // 2 + 1])), (1, box.frequencies))
    )
    found, starts = np.unique(slice_of[order], return_index=True)
    for part, start, end in zip(found, starts, [*starts[1:], len(order)], strict=True):
        yield part, y[start:end].T @ x[start:end]


def gratings(phi: NDArray[np.float32], box: Box) -> NDArray[np.complex64]:
    """(slices, points, points) what each slice multiplies a wave by, of its phase shifts."""
    from scipy.fft import fft2, ifft2

    transmission = np.empty(phi.shape, dtype=np.complex64)
    np.cos(phi, out=transmission.real)
    np.sin(phi, out=transmission.imag)
    limited: NDArray[np.complex64] = ifft2(fft2(transmission, overwrite_x=True) * box.band, overwrite_x=True)
    return limited
