"""The higher-order Laue zones: what the crystal's structure along the beam does to the waves.

Seen by the electron, the potential's Fourier components u_l(r) with g_z = l / R (R the repeat along the beam) oscillate
quickly. What they do on average follows from van Vleck's high-frequency expansion (Bukov, D'Alessio & Polkovnikov 2015,
Adv. Phys. 64, 139, eq. 41 and 43) of the beam equations. As potentials commute, the first order in R vanishes: it does
so only when l and -l are kept together for all g and each with the same neighbours, which a cut of the beams by their
excitation error breaks. The second order is a potential, too: with U/2K = sum_l u_l(r) exp(2 pi i l z / R),

    -sum_l (R / l)^2 |grad u_l|^2 / (2 K) / (2 pi)^2

and the surfaces at z = 0 and z = t act as phase gratings exp(-+ i theta(z)) with

    theta(z) = -i sum_l u_l R/l exp(2 pi i l z/R)

The expansion fails for the few beams that the Ewald sphere meets, s_g = 0; those are followed as beams of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from benchmark.simulation.potential import Atoms, coefficients
from benchmark.simulation.zone import Zone

_SAME_PLACE_PER_ANGSTROM = 1e-6


def lattice_step(zone: Zone, layer: int) -> NDArray[np.int64] | None:
    """The zero-order reflection (h, k) above which the origin of a layer lies, or None where it lies between them."""
    step = layer * zone.layer_shift @ zone.lattice.T
    nearest = np.round(step)
    displaced = np.linalg.norm((step - nearest) @ zone.reciprocal)
    return nearest.astype(np.int64) if displaced < _SAME_PLACE_PER_ANGSTROM else None


def ring_beams(
    zone: Zone, wave_number: float, excitation_per_angstrom: float, g_max_per_angstrom: float
) -> NDArray[np.int64]:
    """Indices (n, 3) of the beams of higher zones with |s_g| up to a limit and |g_t| < g_max, nearest to s_g = 0 first.

    Beams that a symmetry operation of the zone axis maps onto each other have the same |s_g| and stand together.
    """
    highest = g_max_per_angstrom**2 / (2.0 * wave_number) + excitation_per_angstrom
    layers = int(np.floor(highest * zone.repeat_angstrom))
    found = []
    norms = np.linalg.norm(zone.lattice, axis=1)
    for layer in (*range(-layers, 0), *range(1, layers + 1)):
        shift = layer * zone.layer_shift
        reach = np.ceil((g_max_per_angstrom + np.linalg.norm(shift)) * norms).astype(int)
        plane = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 2)
        squared = ((plane @ zone.reciprocal + shift) ** 2).sum(axis=1)
        excitation = -squared / (2.0 * wave_number) - layer / zone.repeat_angstrom
        kept = (np.abs(excitation) < excitation_per_angstrom) & (squared < g_max_per_angstrom**2)
        found.append(np.column_stack([plane, np.full(len(plane), layer), np.round(np.abs(excitation), 7)])[kept])
    beams = np.concatenate(found) if found else np.empty((0, 4))
    return beams[np.argsort(beams[:, 3], kind="stable"), :3].astype(np.int64)


def centred(zone: Zone, layer: int) -> Zone:
    """The same crystal with the origin of a layer at its reflection that is nearest to the optical axis: the vectors
    across the beam are lowered by so much of the one along it. Of other layers it says nothing."""
    step = np.round(np.round(layer * zone.layer_shift @ zone.lattice.T, 9)) / layer
    return replace(
        zone, layer_shift=zone.layer_shift - step @ zone.reciprocal, heights=zone.heights - zone.positions @ step
    )


@dataclass(frozen=True)
class AlongBeam:
    """What the structure along the beam adds, as tables over (h, k) centred on (0, 0).

    Attributes
    ----------
    potential : to be added to U/2K, 1/Angstrom.
    entrance, exits : Fourier coefficients of the phase gratings at z = 0 and at each thickness z = t.
    """

    potential: NDArray[np.complex128]
    entrance: NDArray[np.complex128]
    exits: list[NDArray[np.complex128]]


def along_beam(
    zone: Zone,
    atoms: Atoms,
    energy_kev: float,
    wave_number: float,
    *,
    reach: tuple[int, int],
    g_z_max_per_angstrom: float,
    thicknesses_angstrom: Sequence[float],
) -> AlongBeam:
    """The averaged effect of all layers with |l| / R up to `g_z_max_per_angstrom`; of absorbing atoms elastic alone."""
    elastic = Atoms(atoms.b_angstrom2, atoms.parametrisation)
    layers = range(1, int(g_z_max_per_angstrom * zone.repeat_angstrom) + 1)  # -l is the conjugate of l
    h, k = (np.arange(-n, n + 1) for n in reach)
    plane = h[:, None, None] * zone.reciprocal[0] + k[None, :, None] * zone.reciprocal[1]
    side = tuple(next_fast_len(3 * n + 1) for n in reach)  # products of two fields do not wrap onto |h| <= reach

    def to_space(table: NDArray) -> NDArray:
        field = np.zeros(side, dtype=np.complex128)
        field[np.ix_(h % side[0], k % side[1])] = table
        return np.fft.ifft2(field) * field.size

    def to_table(field: NDArray) -> NDArray:
        return (np.fft.fft2(field) / field.size)[np.ix_(h % side[0], k % side[1])]

    potential, start = np.zeros(side), np.zeros(side)
    ends = [np.zeros(side) for _ in thicknesses_angstrom]
    across, down = (np.arange(n) / n for n in side)
    whole, longest = zone, min((np.array(reach) - 0.5) / np.linalg.norm(zone.lattice, axis=1))
    for layer in layers:
        zone = centred(whole, layer)
        period = zone.repeat_angstrom / layer
        slope = plane + layer * zone.layer_shift
        table = coefficients(zone, elastic, reach, range(layer, layer + 1), energy_kev)[0] / (2.0 * wave_number)
        table *= np.linalg.norm(slope, axis=-1) < longest - 1e-9  # as far on every side, and so as symmetric
        squares = sum(np.abs(to_space(table * slope[..., axis])) ** 2 for axis in range(2))
        potential -= period**2 * squares / wave_number
        if (step := lattice_step(zone, layer)) is not None:
            field = to_space(table) * np.exp(2j * np.pi * (step[0] * across[:, None] + step[1] * down[None, :]))
            start += 2.0 * period * field.imag
            for end, thickness in zip(ends, thicknesses_angstrom, strict=True):
                end += 2.0 * period * (field * np.exp(2j * np.pi * thickness / period)).imag
    return AlongBeam(to_table(potential), to_table(np.exp(-1j * start)), [to_table(np.exp(1j * end)) for end in ends])
