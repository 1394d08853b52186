"""Another method to measure the many-beam engine by: FFT multislice of a true three-dimensional crystal, and crystals.

Nothing of the engine is used but the atoms' scattering factors. Cells are orthogonal; a slice holds the potential
between its two planes (not projected onto one), from the structure factors by an exact integral along the beam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft2, ifft2, next_fast_len

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.scattering import electron_scattering_factor


@dataclass(frozen=True)
class TestCrystal:
    """A crystal seen along [001] of its conventional cell, and the same in a cell of right angles for multislice."""

    name: str
    system: str
    crystal: Crystal
    lengths: NDArray[np.float64]
    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    b_angstrom2: float


def _sample(name: str, system: str, group: int, lengths: tuple, atoms: list, b: float) -> TestCrystal:
    """`atoms`: (number, positions); in hexagonal axes (120 degrees) where the system says so."""
    numbers = np.array([number for number, places in atoms for _ in places])
    positions = np.array([place for _, places in atoms for place in places], dtype=float) % 1.0
    a, b_length, c = lengths
    if system in ("hexagonal", "trigonal"):
        cell = np.array([[a, 0, 0], [-a / 2, a * math.sqrt(3.0) / 2, 0], [0, 0, c]])
        right = np.array([a, a * math.sqrt(3.0), c])
        # a, a + 2 b and c are at right angles; the cell holds two of the hexagonal ones
        inside = np.concatenate([(positions + np.array([0, shift, 0])) @ cell for shift in (0, 1)])
        return TestCrystal(
            name,
            system,
            Crystal(cell, numbers, positions, group),
            right,
            np.tile(numbers, 2),
            (inside / right) % 1.0,
            b,
        )
    cell = np.diag([a, b_length, c]).astype(float)
    return TestCrystal(name, system, Crystal(cell, numbers, positions, group), np.diag(cell), numbers, positions, b)


def _general(points: list, group: str) -> list:
    """The distinct images of points under a group, by its name in gemmi's tables."""
    import gemmi

    found: list = []
    operations = list(gemmi.SpaceGroup(group).operations())
    for point in points:
        for operation in operations:
            image = np.array(operation.apply_to_xyz(list(point))) % 1.0
            if not any(np.allclose((image - other + 0.5) % 1.0, 0.5, atol=1e-4) for other in found):
                found.append(image)
    return found


_FACES = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
_PNMA, _P3121, _I41A = "P n m a", "P 31 2 1", "I 41/a :2"
_U, _V = 0.3053, 0.377

