"""What defects at random do to a fingerprint, done to the picture alone: weaker peaks over a speckled background.

Atoms that are missing or displaced without order leave the peaks of the mean crystal, weakened, and add the diffuse
intensity of what varies: the square of a random complex amplitude, in grains as wide as the cluster's own peaks.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

GRAIN_PIXELS = 2
"""Side of a grain: a cluster of 256 atoms is 6 to 8 neighbours' distances wide, a pixel 0.08 of its reciprocal."""
PATTERNS = 2
"""That a channel is the sum of."""
RING_PIXELS = (10.0, 30.0)


def speckled(pictures: Tensor, most: float, generator: np.random.Generator) -> Tensor:
    """Pictures (n, 3, s, s) under diffuse intensity of 0 to `most` times the mean of their ring, each at its own
    strength, and again divided by their brightest pixel. As many random numbers are taken for any batch of a size."""
    n, channels, side, _ = pictures.shape
    grains = side // GRAIN_PIXELS
    strength = generator.random(n)
    waves = generator.standard_normal((n, channels * PATTERNS * 2, grains, grains), dtype=np.float32)
    if not most:
        return pictures
    field = torch.from_numpy(waves).to(pictures.device)
    field = F.interpolate(field, size=(side, side), mode="bilinear", align_corners=False).square()
    field = field.view(n, channels, PATTERNS * 2, side, side).mean(dim=2)
    places = torch.arange(side, device=pictures.device) - (side - 1) / 2.0
    radius = (places[:, None].square() + places.square()).sqrt()
    low, high = RING_PIXELS
    ring = ((radius > low) & (radius < high)).to(pictures.dtype)
    mean = (pictures * ring).sum(dim=(1, 2, 3), keepdim=True) / (channels * ring.sum())
    scale = torch.from_numpy(most * strength).to(pictures)[:, None, None, None] * mean
    found = pictures + scale * field * ring
    return found / found.amax(dim=(1, 2, 3), keepdim=True).clamp(min=math.ulp(1.0))
