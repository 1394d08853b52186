"""The lines of a profile as tokens: where each lies in 1/d, how high it is, and what it looks like close by."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SMOOTHED_DEGREES = 0.15
APART_DEGREES = 0.3
"""The distance by half of which two maxima are apart; of nearer ones the higher is a line."""
BASE_DEGREES = 4.0
"""The background at a point is between the lowest points this far around it."""
SEEN_DEGREES = 0.45
"""Degrees that are seen to either side of a line: its shape, its doublet, its neighbours."""
SEEN_POINTS = 19
LEAST_HEIGHT = 0.01
"""The least height of a line, as a share of the square root of the highest intensity."""


class Lines(nn.Module):
    """Profiles (n, points) to the `count` most prominent lines of each.

    Profiles are intensities from 0 with a maximum of 1, at even steps of 2 theta over `range_degrees`. All is done on
    the square root of intensity, on which counting noise is the same everywhere.
    """

    def __init__(self, points: int, range_degrees: tuple[float, float], wavelength_angstrom: float, count: int) -> None:
        super().__init__()
        first, last = range_degrees
        self.first, self.step = first, (last - first) / (points - 1)
        self.points, self.count, self.wavelength = points, count, wavelength_angstrom
        self.largest_inverse_d = 2.0 / wavelength_angstrom * math.sin(math.radians(last / 2.0))
        self.smooth, self.apart = self._odd(SMOOTHED_DEGREES), max(3, self._odd(APART_DEGREES))
        self.block = max(1, round(0.25 / self.step))
        self.register_buffer("seen", torch.linspace(-SEEN_DEGREES, SEEN_DEGREES, SEEN_POINTS) / self.step, False)

    def _odd(self, degrees: float) -> int:
        """How many points are that wide, an odd number."""
        return 2 * round(degrees / self.step / 2) + 1

    def forward(self, profiles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, count) 1/d in 1/angstrom; (n, count) heights above the background, 0 where there is no further line;
        (n, count, SEEN_POINTS) the profile around each, its own height being 1."""
        y = torch.sqrt(profiles.clamp(min=0.0))
        base = self._background(y)
        smooth = y
        for _ in range(2):
            smooth = F.avg_pool1d(smooth[:, None], self.smooth, 1, self.smooth // 2, count_include_pad=False)[:, 0]
        highest = F.max_pool1d(smooth[:, None], self.apart, 1, self.apart // 2)[:, 0]
        height, at = torch.where(smooth == highest, smooth - base, 0.0)[:, 2:-2].topk(self.count, dim=1)
        at = at + 2
        left, middle, right = (smooth.gather(1, at + step) for step in (-1, 0, 1))
        curvature = (left + right - 2.0 * middle).clamp(max=-1e-6)
        place = at + (0.5 * (left - right) / curvature).clamp(-1.0, 1.0)  # the summit of the parabola through the three
        two_theta = torch.deg2rad(self.first + self.step * place)
        inverse_d = 2.0 / self.wavelength * torch.sin(two_theta / 2.0)
        around = _interpolated(y - base, place[..., None] + self.seen) / height.clamp(min=LEAST_HEIGHT)[..., None]
        return inverse_d, torch.where(height > LEAST_HEIGHT, height, 0.0), around

    def _background(self, y: Tensor) -> Tensor:
        """What is left without lines: the lowest points around each, a moving mean of them."""
        low = -F.max_pool1d(-y[:, None], self.block, ceil_mode=True)
        wide = 2 * round(BASE_DEGREES / (self.block * self.step) / 2) + 1
        low = -F.max_pool1d(-low, wide, 1, wide // 2)
        low = F.avg_pool1d(low, wide, 1, wide // 2, count_include_pad=False)
        return F.interpolate(low, self.points, mode="linear", align_corners=False)[:, 0]


def _interpolated(values: Tensor, places: Tensor) -> Tensor:
    """(n, points) values at (n, count, m) places between them."""
    places = places.clamp(0.0, values.shape[1] - 1.001)
    left = places.floor()
    part, index = places - left, left.long().flatten(1)
    below, above = (values.gather(1, index + step).view(places.shape) for step in (0, 1))
    return below + part * (above - below)


def waves(values: Tensor, lowest: float, highest: float, count: int) -> Tensor:
    """(...) to (..., 2 count): sines and cosines of values at frequencies from `lowest` to `highest` radians per unit,
    evenly spaced on a logarithmic scale."""
    phase = values[..., None] * torch.logspace(math.log10(lowest), math.log10(highest), count, device=values.device)
    return torch.cat([phase.sin(), phase.cos()], dim=-1)