SAMPLES = {
    sample.name: sample
    for sample in (
        _sample(
            "SrTiO3",
            "cubic",
            221,
            (3.905, 3.905, 3.905),
            [(38, [(0, 0, 0)]), (22, [(0.5, 0.5, 0.5)]), (8, [(0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)])],
            0.5,
        ),
        _sample("W", "cubic", 229, (3.165,) * 3, [(74, [(0, 0, 0), (0.5, 0.5, 0.5)])], 0.5),
        _sample("Au", "cubic", 225, (4.078,) * 3, [(79, _FACES)], 0.5),
        _sample(
            "UO2",
            "cubic",
            225,
            (5.471,) * 3,
            [(92, _FACES), (8, [np.add(face, shift) for face in _FACES for shift in (0.25, 0.75)])],
            0.4,
        ),
        _sample(
            "CaWO4",
            "tetragonal",
            88,
            (5.243, 5.243, 11.376),
            [
                (20, _general([(0, 0.25, 0.625)], _I41A)),
                (74, _general([(0, 0.25, 0.125)], _I41A)),
                (8, _general([(0.1504, 0.0086, 0.2106)], _I41A)),
            ],
            0.4,
        ),
        _sample(
            "PbSO4",
            "orthorhombic",
            62,
            (8.482, 5.398, 6.959),
            [
                (82, _general([(0.188, 0.25, 0.167)], _PNMA)),
                (16, _general([(0.063, 0.25, 0.684)], _PNMA)),
                (8, _general([(0.908, 0.25, 0.596), (0.194, 0.25, 0.543), (0.079, 0.026, 0.809)], _PNMA)),
            ],
            0.7,
        ),
        _sample(
            "MgO",
            "cubic",
            225,
            (4.212, 4.212, 4.212),
            [(12, _FACES), (8, [np.add(face, 0.5) for face in _FACES])],
            0.35,
        ),
        _sample("PbS", "cubic", 225, (5.936,) * 3, [(82, _FACES), (16, [np.add(face, 0.5) for face in _FACES])], 0.8),
        _sample(
            "TiO2",
            "tetragonal",
            136,
            (4.594, 4.594, 2.959),
            [
                (22, [(0, 0, 0), (0.5, 0.5, 0.5)]),
                (8, [(_U, _U, 0), (-_U, -_U, 0), (0.5 + _U, 0.5 - _U, 0.5), (0.5 - _U, 0.5 + _U, 0.5)]),
            ],
            0.5,
        ),
        _sample(
            "PbTiO3",
            "tetragonal",
            99,
            (3.904, 3.904, 4.152),
            [
                (82, [(0, 0, 0)]),
                (22, [(0.5, 0.5, 0.5377)]),
                (8, [(0.5, 0.5, 0.1118), (0.5, 0, 0.6174), (0, 0.5, 0.6174)]),
            ],
            0.5,
        ),
        _sample(
            "GaN",
            "hexagonal",
            186,
            (3.189, 3.189, 5.185),
            [(31, [(1 / 3, 2 / 3, 0), (2 / 3, 1 / 3, 0.5)]), (7, [(1 / 3, 2 / 3, _V), (2 / 3, 1 / 3, 0.5 + _V)])],
            0.5,
        ),
        _sample(
            "SiO2",
            "trigonal",
            152,
            (4.913, 4.913, 5.405),
            [(14, _general([(0.4697, 0, 1 / 3)], _P3121)), (8, _general([(0.4133, 0.2672, 0.2144)], _P3121))],
            0.6,
        ),
        _sample(
            "SnS",
            "orthorhombic",
            62,
            (4.334, 3.987, 11.200),
            [(50, _general([(0.1194, 0.25, 0.1198)], _PNMA)), (16, _general([(0.4793, 0.25, 0.8508)], _PNMA))],
            0.8,
        ),
        _sample(
            "CaTiO3",
            "orthorhombic",
            62,
            (5.442, 7.640, 5.380),
            [
                (20, _general([(0.036, 0.25, -0.007)], _PNMA)),
                (22, _general([(0, 0, 0.5)], _PNMA)),
                (8, _general([(0.484, 0.25, 0.071), (0.289, 0.037, -0.289)], _PNMA)),
            ],
            0.5,
        ),
    )
}


