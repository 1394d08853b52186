"""The crystal's structure along the beam resolved in thin slices, where it repeats within a block of few beams.

In the higher-order Laue zones' exact treatment the potential changes along the beam with the period R. Where all layers
of the reciprocal lattice lie above one another, or after a few of them again (`coset_count`), the beams form one
two-dimensional lattice. Then a slice is a matrix between beams, the product of a phase grating and free space as in
multislice (Cowley & Moodie 1957), and a period is a product of such matrices that serves every direction and period.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from benchmark.simulation.laue_zones import lattice_step
from benchmark.simulation.march import Block, Course, Exit, products
from benchmark.simulation.potential import coefficients
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.waves import Problem, Waves
from benchmark.simulation.zone import Zone

if TYPE_CHECKING:
    import torch

MOST_COSETS = 3


@dataclass(frozen=True)
class DepthBeams:
    """All beams up to a length. Reflection (h, k) of layer l has the whole numbers q (h, k) + l s.

    Attributes
    ----------
    numbers : (n, 2) whole numbers; times `zone.reciprocal` / `cosets` they are `vectors` (n, 2), 1/Angstrom.
    cosets : q, the number of layers after which one lies above the zero-order zone again.
    step : (2,) s, the zero-order reflection below the origin of layer q.
    """

    numbers: NDArray[np.int64]
    vectors: NDArray[np.float64]
    cosets: int
    step: NDArray[np.int64]


def depth_beams(zone: Zone, accuracy: Accuracy) -> DepthBeams | None:
    """The beams up to `strong_per_angstrom`, or None where layers do not coincide or the beams are too many."""
    for cosets in range(1, MOST_COSETS + 1):
        if (step := lattice_step(zone, cosets)) is not None:
            break
    else:
        return None
    reach = np.ceil(accuracy.strong_per_angstrom * np.linalg.norm(zone.lattice, axis=1)).astype(int) + np.abs(step)
    plane = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 2)
    numbers = np.concatenate([cosets * plane + layer * step for layer in range(cosets)])
    vectors = numbers @ zone.reciprocal / cosets
    lengths = np.linalg.norm(vectors, axis=1)
    order = np.argsort(np.round(lengths, 9), kind="stable")
    order = order[lengths[order] < accuracy.strong_per_angstrom - 1e-9]
    if len(order) > accuracy.most_strong_beams:
        return None
    return DepthBeams(numbers[order], vectors[order], cosets, step)


class ResolvedCrystal:
    """Slices of a problem's crystal as matrices, complex64 on a device; z = 0 is the origin of the crystal's cell.

    A period is cut into blocks of at most `accuracy.slice_angstrom`, between which the incident directions act as in
    `manybeam`. `fields` (layers, n) holds U/2K of each layer of the reciprocal lattice over the projected cell.
    """

    def __init__(self, problem: Problem, beams: DepthBeams, accuracy: Accuracy, device: str) -> None:
        import torch

        zone, wave_number = problem.zone, problem.wave_number
        self.problem, self.vectors, self.device = problem, beams.vectors, device
        self.repeat, self.wave_number, self.thin = zone.repeat_angstrom, wave_number, accuracy.depth_slice_angstrom
        self.squared = (beams.vectors**2).sum(axis=1)
        longest = 2.0 * accuracy.strong_per_angstrom
        top = math.ceil(accuracy.g_z_max_per_angstrom * zone.repeat_angstrom)
        self.layers = np.arange(-top, top + 1)
        reach = np.ceil(longest * np.linalg.norm(zone.lattice, axis=1)).astype(int)
        reach += np.ceil(np.abs(top * beams.step / beams.cosets)).astype(int)
        table = coefficients(
            zone, problem.atoms, (int(reach[0]), int(reach[1])), range(-top, top + 1), problem.energy_kev
        )
        h, k = (np.arange(-n, n + 1) for n in reach)
        plane = np.stack(np.meshgrid(h, k, indexing="ij"), axis=-1).reshape(-1, 2)
        self.side = tuple(next_fast_len(int(4 * n + 1)) for n in np.abs(beams.numbers).max(axis=0))
        size = self.side[0] * self.side[1]
        spectra = np.zeros((len(self.layers), *self.side), dtype=np.complex64)
        for layer, part, spectrum in zip(self.layers, table, spectra, strict=True):
            numbers = beams.cosets * plane + layer * beams.step
            inside = ((numbers @ zone.reciprocal / beams.cosets) ** 2).sum(axis=1) < longest**2
            place = numbers[inside] % self.side
            spectrum[place[:, 0], place[:, 1]] = part.ravel()[inside] * (size / (2.0 * wave_number))
        self.fields = torch.fft.ifft2(torch.from_numpy(spectra).to(device)).reshape(len(self.layers), size)
        numbers = torch.from_numpy(beams.numbers).to(device)
        between = (numbers[:, None, :] - numbers[None, :, :]) % torch.tensor(self.side, device=device)
        self.between = between[..., 0] * self.side[1] + between[..., 1]

        self.length = self.repeat / max(1, math.ceil(self.repeat / accuracy.slice_angstrom))
        self.count = round(self.repeat / self.length)
        exits = []
        for thickness in problem.thicknesses_angstrom:
            whole = int(thickness / self.length + 1e-6)
            rest = thickness - whole * self.length
            start = (whole % self.count) * self.length
            exits.append(Exit(whole, self.block(start, start + rest) if rest > 1e-6 else None))
        most = max(leave.slices for leave in exits)
        slices = tuple((number % self.count, self.length) for number in range(most))
        slant = torch.from_numpy(-beams.vectors @ problem.incident.T / wave_number).to(device)
        self.course = Course(slant, slices, tuple(exits))

    def grating(self, start: float, end: float) -> torch.Tensor:
        """exp(2 pi i int U/2K dz) from `start` to `end` (Angstrom), as a matrix between the beams."""
        import torch

        frequency = 2j * np.pi * self.layers / self.repeat
        with np.errstate(divide="ignore", invalid="ignore"):
            varying = (np.exp(frequency * end) - np.exp(frequency * start)) / frequency
        weight = torch.from_numpy(np.where(self.layers == 0, end - start, varying).astype(np.complex64)).to(self.device)
        phase = (weight @ self.fields).reshape(self.side)
        return (torch.fft.fft2(torch.exp(2j * math.pi * phase)) / phase.numel()).take(self.between)

    def block(self, start: float, end: float) -> Block:
        """All slices from `start` to `end`, free space within them included: half of it before each and half behind."""
        import torch

        count = max(1, math.ceil((end - start) / self.thin - 1e-6))
        edges = np.linspace(start, end, count + 1)
        free = np.exp(-1j * np.pi * (end - start) / count / 2.0 / self.wave_number * self.squared)
        half = torch.from_numpy(free.astype(np.complex64)).to(self.device)
        return Block(
            len(self.vectors),
            end - start,
            count,
            lambda number: half[:, None] * self.grating(*edges[number : number + 2]) * half,
        )

    @staticmethod
    def matrices(crystals: Sequence[ResolvedCrystal]) -> list[list[torch.Tensor]]:
        """The matrices of the blocks of a period that each crystal's waves pass."""
        passed = [min(crystal.count, len(crystal.course.slices)) for crystal in crystals]
        blocks = [
            crystal.block(number * crystal.length, (number + 1) * crystal.length)
            for crystal, count in zip(crystals, passed, strict=True)
            for number in range(count)
        ]
        found = iter(products(blocks) if blocks else [])
        return [[next(found) for _ in range(count)] for count in passed]

    def behind(self, number: int, waves: torch.Tensor) -> Waves:
        """What leaves at an exit, from the waves (beams, directions) of `march`."""
        return Waves(waves, self.vectors, self.problem.directions)
