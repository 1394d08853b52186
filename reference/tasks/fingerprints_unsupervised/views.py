"""Other views of a picture: what defects of any kind could have made of the same crystal, from the picture alone.

Peaks move along their radius, since positions are divided by a mean distance of neighbours that defects change; they
weaken outwards (Debye and Waller); and diffuse intensity in grains lies over all (speckle).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

ZOOM, DAMPING, SPECKLE = 0.15, 2.5, 1.0
"""The most by which peaks move, as a share of their radius, inwards, and half of it outwards; the most negative
exponent at the ring's outer edge; and the most diffuse intensity, in means of the picture."""
INNER, OUTER = 10 / 32, 30 / 32
"""The ring's radii as shares of half a picture's side."""


def varied(roots: Tensor) -> Tensor:
    """A view of each of the pictures (n, 3, s, s), square roots of intensities from 0 to 1, at strengths drawn evenly
    from none to the most."""
    count, channels, side, _ = roots.shape
    zoom, damping, strength = torch.rand(3, count, 1, 1, 1)
    places = (torch.arange(side) - (side - 1) / 2) * 2 / side
    radius = (places[:, None].square() + places.square()).sqrt()
    ring = ((radius > INNER) & (radius < OUTER)).float()
    scale = 1.0 - ZOOM * (zoom - 0.5 * (1.0 - zoom))
    grid = F.affine_grid(torch.eye(2, 3) / scale.view(-1, 1, 1), list(roots.shape), align_corners=False)
    found = F.grid_sample(roots.square(), grid, align_corners=False) * ring
    found = found * torch.exp(-DAMPING * damping * (radius / OUTER).square())
    # a channel is the sum of two patterns, each the square of a complex amplitude
    grains = torch.randn(count, channels * 4, side, side).square().view(count, channels, 4, side, side).mean(dim=2)
    mean = found.sum(dim=(1, 2, 3), keepdim=True) / (channels * ring.sum())
    found = found + SPECKLE * strength * mean * grains * ring
    return (found / found.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)).sqrt()
