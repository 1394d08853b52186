"""Dynamical diffraction by many beams, for all directions of a convergent probe at once.

In a perfect crystal the wave of an incident direction K + K_t is a sum of beams psi_g, which obey (Metherell 1975;
De Graef 2003, eq. 5.30; high-energy approximation)

    d psi_g / dz = 2 pi i [ s_g(K_t) psi_g + sum_h U_{g-h} / (2 K) psi_h ],    s_g(K_t) = -(2 K_t.g + g.g) / (2 K)

with K the wave number, U the potential's Fourier coefficients times 2 m e / h^2, and psi_g(0) = 1 for g = 0 alone.
The zero-order Laue zone is kept. Only K_t.g changes between the directions, and it is small: it is split off
symmetrically (Strang), so that one matrix exponential a zone axis serves all directions and the rest is one matrix
product a slice. Beams too weak to be followed are folded into the others by Bethe's perturbation (Bethe 1928):
A_SS - A_SW s_W^-1 A_WS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.benchmark import Accuracy
from benchmark.simulation.scattering import electron_scattering_factor, mass_ratio, wavelength_angstrom
from benchmark.simulation.zone import Zone, reflections


@dataclass(frozen=True)
class Beams:
    """Exit intensities: (beams, directions); `vectors` (beams, 2) and `directions` (directions, 2) in 1/Angstrom."""

    intensities: NDArray[np.float32]
    vectors: NDArray[np.float64]
    directions: NDArray[np.float64]


def aperture(semi_angle_per_angstrom: float, across: int) -> NDArray[np.float64]:
    """Directions (n, 2) that sample a round aperture on a square grid, symmetric under its flips and quarter turns."""
    ticks = (np.arange(across) - (across - 1) / 2) * (2.0 * semi_angle_per_angstrom / across)
    grid = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    return grid[np.linalg.norm(grid, axis=1) < semi_angle_per_angstrom]


def potential_coefficients(
    zone: Zone, reach: NDArray[np.int64], energy_kev: float, debye_waller_b_angstrom2: float
) -> NDArray[np.complex128]:
    """U_g in 1/Angstrom^2 for all (h, k) with |h| <= reach[0], |k| <= reach[1], as a table centred on (0, 0).

    U_g = (m / m0) / (pi V) sum_j f_j(g) exp(-B g^2 / 4) exp(-2 pi i g.r_j)  (De Graef 2003, eq. 2.17).
    """
    h, k = (np.arange(-n, n + 1) for n in reach)
    g2 = (((h[:, None, None] * zone.reciprocal[0]) + (k[None, :, None] * zone.reciprocal[1])) ** 2).sum(axis=-1)
    length = np.sqrt(g2)
    phase_h = np.exp(-2j * np.pi * np.outer(h, zone.positions[:, 0]))
    phase_k = np.exp(-2j * np.pi * np.outer(zone.positions[:, 1], k))
    table = np.zeros(g2.shape, dtype=np.complex128)
    for number in np.unique(zone.numbers):
        atoms = zone.numbers == number
        table += electron_scattering_factor(int(number), length) * (phase_h[:, atoms] @ phase_k[atoms])
    return table * (mass_ratio(energy_kev) / (np.pi * zone.volume_angstrom3)) * np.exp(
        -debye_waller_b_angstrom2 * g2 / 4.0
    )


def _strong_beams(lengths: NDArray[np.float64], accuracy: Accuracy) -> int:
    """How many of the beams (sorted by length) to propagate: whole shells only, so that the symmetry stays exact."""
    strong = int((lengths < accuracy.strong_per_angstrom).sum())
    if strong <= accuracy.most_strong_beams:
        return strong
    ends_of_shells = np.flatnonzero(np.diff(lengths[: accuracy.most_strong_beams + 1]) > 1e-6) + 1
    return int(ends_of_shells[-1])


def propagate(
    zone: Zone,
    *,
    energy_kev: float,
    thickness_angstrom: float,
    semi_angle_per_angstrom: float,
    debye_waller_b_angstrom2: float = 0.0,
    tilt_per_angstrom: tuple[float, float] = (0.0, 0.0),
    accuracy: Accuracy,
) -> Beams:
    """Intensities of the strong beams behind a crystal, for every direction of a probe without aberrations.

    `tilt_per_angstrom` is the crystal's mistilt as a shift of K_t. Without absorption the intensities of one direction
    add up to 1.
    """
    import torch

    wave_number = 1.0 / wavelength_angstrom(energy_kev)
    indices, vectors = reflections(zone.reciprocal, accuracy.weak_per_angstrom)
    strong = _strong_beams(np.linalg.norm(vectors, axis=1), accuracy)

    reach = 2 * np.abs(indices).max(axis=0)
    table = potential_coefficients(zone, reach, energy_kev, debye_waller_b_angstrom2) / (2.0 * wave_number)
    # U_{g-h} for strong g and all h. A difference of flat positions in the table is the flat position of the difference.
    flat = indices @ (table.shape[1], 1)
    centre = reach @ (table.shape[1], 1)
    coupling = torch.from_numpy(table.astype(np.complex64).take(flat[:strong, None] - flat[None, :] + centre))
    excitation = torch.from_numpy((-(vectors**2).sum(axis=1) / (2.0 * wave_number)).astype(np.float32))

    structure = coupling[:, :strong].clone()
    structure.diagonal().add_(excitation[:strong])
    if strong < len(indices):
        to_weak = coupling[:, strong:]
        structure -= (to_weak / excitation[strong:]) @ to_weak.conj().T

    slices = max(1, math.ceil(thickness_angstrom / accuracy.slice_angstrom))
    step = thickness_angstrom / slices
    through = torch.linalg.matrix_exp(2j * math.pi * step * structure)
    directions = aperture(semi_angle_per_angstrom, accuracy.directions_across)
    slant = torch.from_numpy(-vectors[:strong] @ (directions + tilt_per_angstrom).T / wave_number)
    full_step = torch.polar(torch.ones_like(slant), 2.0 * math.pi * step * slant).to(torch.complex64)
    half_step = torch.polar(torch.ones_like(slant), math.pi * step * slant).to(torch.complex64)

    # Beam 0 alone enters, whose half step is the identity: the first product is a column of the exponential.
    waves = through[:, :1] * half_step if slices == 1 else through[:, :1] * full_step
    for number in range(2, slices + 1):
        waves = (through @ waves) * (half_step if number == slices else full_step)
    return Beams((waves.real**2 + waves.imag**2).numpy(), vectors[:strong], directions)
