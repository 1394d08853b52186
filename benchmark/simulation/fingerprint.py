"""The two-dimensional diffraction fingerprint of a cluster of atoms, after Ziletti et al., Nat. Commun. 9 (2018) 2775.

Positions are divided by the mean distance of nearest neighbours, so that the picture does not depend on the length of
bonds. A plane wave of 0.05 (of these lengths) falls along z onto the cluster, and onto a detector of 64 x 64 pixels of
0.4 mm at 100 mm. At a pixel's centre (x, y), of l = sqrt(x^2 + y^2 + D^2), the intensity is

    I = (D/l)^3 |sum_j f_j(|S|) exp(-2 pi i S.r_j)|^2,    S = (x/l, y/l, D/l - 1) / wavelength,

with X-ray form factors f (International Tables C, table 6.1.1.4) of the element two places further on, as published. A
channel is the sum of two patterns, of the cluster turned about x, y or z by -45 and by +45 degrees. Pixels outside of a
ring of 10 to 30 pixels are 0, and all three channels are divided by the brightest pixel. Constant factors drop out.

How it is summed. With s = D/l the phase of an atom is -2 pi [s (X x_j + Y y_j) + (s - 1) z_j / wavelength], X and Y
being the pixel's x / (D wavelength): for one s all pixels are a product of two matrices. Over the ring s varies by
0.6 %, and a sum over all atoms is a smooth function of it: a polynomial through Chebyshev's points in s gives each
pixel its own s, to `ACCURACY` of the sum of the form factors.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cluster import nearest_mean_angstrom
from benchmark.simulation.scattering import x_ray_scattering_factor

PIXELS, PIXEL_MM, DISTANCE_MM = 64, 0.4, 100.0
WAVELENGTH = 0.05
"""The wavelength as a share of the mean distance of nearest neighbours; the published 0.05 Angstrom, once positions are
divided by it."""
RING_PIXELS = (10.0, 30.0)
"""Radii between which pixels count; neither is included."""
FURTHER_ON = 2
"""Elements whose form factors stand in: atomic numbers plus this."""
HEAVIEST = 98 - FURTHER_ON
"""Form factors end at 98."""
CHANNELS = 3
ACCURACY = 1e-7
HALF = 30
"""Pixels of a side that the ring reaches, from the middle."""
WAVES_AT_ONCE = 256
"""Products of atoms and points in s that a core sums at once: their waves are 0.5 MB, which its cache holds."""
Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Detector:
    """The pixels of the square about the ring: `shares` (60, 60), D/l; `ring` (60, 60), whether the ring has it; and
    `step` between pixels in 1/(D wavelength), the first of which lie half a step from the middle."""

    shares: Numbers
    ring: NDArray[np.bool_]
    step: float

    @property
    def lengths(self) -> Numbers:
        """|S| of each pixel: S^2 = 2 (1 - s) / wavelength^2."""
        lengths: Numbers = np.sqrt(2.0 * (1.0 - self.shares)) / WAVELENGTH
        return lengths


@functools.cache
def detector() -> Detector:
    """The published one."""
    places = np.arange(-HALF, HALF) + 0.5
    squared = places[:, None] ** 2 + places**2
    low, high = RING_PIXELS
    shares = DISTANCE_MM / np.sqrt(squared * PIXEL_MM**2 + DISTANCE_MM**2)
    ring = (squared > low**2) & (squared < high**2)
    return Detector(shares, ring, PIXEL_MM / (DISTANCE_MM * WAVELENGTH))


def turned(positions: Numbers) -> Numbers:
    """(5, n, 3): positions (n, 3) turned about x by -45 and +45 degrees, about y likewise, and about z by +45. The
    pattern of a cluster turned about z by -45 degrees is that of +45, turned by 90 in the detector's plane."""
    half = math.sqrt(0.5)
    found = np.empty((5, *positions.shape))
    x, y, z = positions.T
    for row, sign in ((0, -1.0), (1, 1.0)):
        found[row] = np.stack([x, half * (y - sign * z), half * (z + sign * y)], axis=1)
        found[row + 2] = np.stack([half * (x + sign * z), y, half * (z - sign * x)], axis=1)
    found[4] = np.stack([half * (x - y), half * (y + x), z], axis=1)
    return found