def multislice(
    sample: TestCrystal,
    directions: NDArray[np.float64],
    *,
    energy_kev: float,
    thickness_angstrom: float,
    band_per_angstrom: float,
    slice_angstrom: float,
    parametrisation: str = "lobato",
) -> NDArray[np.complex128]:
    """Exit amplitudes (directions, nx, ny) over the beams in numpy's order; half a step of free space at either end.

    `band_per_angstrom` limits waves and gratings, on a grid that lets no product wrap into the band.
    """
    energy, rest = energy_kev, 510.99895
    wavelength = 12.398419843 / math.sqrt(energy * (energy + 2.0 * rest))
    (a, b, c), numbers = sample.lengths, sample.numbers
    nx, ny = (next_fast_len(int(3.0 * band_per_angstrom * length) + 2) for length in (a, b))
    h, k = np.fft.fftfreq(nx, 1.0 / nx), np.fft.fftfreq(ny, 1.0 / ny)
    layers = np.arange(-math.ceil(7.0 * c), math.ceil(7.0 * c) + 1)
    across = (h / a)[:, None] ** 2 + (k / b)[None, :] ** 2
    band = np.sqrt(across) < band_per_angstrom
    table = np.zeros((len(layers), nx, ny), dtype=complex)
    for layer, part in zip(layers, table, strict=True):
        g2 = across + (layer / c) ** 2
        for number in np.unique(numbers):
            x, y, z = sample.positions[numbers == number].T
            phases = np.exp(
                -2j * np.pi * (np.outer(x, h)[:, :, None] + np.outer(y, k)[:, None, :] + layer * z[:, None, None])
            )
            part += electron_scattering_factor(int(number), np.sqrt(g2), parametrisation) * phases.sum(axis=0)
        part *= np.exp(-sample.b_angstrom2 * g2 / 4.0) * (1.0 + energy / rest) / (math.pi * a * b * c)

    def grating(start: float, end: float) -> NDArray:
        g_z = layers / c
        weight = np.full(len(layers), end - start, dtype=complex)
        varying = layers != 0
        weight[varying] = (np.exp(2j * np.pi * g_z[varying] * end) - np.exp(2j * np.pi * g_z[varying] * start)) / (
            2j * np.pi * g_z[varying]
        )
        phase = np.fft.ifft2(np.tensordot(weight, table, 1) * band).real * (nx * ny) * math.pi * wavelength
        return ifft2(fft2(np.exp(1j * phase)) * band)

    squared = ((h / a)[None, :, None] + directions[:, 0, None, None]) ** 2 + (
        (k / b)[None, None, :] + directions[:, 1, None, None]
    ) ** 2

    def free(distance: float) -> NDArray:
        return np.exp(-1j * math.pi * wavelength * distance * squared) * band

    count = max(1, round(c / slice_angstrom))
    step = c / count
    gratings = [grating(number * step, (number + 1) * step) for number in range(count)]
    whole, half = free(step), free(step / 2.0)
    waves = np.zeros(squared.shape, dtype=complex)
    waves[:, 0, 0] = 1.0
    waves *= half
    slices = int(thickness_angstrom / step + 1e-6)
    for number in range(slices):
        waves = fft2(ifft2(waves, overwrite_x=True) * gratings[number % count], overwrite_x=True)
        waves *= whole if number < slices - 1 else half
    if (rest_angstrom := thickness_angstrom - slices * step) > 1e-6:
        start = (slices % count) * step
        short = free(rest_angstrom / 2.0)
        waves = fft2(ifft2(waves * short) * grating(start, start + rest_angstrom)) * short
    return waves


def beams_of(waves: NDArray, sample: TestCrystal, k_max_per_angstrom: float) -> tuple[NDArray, NDArray]:
    """Vectors (n, 2) of the beams on a square detector, and their intensities (n, directions)."""
    nx, ny = waves.shape[1:]
    vectors = np.stack(
        np.meshgrid(
            np.fft.fftfreq(nx, 1.0 / nx) / sample.lengths[0],
            np.fft.fftfreq(ny, 1.0 / ny) / sample.lengths[1],
            indexing="ij",
        ),
        axis=-1,
    )
    seen = (np.abs(vectors) < k_max_per_angstrom).all(axis=-1)
    return vectors[seen], (np.abs(waves[:, seen]) ** 2).T


def errors(expected: NDArray, vectors: NDArray, found: NDArray, found_vectors: NDArray) -> tuple[float, float]:
    """Relative L2 and R1 of intensities (beams, directions) against the expected ones, over all expected beams."""
    where = {tuple(np.round(vector, 4) + 0.0): row for row, vector in enumerate(found_vectors)}
    rows = [where.get(tuple(np.round(vector, 4) + 0.0), -1) for vector in vectors]
    padded = np.vstack([found, np.zeros_like(found[:1])])[rows]
    return (
        float(np.linalg.norm(padded - expected) / np.linalg.norm(expected)),
        float(np.abs(padded - expected).sum() / expected.sum()),
    )
