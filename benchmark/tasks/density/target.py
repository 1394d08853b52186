"""What is asked of a specimen: its electron density in projection, and the potential's, at the detector's resolution.

Both are pictures (y, x) over the scanned square, averaged over the thickness, and low-passed: spatial frequencies fall
off as a Gaussian to `AT_THE_EDGE` at the detector's edge, k_max, and end there. Nothing finer reaches the detector.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.gratings import Box, Specimen, structure_factors
from benchmark.simulation.scattering import x_ray_scattering_factor
from benchmark.tasks.density.rung import Scan
from benchmark.tasks.density.scanned import centres

AT_THE_EDGE = 0.01


def target_window(scan: Scan) -> NDArray[np.float64]:
    """(n,) x and y of the target's pixels, in Angstrom."""
    return centres(scan.target_pixels, scan.field_angstrom / scan.target_pixels)


def electron_density(specimen: Specimen, b_angstrom2: float, box: Box, window: NDArray[np.float64]) -> NDArray:
    """(n, n) float32 electrons per cubic Angstrom: per square Angstrom in projection, divided by the thickness.

    rho(r) = (1 / box^2 t) sum_k L(k) exp(2 pi i k.r) sum_j f_j(k) exp(-B k^2 / 4) exp(-2 pi i k.r_j) with X-ray form
    factors f. `box` has as many points as the detector has pixels; `window` (n,) are x and y in Angstrom.
    """
    half = box.points // 2 + 1
    length = np.sqrt(box.squared[:, :half])
    total = np.zeros((box.points, half), dtype=np.complex128)
    in_one = np.zeros(len(specimen.numbers), dtype=np.int64)
    for number in map(int, np.unique(specimen.numbers)):
        chosen = specimen.numbers == number
        for _, summed in structure_factors(specimen.positions[chosen], in_one[chosen], box):
            total += x_ray_scattering_factor(number, length) * summed
    total *= np.exp(-b_angstrom2 * length**2 / 4.0) / (box.angstrom**2 * specimen.thickness_angstrom)
    return seen(total, box, window)


def potential(phi: NDArray[np.float32], box: Box, pixels: int, window: NDArray[np.float64]) -> NDArray:
    """(n, n) float32: the mean over slices of the imaginary part of exp(i phi), as the published task has it, seen by a
    detector of so many `pixels`. `phi` (slices, points, points) are phase shifts; that of the whole would wrap."""
    small = Box(pixels, box.angstrom)
    places = np.rint(small.frequencies * box.angstrom).astype(int)
    transform = np.fft.rfft2(np.sin(phi).mean(axis=0, dtype=np.float64)) / phi.shape[-1] ** 2
    return seen(transform[places][:, : pixels // 2 + 1], small, window)


def seen(transform: NDArray, box: Box, window: NDArray[np.float64]) -> NDArray[np.float32]:
    """A picture from the half of its transform that a real one needs (points, points // 2 + 1), low-passed, over the
    window (n,)."""
    half = box.points // 2 + 1
    k_max2 = (box.points / (2.0 * box.angstrom)) ** 2
    squared = box.squared[:, :half]
    low = np.where(squared < k_max2, np.exp(math.log(AT_THE_EDGE) * squared / k_max2), 0.0)
    twice = np.where(np.arange(half) == 0, 1.0, 2.0)
    down = np.exp(2j * np.pi * np.outer(window, box.frequencies))
    across = np.exp(2j * np.pi * np.outer(np.abs(box.frequencies[:half]), window)) * twice[:, None]
    found: NDArray[np.float32] = (down @ (low * transform) @ across).real.astype(np.float32)
    return found
