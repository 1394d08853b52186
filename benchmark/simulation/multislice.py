"""Waves through slices, and many positions of a probe over one specimen, by the method that costs less.

Position by position, each probe is a wave. Or each plane wave of the aperture is propagated once, and the probes are
sums of what comes out: multislice is linear in the wave (PRISM, Ophus 2017, Adv. Struct. Chem. Imaging 3, 13, without
its interpolation, which is not exact). Both give the same to rounding; the fewer waves win.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.gratings import Box
from benchmark.simulation.probe import Probe, shifts
from benchmark.simulation.scattering import wavelength_angstrom

if TYPE_CHECKING:
    import torch

CHUNK_BYTES = {"cpu": 2**21, "cuda": 2**30}
"""The size of the waves that go through the slices together: on a processor, what its cache holds."""


def exit_waves(
    incident: torch.Tensor, gratings: torch.Tensor, box: Box, slice_angstrom: float, energy_kev: float, pixels: int
) -> torch.Tensor:
    """Amplitudes behind the last slice of waves whose amplitudes in front of the first are given, in reciprocal space.

    `incident` (n, points, points) and `gratings` (slices, points, points) are complex64 in numpy's order; what comes
    out is (n, pixels, pixels), centred: pixel i is at (i - pixels // 2) / box, along y and x.
    """
    import torch

    device = incident.device
    fresnel = np.exp(-1j * np.pi * wavelength_angstrom(energy_kev) * slice_angstrom * box.squared) * box.band
    propagator = torch.from_numpy(fresnel.astype(np.complex64)).to(device)
    transform, back = _transforms(device.type)
    waves = incident
    for number, grating in enumerate(gratings):
        waves = transform(back(waves) * grating)
        waves *= propagator if number + 1 < len(gratings) else propagator.abs()
    kept = torch.from_numpy(np.arange(pixels) - pixels // 2).to(device) % box.points
    return waves[:, kept[:, None], kept[None, :]]


def _transforms(device: str):
    """Fourier transform and its inverse over the last two axes. On processors scipy's is twice as fast as torch's."""
    import torch

    if device != "cpu":
        return torch.fft.fft2, torch.fft.ifft2
    from scipy.fft import fft2, ifft2

    return (
        lambda waves: torch.from_numpy(fft2(waves.numpy(), overwrite_x=True)),
        lambda waves: torch.from_numpy(ifft2(waves.numpy(), overwrite_x=False)),
    )


def chunk_of(box: Box, device: str) -> int:
    """How many waves go through the slices together."""
    return max(1, CHUNK_BYTES["cpu" if device == "cpu" else "cuda"] // (8 * box.points**2))


def _chunks(count: int, box: Box, device: str) -> Iterator[slice]:
    step = chunk_of(box, device)
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


class Passage:
    """The way through one specimen, for any number of waves. `gratings` (slices, points, points) complex64."""

    def __init__(
        self, gratings: NDArray[np.complex64], box: Box, slice_angstrom: float, pixels: int, device: str = "cpu"
    ) -> None:
        import torch

        self._gratings = torch.from_numpy(gratings).to(device)
        self._box, self._slice_angstrom, self._pixels, self._device = box, slice_angstrom, pixels, device

    def patterns(self, probe: Probe, positions: NDArray, plane_waves: bool | None = None) -> NDArray[np.float32]:
        """(positions, pixels, pixels) the share of the electrons in each pixel, of a probe over each (x, y), Angstrom.

        `plane_waves` says whether those of the aperture are propagated instead of probes; None is whatever is fewer.
        """
        spectrum = probe.spectrum(self._box)
        lit = np.nonzero(spectrum)
        if plane_waves is None:
            plane_waves = len(lit[0]) < len(positions)
        frequencies = self._box.frequencies
        at = np.stack([frequencies[lit[1]], frequencies[lit[0]]], axis=1)
        weights = (shifts(at, positions) * spectrum[lit]).astype(np.complex64)  # of each plane wave in each probe
        if plane_waves:
            return self._from_plane_waves(lit, weights, probe.energy_kev)
        return self._one_by_one(lit, weights, probe.energy_kev)

    def _one_by_one(self, lit: tuple, weights: NDArray[np.complex64], energy_kev: float) -> NDArray[np.float32]:
        import torch

        found = np.empty((len(weights), self._pixels, self._pixels), dtype=np.float32)
        for some in _chunks(len(weights), self._box, self._device):
            incident = np.zeros((some.stop - some.start, *[self._box.points] * 2), dtype=np.complex64)
            incident[:, lit[0], lit[1]] = weights[some]
            waves = self._through(torch.from_numpy(incident).to(self._device), energy_kev)
            found[some] = _intensity(waves).cpu().numpy()
        return found

    def _from_plane_waves(self, lit: tuple, weights: NDArray[np.complex64], energy_kev: float) -> NDArray[np.float32]:
        import torch

        count = weights.shape[1]
        scattered = torch.empty(count, self._pixels**2, dtype=torch.complex64, device=self._device)
        for some in _chunks(count, self._box, self._device):
            incident = np.zeros((some.stop - some.start, *[self._box.points] * 2), dtype=np.complex64)
            incident[np.arange(len(incident)), lit[0][some], lit[1][some]] = 1.0
            waves = self._through(torch.from_numpy(incident).to(self._device), energy_kev)
            scattered[some] = waves.reshape(len(waves), -1)
        found = np.empty((len(weights), self._pixels, self._pixels), dtype=np.float32)
        for some in _chunks(len(weights), self._box, self._device):
            waves = torch.from_numpy(weights[some]).to(self._device) @ scattered
            found[some] = _intensity(waves).reshape(-1, self._pixels, self._pixels).cpu().numpy()
        return found

    def _through(self, incident: torch.Tensor, energy_kev: float) -> torch.Tensor:
        return exit_waves(incident, self._gratings, self._box, self._slice_angstrom, energy_kev, self._pixels)


def _intensity(waves: torch.Tensor) -> torch.Tensor:
    return waves.real**2 + waves.imag**2