def intensities(positions: Numbers, numbers: NDArray[np.int64], device: str = "cpu") -> Numbers:
    """(3, 64, 64) the three channels as they are, 0 outside of the ring; not yet divided by the brightest pixel.

    Parameters
    ----------
    positions : (n, 3), in any unit of length.
    numbers : (n,) atomic numbers, 1 to 96.
    device : "cpu", or a torch device that sums in double precision as well.

    Raises StemdlError for elements whose form factors are not known, and as `nearest_mean_angstrom` does.
    """
    if len(numbers) and not (numbers.min() >= 1 and numbers.max() <= HEAVIEST):
        raise StemdlError("a fingerprint knows no such element", expected=f"1 to {HEAVIEST}", found=int(numbers.max()))
    pixels = detector()
    at = turned((positions - positions.mean(axis=0)) / nearest_mean_angstrom(positions))
    shares, weights = _interpolation(float(np.sqrt((at[0] ** 2).sum(axis=1).max())))
    sums = np.zeros((len(at), 2 * HALF, 2 * HALF), dtype=np.complex128)
    for number in np.unique(numbers):
        factor = x_ray_scattering_factor(int(number) + FURTHER_ON, pixels.lengths)
        for sum_of, places in zip(sums, at[:, numbers == number], strict=True):
            sum_of += factor * _summed(places, shares, weights, device)
    patterns = np.where(pixels.ring, pixels.shares**3 * (sums.real**2 + sums.imag**2), 0.0)
    found = np.zeros((CHANNELS, PIXELS, PIXELS))
    inner = slice(PIXELS // 2 - HALF, PIXELS // 2 + HALF)
    found[0, inner, inner] = patterns[0] + patterns[1]
    found[1, inner, inner] = patterns[2] + patterns[3]
    found[2, inner, inner] = patterns[4] + np.rot90(patterns[4])
    return found


def fingerprint(positions: Numbers, numbers: NDArray[np.int64], device: str = "cpu") -> Numbers:
    """(3, 64, 64) from 0 to 1: the intensities by the brightest of them; rows are y, columns x. Arguments and errors
    are those of `intensities`."""
    found = intensities(positions, numbers, device)
    return found / found.max()


def _interpolation(radius: float) -> tuple[Numbers, Numbers]:
    """Chebyshev's points in s (k,), and the weight (k, 30, 30) that each has at each pixel of a quadrant, for atoms
    within a radius.

    Over the ring the phase of an atom moves by 2 w at most, w = pi (s_max - s_min) radius |(X, Y, 1/wavelength)|; a
    polynomial through k points misses exp(i w t) by 2 (w/2)^k / k! (the first Bessel function left out).
    """
    pixels = detector()
    inside = pixels.shares[pixels.ring]
    low, high = float(inside.min()), float(inside.max())
    reach = math.hypot(RING_PIXELS[1] * pixels.step, 1.0 / WAVELENGTH)
    half_width = math.pi * (high - low) * radius * reach
    count = 2
    while 2.0 * (half_width / 2.0) ** count > ACCURACY * math.factorial(count):
        count += 1
    return _chebyshev(low, high, count)


@functools.cache
def _chebyshev(low: float, high: float, count: int) -> tuple[Numbers, Numbers]:
    points = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    quadrant = detector().shares[HALF:, HALF:]
    angles = np.arccos(np.clip((2.0 * quadrant - low - high) / (high - low), -1.0, 1.0))
    orders = np.arange(count)
    at_points = np.cos(orders[:, None] * np.arccos(points))  # (order, point)
    at_pixels = np.cos(orders[:, None, None] * angles)
    scale = np.where(orders == 0, 1.0, 2.0) / count
    weights: Numbers = np.einsum("ok,oyx->kyx", scale[:, None] * at_points, at_pixels)
    return 0.5 * (low + high) + 0.5 * (high - low) * points, weights


def _summed(at: Numbers, shares: Numbers, weights: Numbers, device: str) -> NDArray[np.complex128]:
    """(60, 60): the sum over atoms (n, 3) of exp(-2 pi i S.r) at every pixel, rows y and columns x.

    Pixels at x and -x have the same cosine and opposite sines: a quadrant's products of both make all four.
    """
    library, (places, points, shared) = _on(device, at, shares, weights)
    lot = min(len(shares), max(1, WAVES_AT_ONCE // len(at))) if device == "cpu" else len(shares)
    room = _Room(library, places, lot)
    for first in range(0, len(shares), lot):
        _add(library, places, points[first : first + lot], shared[first : first + lot], room)
    quadrant = np.asarray(room.total if library is np else room.total.cpu())
    found = np.empty((2 * HALF, 2 * HALF), dtype=np.complex128)
    (both_even, x_odd), (y_odd, both_odd) = np.moveaxis(quadrant[..., 0] + 1j * quadrant[..., 1], 1, 2)
    for sign_y, side_y in ((1.0, slice(HALF, None)), (-1.0, slice(HALF - 1, None, -1))):
        for sign_x, side_x in ((1.0, slice(HALF, None)), (-1.0, slice(HALF - 1, None, -1))):
            found[side_y, side_x] = both_even - sign_y * sign_x * both_odd + 1j * (sign_x * x_odd + sign_y * y_odd)
    return found


class _Room:
    """Memory for the waves of `lot` points in s, of one lot after the other: to ask for it each time costs more than
    the sums do. `total` (2, 30, 2, 30, 2) is the sum so far: parts that are even or odd in y, of each y, even or odd in
    x, of each x, real and imaginary."""

    def __init__(self, library: Any, at: Any, lot: int) -> None:
        like = {} if library is np else {"device": at.device}
        of_complex, of_real = {"dtype": library.complex128, **like}, {"dtype": library.float64, **like}
        self.rows, self.columns = (library.empty((lot, HALF, len(at)), **of_complex) for _ in range(2))
        self.of_y = library.empty((lot, 2, HALF, len(at)), **of_real)
        self.of_x = library.empty((lot, 2, HALF, 2, len(at)), **of_real)
        self.products = library.empty((lot, 2 * HALF, 4 * HALF), **of_real)
        self.total = library.zeros((2, HALF, 2, HALF, 2), **of_real)


def _add(library: Any, at: Any, shares: Any, weights: Any, room: _Room) -> None:
    """Adds to the room's total the sums of some points in s, each by its weights."""
    (x, y, z), s, lot, atoms = at.T, shares[:, None], len(shares), len(at)
    turn = -2j * math.pi
    step = 0.5 * turn * detector().step * s
    rows, columns, of_y, of_x = (each[:lot] for each in (room.rows, room.columns, room.of_y, room.of_x))
    _powers(library, library.exp(step * y), rows)
    _powers(library, library.exp(step * x), columns)
    of_y[:, 0], of_y[:, 1] = rows.real, rows.imag
    phase = library.exp(turn / WAVELENGTH * (s - 1.0) * z)[:, None]
    for parity, part in enumerate((columns.real, columns.imag)):
        library.multiply(part, phase.real, out=of_x[:, parity, :, 0])
        library.multiply(part, phase.imag, out=of_x[:, parity, :, 1])
    left, right = of_y.reshape(lot, 2 * HALF, atoms), of_x.reshape(lot, 4 * HALF, atoms)
    found = library.matmul(left, library.swapaxes(right, 1, 2), out=room.products[:lot])
    found = found.reshape(lot, 2, HALF, 2, HALF, 2)
    found *= weights[:, None, :, None, :, None]
    for each in found:
        room.total += each


def _on(device: str, *arrays: Numbers) -> tuple[Any, Sequence[Any]]:
    """numpy and the arrays, or torch and the same on its device."""
    if device == "cpu":
        return np, arrays
    import torch

    return torch, [torch.from_numpy(each).to(device) for each in arrays]


def _powers(library: Any, half: Any, found: Any) -> None:
    """Fills `found` (k, 30, n): of factors (k, n) that half a pixel's step has, those of the pixels on one side of the
    middle."""
    found[:, 0], step, done = half, half * half, 1
    while done < HALF:
        more = min(done, HALF - done)
        library.multiply(found[:, :more], step[:, None], out=found[:, done : done + more])
        step, done = step * step, done + more
