"""What of a fingerprint defects leave as it is, without learning: how its peaks lie to each other along the radius.

Defects change the mean distance of neighbours by which positions are divided, so that all peaks move by one share of
their radius: by one step along its logarithm. The autocorrelation along the logarithm of the radius, in each direction
and channel, does not change then (as in the Fourier-Mellin transform: Casasent & Psaltis 1976). Diffuse intensity adds
to its first steps alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from reference.tasks.fingerprints_unsupervised.methods import Batches, Principal
from reference.tasks.fingerprints_unsupervised.sums import Total

RADII, DIRECTIONS, LAGS = 24, 48, 10
"""Steps along the logarithm of the radius, and around; and how many of the first's autocorrelations count."""
FEATURES = 3 * LAGS * DIRECTIONS
INNER, OUTER = 10.5 / 32, 29.5 / 32
"""Radii within the ring, as shares of half a picture's side."""


class Invariants:
    """Principal components of the autocorrelations of pictures (3, side, side)."""

    def __init__(self, side: int, components: int) -> None:
        self._side, self._principal = side, Principal(components)

    def learn(self, batches: Batches, total: Total) -> None:
        found = [self._seen(features) for features in batches()]
        self._principal.learn(lambda: found, total)

    def code(self, features: Tensor) -> Tensor:
        return self._principal.code(self._seen(features))

    def _seen(self, features: Tensor) -> Tensor:
        return autocorrelations(features.float().view(-1, 3, self._side, self._side))


def autocorrelations(pictures: Tensor) -> Tensor:
    """(n, FEATURES), each picture's of length 1: of pictures (n, 3, s, s), in double precision."""
    found = log_polar(F.avg_pool2d(pictures, 3, 1, 1)).double()
    found = F.pad(found - found.mean(dim=(2, 3), keepdim=True), (0, 0, 0, RADII))
    power = torch.fft.rfft(found, dim=2).abs().square()
    lags = torch.fft.irfft(power, dim=2)[:, :, :LAGS].flatten(1)
    return lags / lags.norm(dim=1, keepdim=True).clamp(min=1e-12)


def log_polar(pictures: Tensor) -> Tensor:
    """(n, c, RADII, DIRECTIONS): pictures (n, c, s, s) at radii that grow by one factor, and in even directions."""
    radii = torch.exp(torch.linspace(math.log(INNER), math.log(OUTER), RADII))[:, None]
    turns = torch.arange(DIRECTIONS) * (2.0 * math.pi / DIRECTIONS)
    places = torch.stack([radii * torch.cos(turns), radii * torch.sin(turns)], dim=-1)
    return F.grid_sample(pictures, places.expand(len(pictures), -1, -1, -1), align_corners=False)
