"""The crystal's structure along the beam resolved in thin slices, where it repeats within a block of few beams.

In the higher-order Laue zones' exact treatment the potential changes along the beam with the period R. Where all layers
of the reciprocal lattice lie above one another, or after a few of them again (`coset_count`), the beams form one
two-dimensional lattice. Then a slice is a matrix between beams, the product of a phase grating and free space as in
multislice (Cowley & Moodie 1957), and a period is a product of such matrices that serves every direction and period.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft2, ifft2, next_fast_len

from benchmark.definition.benchmark import Accuracy
from benchmark.simulation.laue_zones import lattice_step
from benchmark.simulation.potential import Atoms, coefficients
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


class Slices:
    """Matrices of slices of a zone's crystal, complex64 on a device; z = 0 is the origin of the crystal's cell.

    `fields` (layers, n) holds U/2K of each layer of the reciprocal lattice over the projected cell, 1/Angstrom.
    """

    def __init__(self, zone: Zone, atoms: Atoms, beams: DepthBeams, energy_kev: float, wave_number: float,
                 accuracy: Accuracy, device: str) -> None:
        self.repeat, self.cosets, self.device = zone.repeat_angstrom, beams.cosets, device
        self.wave_number = wave_number
        self.squared = (beams.vectors**2).sum(axis=1)
        longest = 2.0 * accuracy.strong_per_angstrom
        top = math.ceil(accuracy.g_z_max_per_angstrom * zone.repeat_angstrom)
        self.layers = np.arange(-top, top + 1)
        reach = np.ceil(longest * np.linalg.norm(zone.lattice, axis=1)).astype(int)
        reach += np.ceil(np.abs(top * beams.step / beams.cosets)).astype(int)
        table = coefficients(zone, atoms, (int(reach[0]), int(reach[1])), range(-top, top + 1), energy_kev)
        h, k = (np.arange(-n, n + 1) for n in reach)
        plane = np.stack(np.meshgrid(h, k, indexing="ij"), axis=-1).reshape(-1, 2)
        self.side = tuple(next_fast_len(int(4 * n + 1)) for n in np.abs(beams.numbers).max(axis=0))
        size = self.side[0] * self.side[1]
        self.fields = np.zeros((len(self.layers), *self.side), dtype=np.complex64)
        for layer, part, field in zip(self.layers, table, self.fields, strict=True):
            numbers = beams.cosets * plane + layer * beams.step
            inside = ((numbers @ zone.reciprocal / beams.cosets) ** 2).sum(axis=1) < longest**2
            place = numbers[inside] % self.side
            coefficient = part.ravel()[inside] * (size / (2.0 * wave_number))
            spectrum = np.zeros(self.side, dtype=np.complex64)
            spectrum[place[:, 0], place[:, 1]] = coefficient
            field[:] = ifft2(spectrum)
        self.fields = self.fields.reshape(len(self.layers), size)
        between = (beams.numbers[:, None, :] - beams.numbers[None, :, :]) % self.side
        self.between = between[..., 0] * self.side[1] + between[..., 1]

    def grating(self, start: float, end: float) -> torch.Tensor:
        """exp(2 pi i int U/2K dz) from `start` to `end` (Angstrom), as a matrix between the beams."""
        import torch

        frequency = 2j * np.pi * self.layers / self.repeat
        with np.errstate(divide="ignore", invalid="ignore"):
            varying = (np.exp(frequency * end) - np.exp(frequency * start)) / frequency
        weight = np.where(self.layers == 0, end - start, varying)
        phase = (weight.astype(np.complex64) @ self.fields).reshape(self.side)
        transmitted = fft2(np.exp(np.complex64(2j * np.pi) * phase)) / phase.size
        return torch.from_numpy(transmitted.astype(np.complex64).take(self.between)).to(self.device)

    def block(self, start: float, end: float, slice_angstrom: float) -> torch.Tensor:
        """All slices from `start` to `end`, free space within them included."""
        import torch

        count = max(1, math.ceil((end - start) / slice_angstrom - 1e-6))
        edges = np.linspace(start, end, count + 1)
        length = (end - start) / count

        def free(distance: float) -> torch.Tensor:
            phase = -np.pi * distance / self.wave_number * self.squared
            return torch.from_numpy(np.exp(1j * phase).astype(np.complex64)).to(self.device)

        product = torch.diag(free(length / 2.0))
        whole = free(length)[:, None]
        for number in range(count):
            product = self.grating(edges[number], edges[number + 1]) @ product
            product = product * (whole if number < count - 1 else free(length / 2.0)[:, None])
        return product


def propagate_in_depth(
    zone: Zone, beams: DepthBeams, incident: NDArray[np.float64], *, energy_kev: float, wave_number: float,
    thickness_angstrom: float, atoms: Atoms, accuracy: Accuracy, device: str,
) -> torch.Tensor:
    """Amplitudes (beams, directions) behind a crystal that begins at the origin of its cell.

    A period is cut into blocks of at most `accuracy.slice_angstrom`, between which the incident directions (n, 2), with
    the crystal's tilt in them, act as in `manybeam`.
    """
    import torch

    slices = Slices(zone, atoms, beams, energy_kev, wave_number, accuracy, device)
    count = max(1, math.ceil(zone.repeat_angstrom / accuracy.slice_angstrom))
    length = zone.repeat_angstrom / count
    whole = int(thickness_angstrom / length + 1e-6)
    rest = thickness_angstrom - whole * length
    blocks = [slices.block(number * length, (number + 1) * length, accuracy.depth_slice_angstrom)
              for number in range(min(count, whole))]
    slant = torch.from_numpy(-beams.vectors @ incident.T / wave_number).to(device)

    def tilted(distance: float) -> torch.Tensor:
        return torch.polar(torch.ones_like(slant), 2.0 * math.pi * distance * slant).to(torch.complex64)

    half, full = tilted(length / 2.0), tilted(length)
    waves = torch.zeros(len(beams.vectors), len(incident), dtype=torch.complex64, device=device)
    waves[0] = 1.0
    for number in range(whole):
        waves = (blocks[number % count] @ waves) * (full if number < whole - 1 else half)
    if rest > 1e-6:
        start = (whole % count) * length
        short = tilted(rest / 2.0)
        waves = (slices.block(start, start + rest, accuracy.depth_slice_angstrom) @ (waves * short)) * short
    return waves
