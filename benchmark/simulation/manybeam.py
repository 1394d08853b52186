"""Dynamical diffraction by many beams, for all directions of a convergent probe at once.

In a perfect crystal the wave of an incident direction K + K_t is a sum of beams psi_g, which obey (Metherell 1975;
De Graef 2003, eq. 5.30; high-energy approximation)

    d psi_g / dz = 2 pi i [ s_g(K_t) psi_g + sum_h U_{g-h} / (2 K) psi_h ],    s_g(K_t) = -g_z - (2 K_t.g + g.g) / (2 K)

with K the wave number, g the part across the beam, U the potential's Fourier coefficients times 2 m e / h^2, and
psi_g(0) = 1 for g = 0 alone. Only K_t.g changes between the directions, and it is small: it is split off symmetrically
(Strang), so that one matrix exponential a zone axis serves all directions and the rest is one matrix product a slice.

Beams W too weak to be followed are folded into the strong ones S by Bethe's perturbation (Bethe 1928):
A_SS - A_SW s_W^-1 A_WS. They carry psi_W = T psi_S with T = -s_W^-1 A_WS, so the strong beams' norm is 1 + T^H T, which
`Accuracy.weak_waves` takes into account (Loewdin 1951). Higher-order Laue zones: `laue_zones.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.benchmark import Accuracy
from benchmark.simulation.depth import depth_beams, propagate_in_depth
from benchmark.simulation.laue_zones import along_beam, lattice_step, ring_beams
from benchmark.simulation.potential import Atoms, coefficients
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.zone import Zone, reflections

if TYPE_CHECKING:
    import torch


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
        return (self.amplitudes.real**2 + self.amplitudes.imag**2).cpu().numpy()


@dataclass(frozen=True)
class _Beams:
    """Indices (n, 3) and vectors (n, 2): first the strong beams (beam 0 leads), then the weak ones."""

    indices: NDArray[np.int64]
    vectors: NDArray[np.float64]
    strong: int


def _whole_shells(keys: NDArray[np.float64], most: int) -> int:
    """How many of the beams to take, sorted by `keys`: whole shells only, so that the symmetry stays exact."""
    if len(keys) <= most:
        return len(keys)
    ends_of_shells = np.flatnonzero(np.diff(keys[: most + 1]) > 1e-6) + 1
    return int(ends_of_shells[-1]) if len(ends_of_shells) else 0


def _select(zone: Zone, wave_number: float, accuracy: Accuracy) -> _Beams:
    """Strong and weak beams of the zero-order zone, and the strong ones of higher zones."""
    indices, vectors = reflections(zone.reciprocal, accuracy.weak_per_angstrom)
    lengths = np.linalg.norm(vectors, axis=1)
    strong = _whole_shells(lengths[lengths < accuracy.strong_per_angstrom], accuracy.most_strong_beams)
    indices = np.column_stack([indices, np.zeros(len(indices), dtype=np.int64)])
    if accuracy.holz_excitation_per_angstrom > 0.0:
        ring = ring_beams(zone, wave_number, accuracy.holz_excitation_per_angstrom, accuracy.weak_per_angstrom)
        across = ring[:, :2] @ zone.reciprocal + ring[:, 2:] * zone.layer_shift
        excitation = np.abs((across**2).sum(axis=1) / (2.0 * wave_number) + ring[:, 2] / zone.repeat_angstrom)
        kept = _whole_shells(excitation, max(0, accuracy.most_strong_beams - strong))
        indices = np.concatenate([indices[:strong], ring[:kept], indices[strong:]])
        vectors = np.concatenate([vectors[:strong], across[:kept], vectors[strong:]])
        strong += kept
    return _Beams(indices, vectors, strong)


def _inverse_square_root(excess: torch.Tensor) -> torch.Tensor:
    """(1 + X)^(-1/2) of a small Hermitian X by its series; what is left out is 35/128 X^4."""
    import torch

    one = torch.eye(len(excess), dtype=excess.dtype, device=excess.device)
    return one + excess @ (-0.5 * one + excess @ (0.375 * one - 0.3125 * excess))


def _count_once(
    structure: torch.Tensor, coupling: torch.Tensor, layers: NDArray[np.int64], vectors: NDArray[np.float64],
    wave_number: float, repeat_angstrom: float,
) -> None:
    """Take out of the averaged higher zones what the beams of other layers that are followed bring in themselves.

    For a beam W of a layer l above, 1 / (s_g - s_W) in van Vleck's second order is R/l - (R/l)^2 (x_W - (x_g + x_h)/2)
    with x = g.g / 2K. The first term has no counterpart in the averaged potential, as it vanishes over all W together:
    a beam that leaves the average takes its share of both with it.
    """
    import torch

    device = structure.device
    energies = torch.from_numpy(((vectors**2).sum(axis=1) / (2.0 * wave_number)).astype(np.float32)).to(device)
    for layer in np.unique(layers):
        own = torch.from_numpy(np.flatnonzero(layers == layer)).to(device)
        other = np.flatnonzero(layers != layer)
        period = torch.from_numpy((repeat_angstrom / (layers[other] - layer)).astype(np.float32)).to(device)
        other = torch.from_numpy(other).to(device)
        between = coupling[own][:, other]
        back = between.conj().T
        first = (between * (period - period**2 * energies[other])) @ back
        second = (between * period**2) @ back
        mean = (energies[own][:, None] + energies[own][None, :]) / 2.0
        structure[own[:, None], own[None, :]] -= first + mean * second


def propagate(
    zone: Zone,
    directions: NDArray[np.float64],
    *,
    energy_kev: float,
    thickness_angstrom: float,
    atoms: Atoms,
    accuracy: Accuracy,
    tilt_per_angstrom: tuple[float, float] = (0.0, 0.0),
    reach_per_angstrom: float = math.inf,
    device: str = "cpu",
) -> Waves:
    """The waves of the strong beams, and with `accuracy.weak_waves` of the weak ones, behind a crystal.

    Parameters
    ----------
    directions : (n, 2) incident directions K_t, 1/Angstrom.
    tilt_per_angstrom : the crystal's mistilt as a shift of K_t.
    reach_per_angstrom : weak beams beyond are not returned.
    device : where the matrices are multiplied, `cpu` or a CUDA device of torch.

    Without absorption and weak waves the intensities of one direction add up to 1.
    """
    import torch

    wave_number = 1.0 / wavelength_angstrom(energy_kev)
    if accuracy.depth_slice_angstrom > 0.0 and (resolved := depth_beams(zone, accuracy)) is not None:
        waves = propagate_in_depth(zone, resolved, directions + tilt_per_angstrom, energy_kev=energy_kev,
                                   wave_number=wave_number, thickness_angstrom=thickness_angstrom, atoms=atoms,
                                   accuracy=accuracy, device=device)
        return Waves(waves, resolved.vectors, directions)
    beams = _select(zone, wave_number, accuracy)
    indices, vectors, strong = beams.indices, beams.vectors, beams.strong

    reach = 2 * np.abs(indices).max(axis=0)
    layers = range(-int(reach[2]), int(reach[2]) + 1)
    table = coefficients(zone, atoms, (int(reach[0]), int(reach[1])), layers, energy_kev) / (2.0 * wave_number)
    # U_{g-h} for strong g and all h. A difference of flat positions in the table is the flat position of the difference.
    strides = np.array([table.shape[2], 1, table.shape[1] * table.shape[2]])
    flat, centre = indices @ strides, reach @ strides

    def to_device(array: NDArray) -> torch.Tensor:
        return torch.from_numpy(array).to(device)

    coupling = to_device(table.astype(np.complex64).take(flat[:strong, None] - flat[None, :] + centre))
    along = indices[:, 2] / zone.repeat_angstrom
    excitation = to_device((-(vectors**2).sum(axis=1) / (2.0 * wave_number) - along).astype(np.float32))

    structure = coupling[:, :strong].clone()
    structure.diagonal().add_(excitation[:strong])
    entering = torch.zeros(strong, 1, dtype=torch.complex64, device=device)
    entering[0] = 1.0
    surfaces = None
    if accuracy.g_z_max_per_angstrom > 0.0:
        surfaces = along_beam(zone, atoms, energy_kev, wave_number, reach=(int(reach[0]), int(reach[1])),
                              g_z_max_per_angstrom=accuracy.g_z_max_per_angstrom,
                              thickness_angstrom=thickness_angstrom)
        plane = indices[:strong, :2] @ strides[:2]
        differences = plane[:, None] - plane[None, :] + reach[:2] @ strides[:2]
        same_layer = indices[:strong, None, 2] == indices[None, :strong, 2]

        def within_layers(table: NDArray) -> torch.Tensor:
            return to_device(np.where(same_layer, table.astype(np.complex64).take(differences), 0))

        structure += within_layers(surfaces.potential)
        if indices[:strong, 2].any():
            _count_once(structure, coupling[:, :strong], indices[:strong, 2], vectors[:strong], wave_number,
                        zone.repeat_angstrom)
        entering = within_layers(surfaces.entrance)[:, :1]
    folded = strong < len(indices)
    if folded:
        to_weak = coupling[:, strong:]
        # Of a potential that absorbs, A_WS is not the adjoint of A_SW.
        from_strong = to_weak.conj().T if atoms.absorption == "none" else to_device(
            table.astype(np.complex64).take(flat[strong:, None] - flat[None, :strong] + centre))
        structure -= (to_weak / excitation[strong:]) @ from_strong
    if weak_waves := folded and accuracy.weak_waves:
        carried = -from_strong / excitation[strong:, None]
        norm = _inverse_square_root(carried.conj().T @ carried)
        structure = norm @ structure @ norm
        entering = norm @ entering

    slices = max(1, math.ceil(thickness_angstrom / accuracy.slice_angstrom))
    step = thickness_angstrom / slices
    through = torch.linalg.matrix_exp(2j * math.pi * step * structure)
    incident = directions + tilt_per_angstrom
    slant = to_device(-vectors[:strong] @ incident.T / wave_number)
    full_step = torch.polar(torch.ones_like(slant), 2.0 * math.pi * step * slant).to(torch.complex64)
    half_step = torch.polar(torch.ones_like(slant), math.pi * step * slant).to(torch.complex64)

    if surfaces is None and not weak_waves:
        # Beam 0 alone enters, whose half step is the identity: the first product is a column of the exponential.
        waves = through[:, :1] * half_step if slices == 1 else through[:, :1] * full_step
    else:
        waves = (through @ (entering * half_step)) * (half_step if slices == 1 else full_step)
    for number in range(2, slices + 1):
        waves = (through @ waves) * (half_step if number == slices else full_step)

    if weak_waves:
        waves = norm @ waves
        shown = np.flatnonzero(np.linalg.norm(vectors[strong:], axis=1) < reach_per_angstrom)
        carried = carried[torch.from_numpy(shown).to(device)]
        slant = -vectors[strong:][shown] @ incident.T / wave_number
        phase = 2.0 * math.pi * thickness_angstrom * (excitation[strong:].cpu().numpy()[shown, None] + slant)
        phase = to_device(phase.astype(np.float32))
        # At the entrance no weak beam is there: what the strong beams carry into them starts with the opposite.
        free = (carried @ (norm @ entering)) * torch.polar(torch.ones_like(phase), phase)
        weak = carried @ waves - free
        vectors = np.concatenate([vectors[:strong], vectors[strong:][shown]])
        indices = np.concatenate([indices[:strong], indices[strong:][shown]])
    else:
        vectors, indices = vectors[:strong], indices[:strong]
    if surfaces is not None:
        waves = within_layers(surfaces.exit) @ waves
    if weak_waves:
        waves = torch.cat([waves, weak])
    if indices[:, 2].any():
        waves, vectors = _merged(zone, waves, indices, vectors, thickness_angstrom)
    return Waves(waves, vectors, directions)


def _merged(
    zone: Zone, waves: torch.Tensor, indices: NDArray[np.int64], vectors: NDArray[np.float64], thickness_angstrom: float
) -> tuple[torch.Tensor, NDArray[np.float64]]:
    """Waves with the phase exp(2 pi i g_z t) behind the crystal; beams that share a place across the beam are added."""
    import torch

    to_phase = 2.0 * np.pi * thickness_angstrom / zone.repeat_angstrom * indices[:, 2]
    phase = torch.from_numpy(np.exp(1j * to_phase).astype(np.complex64)).to(waves.device)
    place = indices.copy()
    for layer in np.unique(indices[:, 2]):
        if (step := lattice_step(zone, int(layer))) is not None:
            chosen = indices[:, 2] == layer
            place[chosen] += np.append(step, -layer)
    _, first, group = np.unique(place, axis=0, return_index=True, return_inverse=True)
    merged = torch.zeros(len(first), waves.shape[1], dtype=waves.dtype, device=waves.device)
    merged.index_add_(0, torch.from_numpy(group.ravel()).to(waves.device), waves * phase[:, None])
    return merged, vectors[first]
