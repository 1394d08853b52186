"""What defects do to a fingerprint, done to the picture alone, without an atom of the cluster.

Atoms that are missing or displaced without order leave the peaks of the mean crystal, and add the diffuse intensity of
what varies: the square of a random complex amplitude, in grains as wide as the cluster's own peaks (speckle).
Displacements weaken peaks the more the further out they lie (Debye and Waller). And both change the mean distance of
nearest neighbours by which positions are divided, so that all peaks move: inwards where atoms are displaced, since the
nearest of several neighbours is then nearer, outwards where many are missing (zoom).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

GRAIN_PIXELS = 2
"""Side of a grain: a cluster of 256 atoms is 6 to 8 neighbours' distances wide, a pixel 0.08 of its reciprocal."""
PATTERNS = 2
"""That a channel is the sum of."""
RING_PIXELS = (10.0, 30.0)
OUTWARDS = 0.5
"""How far peaks move outwards at most, in the most that they move inwards."""


class Vary:
    """Varies pictures (n, 3, s, s), each at its own strengths, evenly from none to the most, and divides them by their
    brightest pixel again. As many random numbers are taken for any batch of a size.

    `speckle` is the most diffuse intensity, in means of the picture's ring; `damping` the most negative exponent of a
    peak at the ring's outer edge; `zoom` the largest share of their radius by which peaks move inwards.
    """

    def __init__(self, side: int, speckle: float, damping: float, zoom: float) -> None:
        self._speckle, self._damping, self._zoom = speckle, damping, zoom
        places = torch.arange(side) - (side - 1) / 2.0
        radius = (places[:, None].square() + places.square()).sqrt()
        self._ring = ((radius > RING_PIXELS[0]) & (radius < RING_PIXELS[1])).float()
        self._squared = (radius / RING_PIXELS[1]).square()

    def __call__(self, pictures: Tensor, generator: np.random.Generator) -> Tensor:
        n, channels, side, _ = pictures.shape
        drawn = torch.from_numpy(generator.random((3, n), dtype=np.float32))[..., None, None, None]
        shape = (n, channels * PATTERNS * 2, side // GRAIN_PIXELS, side // GRAIN_PIXELS)
        waves = torch.from_numpy(generator.standard_normal(shape, dtype=np.float32))
        strength, damping, zoom = drawn.to(pictures.device)
        ring, squared = self._ring.to(pictures.device), self._squared.to(pictures.device)
        found = self._moved(pictures, 1.0 - self._zoom * (zoom - OUTWARDS * (1.0 - zoom))) * ring
        found = found * torch.exp(-self._damping * damping * squared)
        field = F.interpolate(waves.to(pictures.device), size=(side, side), mode="bilinear", align_corners=False)
        field = field.square().view(n, channels, PATTERNS * 2, side, side).mean(dim=2)
        mean = found.sum(dim=(1, 2, 3), keepdim=True) / (channels * ring.sum())
        found = found + self._speckle * strength * mean * field * ring
        return found / found.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)

    def _moved(self, pictures: Tensor, scale: Tensor) -> Tensor:
        """Pictures of which each peak lies at `scale` (n, 1, 1, 1) times its radius; dark where nothing is known."""
        if not self._zoom:
            return pictures
        turns = torch.eye(2, 3, device=pictures.device) / scale.view(-1, 1, 1)
        grid = F.affine_grid(turns, list(pictures.shape), align_corners=False)
        return F.grid_sample(pictures, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
