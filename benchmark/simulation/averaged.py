"""The folded beam equations of one crystal: the beams followed, their matrix, and the weak beams' waves from theirs.

See `manybeam.py` for the equations. The structure along the beam is averaged (`laue_zones.py`), so one matrix holds for
all slices of the same thickness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.laue_zones import along_beam, lattice_step, ring_beams
from benchmark.simulation.march import Course, Exit, exponentials
from benchmark.simulation.potential import coefficients
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.waves import Problem, Waves
from benchmark.simulation.zone import Zone, reflections

if TYPE_CHECKING:
    import torch


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
    structure: torch.Tensor,
    coupling: torch.Tensor,
    layers: NDArray[np.int64],
    vectors: NDArray[np.float64],
    wave_number: float,
    repeat_angstrom: float,
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


def _slices(
    thicknesses_angstrom: Sequence[float], slice_angstrom: float
) -> tuple[list[float], tuple[tuple[int, float], ...], tuple[Exit, ...]]:
    """The different thicknesses of slices, the slices, and the exits: equal slices between neighbouring thicknesses."""
    lengths: list[float] = []
    slices: list[tuple[int, float]] = []
    exits, depth = {}, 0.0
    for thickness in sorted(set(thicknesses_angstrom)):
        count = max(1, math.ceil((thickness - depth) / slice_angstrom))
        length = (thickness - depth) / count
        which = next((index for index, known in enumerate(lengths) if math.isclose(known, length, rel_tol=1e-9)), None)
        if which is None:
            which = len(lengths)
            lengths.append(length)
        slices += [(which, lengths[which])] * count
        exits[thickness], depth = Exit(len(slices)), thickness
    return lengths, tuple(slices), tuple(exits[thickness] for thickness in thicknesses_angstrom)


class AveragedCrystal:
    """The matrix of a problem's strong beams, complex64 on a device, and how its waves leave."""

    def __init__(self, problem: Problem, accuracy: Accuracy, reach_per_angstrom: float, device: str) -> None:
        import torch

        self.problem, self.reach = problem, reach_per_angstrom
        zone, atoms, wave_number = problem.zone, problem.atoms, problem.wave_number
        beams = _select(zone, wave_number, accuracy)
        self.indices, self.vectors, self.strong = indices, vectors, strong = beams.indices, beams.vectors, beams.strong

        reach = 2 * np.abs(indices).max(axis=0)
        layers = range(-int(reach[2]), int(reach[2]) + 1)
        table = coefficients(zone, atoms, (int(reach[0]), int(reach[1])), layers, problem.energy_kev)
        # U_{g-h} for strong g and all h. A difference of flat positions in the table is the flat position of the
        # difference.
        strides = np.array([table.shape[2], 1, table.shape[1] * table.shape[2]])
        flat, centre = indices @ strides, int(reach @ strides)

        def to_device(array: NDArray) -> torch.Tensor:
            return torch.from_numpy(array).to(device)

        table = to_device((table / (2.0 * wave_number)).astype(np.complex64))
        flat = to_device(flat)
        coupling = table.take(flat[:strong, None] - flat[None, :] + centre)
        along = indices[:, 2] / zone.repeat_angstrom
        self.excitation = (-(vectors**2).sum(axis=1) / (2.0 * wave_number) - along).astype(np.float32)
        excitation = to_device(self.excitation)

        structure = coupling[:, :strong].clone()
        structure.diagonal().add_(excitation[:strong])
        entering = None
        self.leaving: list[torch.Tensor] = []
        if accuracy.g_z_max_per_angstrom > 0.0:
            surfaces = along_beam(
                zone,
                atoms,
                problem.energy_kev,
                wave_number,
                reach=(int(reach[0]), int(reach[1])),
                g_z_max_per_angstrom=accuracy.g_z_max_per_angstrom,
                thicknesses_angstrom=problem.thicknesses_angstrom,
            )
            plane = to_device(indices[:strong, :2] @ strides[:2])
            differences = plane[:, None] - plane[None, :] + int(reach[:2] @ strides[:2])
            layer = to_device(indices[:strong, 2])
            same_layer = layer[:, None] == layer[None, :]

            def within_layers(table: NDArray) -> torch.Tensor:
                return to_device(table.astype(np.complex64)).take(differences) * same_layer

            structure += within_layers(surfaces.potential)
            if indices[:strong, 2].any():
                _count_once(
                    structure,
                    coupling[:, :strong],
                    indices[:strong, 2],
                    vectors[:strong],
                    wave_number,
                    zone.repeat_angstrom,
                )
            entering = within_layers(surfaces.entrance)[:, :1]
            self.leaving = [within_layers(table) for table in surfaces.exits]
        folded = strong < len(indices)
        self.norm = self.carried = None
        if folded:
            to_weak = coupling[:, strong:]
            # Of a potential that absorbs, A_WS is not the adjoint of A_SW.
            from_strong = (
                to_weak.conj().T
                if atoms.absorption == "none"
                else table.take(flat[strong:, None] - flat[None, :strong] + centre)
            )
            structure -= (to_weak / excitation[strong:]) @ from_strong
        if folded and accuracy.weak_waves:
            carried = -from_strong / excitation[strong:, None]
            self.norm = _inverse_square_root(carried.conj().T @ carried)
            structure = self.norm @ structure @ self.norm
            entering = self.norm[:, :1] if entering is None else self.norm @ entering
            self.shown = np.flatnonzero(np.linalg.norm(vectors[strong:], axis=1) < reach_per_angstrom)
            self.carried = carried[to_device(self.shown)]
        self.structure = structure
        self.lengths, slices, exits = _slices(problem.thicknesses_angstrom, accuracy.slice_angstrom)
        slant = to_device(-vectors[:strong] @ problem.incident.T / wave_number)
        self.course = Course(slant, slices, exits, entering)

    @staticmethod
    def matrices(crystals: Sequence[AveragedCrystal]) -> list[list[torch.Tensor]]:
        """The matrix of each of a crystal's different slices, for each crystal."""
        scaled = [2j * math.pi * length * crystal.structure for crystal in crystals for length in crystal.lengths]
        found = iter(exponentials(scaled))
        return [[next(found) for _ in crystal.lengths] for crystal in crystals]

    def behind(self, number: int, waves: torch.Tensor) -> Waves:
        """What leaves at an exit, from the waves (strong beams, directions) of `march`."""
        import torch

        problem, strong = self.problem, self.strong
        thickness = problem.thicknesses_angstrom[number]
        vectors, indices = self.vectors[:strong], self.indices[:strong]
        weak = None
        if self.carried is not None:
            waves = self.norm @ waves
            weak_vectors = self.vectors[strong:][self.shown]
            slant = -weak_vectors @ problem.incident.T / problem.wave_number
            phase = 2.0 * math.pi * thickness * (self.excitation[strong:][self.shown, None] + slant)
            phase = torch.from_numpy(phase.astype(np.float32)).to(waves.device)
            # At the entrance no weak beam is there: what the strong beams carry into them starts with the opposite.
            free = (self.carried @ (self.norm @ self.course.entering)) * torch.polar(torch.ones_like(phase), phase)
            weak = self.carried @ waves - free
            vectors = np.concatenate([vectors, weak_vectors])
            indices = np.concatenate([indices, self.indices[strong:][self.shown]])
        if self.leaving:
            waves = self.leaving[number] @ waves
        if weak is not None:
            waves = torch.cat([waves, weak])
        if indices[:, 2].any():
            waves, vectors = _merged(problem.zone, waves, indices, vectors, thickness)
        return Waves(waves, vectors, problem.directions)


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
