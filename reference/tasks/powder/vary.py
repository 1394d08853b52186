"""What a measurement does to a pattern, done to a batch of them: another phase, another lattice constant, errors of the
zero and of the specimen's height, broader lines, texture, a background, counting noise, an end that was not measured.

How far each goes is drawn for each pattern, up to what laboratories see, so that a network learns from simulated
patterns what it will meet in measured ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

SWELLING = 0.012
"""Relative, of all edges alike: temperature, composition, and the 1 % by which computed cells are too large."""
ZERO_DEGREES, DISPLACEMENT_DEGREES = 0.03, 0.04
FWHM_DEGREES = (0.02, 0.4)
STRAIN_DEGREES = 0.6
"""The most by which lines at 90 degrees are broader than those at 0."""
TEXTURE = 0.6
"""The spread of the logarithm of intensity, from line to line."""
DAMPING_ANGSTROM2 = (-0.5, 1.5)
"""Debye-Waller B, more or less than in the simulation."""
IMPURITY = 0.2
BACKGROUND = (1e-3, 0.08)
COUNTS = (500.0, 2e5)
"""Counts in the highest point."""
HALF, SELDOM = 0.5, 0.2


class Draws:
    """Random numbers for a batch of n, as columns (n, 1) or (n, m): as many as n says, whatever the batch holds."""

    def __init__(self, generator: np.random.Generator, n: int, device: torch.device) -> None:
        self._generator, self._n, self._device = generator, n, device

    def uniform(self, low: float, high: float, m: int = 1) -> Tensor:
        return self._on(self._generator.random((self._n, m), dtype=np.float32)) * (high - low) + low

    def logarithmic(self, bounds: Sequence[float]) -> Tensor:
        return torch.exp(self.uniform(*map(math.log, bounds)))

    def normal(self, m: int = 1) -> Tensor:
        return self._on(self._generator.standard_normal((self._n, m), dtype=np.float32))

    def in_some(self, share: float) -> Tensor:
        """1 in that share of the batch, 0 in the rest."""
        return (self.uniform(0.0, 1.0) < share).float()

    def roll(self) -> int:
        return int(self._generator.integers(self._n))

    def _on(self, values: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(values).to(self._device)


class Variation:
    """Variation of profiles at even steps of 2 theta over `range_degrees`. `strength` is the share of the above that is
    done."""

    def __init__(
        self, points: int, range_degrees: tuple[float, float], wavelength_angstrom: float, strength: float = 1.0
    ) -> None:
        self.points, self.strength = points, strength
        self.first, last = range_degrees
        self.step = (last - self.first) / (points - 1)
        self.along = torch.linspace(0.0, 1.0, points)
        self.half = torch.deg2rad(torch.linspace(self.first, last, points) / 2.0)
        self.inverse_d = 2.0 * torch.sin(self.half) / wavelength_angstrom
        self.padded = 2 ** math.ceil(math.log2(points + 2.0 / self.step))

    def __call__(self, profiles: Tensor, generator: np.random.Generator) -> Tensor:
        """(n, points), intensities from 0 with a maximum of 1, as they might have been measured."""
        draw, s = Draws(generator, len(profiles), profiles.device), self.strength
        y = profiles + s * IMPURITY * draw.uniform(0.0, 1.0) ** 2 * draw.in_some(HALF) * profiles.roll(draw.roll(), 0)
        y = self._broadened(self._moved(y, draw, s), draw, s)
        knots = draw.normal(math.ceil(self.points * self.step)) * draw.uniform(0.0, s * TEXTURE)
        texture = F.interpolate(knots[:, None], self.points, mode="linear", align_corners=True)[:, 0]
        damping = s * draw.uniform(*DAMPING_ANGSTROM2) * self.inverse_d.to(y) ** 2 / 2.0
        y = _to_one(y * torch.exp(texture - damping))
        background = self._background(draw, s)
        y = y + background
        y = y + torch.sqrt(y / draw.logarithmic(COUNTS)) * s * draw.normal(self.points)
        y = y - background * draw.uniform(0.7, 1.0) * draw.in_some(HALF)
        return _to_one(self._cut(y.clamp(min=0.0), draw))

    def _moved(self, y: Tensor, draw: Draws, s: float) -> Tensor:
        """Each line where another lattice constant, zero and height of the specimen put it."""
        half = self.half.to(y)
        errors = ZERO_DEGREES * draw.normal() + DISPLACEMENT_DEGREES * draw.normal() * torch.cos(half)
        sine = torch.sin(half - torch.deg2rad(s * errors) / 2.0) / (1.0 + s * SWELLING * draw.normal())
        came_from = torch.rad2deg(2.0 * torch.asin(sine.clamp(-1.0, 1.0)))
        place = ((came_from - self.first) / self.step).clamp(0.0, self.points - 1.001)
        left = place.floor()
        index = left.long()
        below, above = y.gather(1, index), y.gather(1, index + 1)
        return below + (place - left) * (above - below)

    def _broadened(self, y: Tensor, draw: Draws, s: float) -> Tensor:
        """Under pseudo-Voigt lines, whose width at the end is another than at the beginning: of two convolutions the
        mean by the place of what is spread."""
        narrow = s * draw.logarithmic(FWHM_DEGREES)
        wide = torch.hypot(narrow, s * STRAIN_DEGREES * draw.uniform(0.0, 1.0) ** 3)
        lorentzian = draw.uniform(0.0, 1.0)
        omega = 2.0 * math.pi * torch.fft.rfftfreq(self.padded, self.step).to(y)
        spread = []
        for fwhm, part in ((narrow, 1.0 - self.along.to(y)), (wide, self.along.to(y))):
            gauss = torch.exp(-((fwhm * omega) ** 2) / (16.0 * math.log(2.0)))
            kernel = (1.0 - lorentzian) * gauss + lorentzian * torch.exp(-fwhm * omega / 2.0)
            spread.append(torch.fft.rfft(y * part, self.padded) * kernel)
        return torch.fft.irfft(spread[0] + spread[1], self.padded)[:, : self.points].clamp(min=0.0)

    def _background(self, draw: Draws, s: float) -> Tensor:
        """Even, rising to small angles, and in some with the hump of a glass."""
        along = self.along.to(draw.uniform(0.0, 1.0).device)
        even = draw.logarithmic(BACKGROUND) * (
            1.0 + draw.uniform(0.0, 2.0) * torch.exp(-along / draw.uniform(0.03, 0.3))
        )
        hump = torch.exp(-(((along - draw.uniform(0.1, 0.4)) / draw.uniform(0.03, 0.15)) ** 2))
        return s * (even + draw.uniform(0.0, BACKGROUND[1]) * draw.in_some(SELDOM) * hump)

    def _cut(self, y: Tensor, draw: Draws) -> Tensor:
        """In some, the ends go on as they are where a shorter scan would have begun and ended."""
        few = draw.in_some(SELDOM * min(1.0, self.strength))
        first = (few * draw.uniform(0.0, 0.15) * self.points).long()
        last = self.points - 1 - (few * draw.uniform(0.0, 0.25) * self.points).long()
        at = torch.arange(self.points, device=y.device).expand(len(y), -1)
        return y.gather(1, at.clamp(min=first, max=last))


def _to_one(y: Tensor) -> Tensor:
    return y / y.amax(dim=1, keepdim=True).clamp(min=1e-12)
