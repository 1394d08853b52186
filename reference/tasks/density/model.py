"""A network that knows what a scan is: patterns are what was seen at places, and a picture is made of places.

Each pattern becomes a few numbers by filters over the whole detector, the same for every position. These numbers lie on
the grid of the scan, where a convolution compares positions that see the same atoms; the picture is refined from there
to the target's pixels. Why so: a detector's pixel is an angle, so filters over it are learned moments (an annular dark
field and a centre of mass are two of them) and need not be the same in every corner, as a convolution's would. For a
thin specimen the phase follows from such filters and a convolution over the scan exactly (single-side-band
ptychography); what is thick is for the layers after it. The network of 2019 took the positions as channels instead and
had to find out where each stood.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 4
"""Detector pixels that the first filters see, along each side."""


class Filters(nn.Module):
    """Patterns (n, 1, p, p) to `features` numbers each: local filters first, then ones over all of the detector."""

    def __init__(self, pixels: int, local: int, features: int) -> None:
        super().__init__()
        self.local = nn.Conv2d(1, local, PATCH, PATCH)
        self.whole = nn.Linear(local * (pixels // PATCH) ** 2, features)

    def forward(self, x: Tensor) -> Tensor:
        return self.whole(F.gelu(self.local(x)).flatten(1))


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        nn.init.zeros_(self.conv2.weight)  # the block begins as its shortcut

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.gelu(self.conv1(self.norm(x))))


class ScanNet(nn.Module):
    """Scans (n, s, s, p, p) of intensities, of which each pattern sums to at most 1, to pictures (n, m, m).

    `pixels` p is a multiple of 4, `target` m is s times a power of two. `width` is the number of features of a
    position, halved with each doubling of the picture; `local` that of the filters over patches of the detector.
    """

    def __init__(
        self, positions: int, pixels: int, target: int, width: int = 128, local: int = 16, depth: int = 3
    ) -> None:
        super().__init__()
        self.scale = float(pixels)  # the square root of the pixels: of an even pattern all values are then 1
        self.contrast = Filters(pixels, local, width)
        self.common = Filters(pixels, local, width)
        self.places = nn.Parameter(torch.zeros(1, width, positions, positions))
        self.scan = nn.Sequential(*(Block(width) for _ in range(depth)))
        finer: list[nn.Module] = []
        size = positions
        while size < target:
            finer += [
                nn.Upsample(scale_factor=2, mode="bilinear"),
                nn.Conv2d(width, width // 2, 3, 1, 1),
                Block(width // 2),
            ]
            size, width = size * 2, width // 2
        self.finer = nn.Sequential(*finer)
        self.picture = nn.Conv2d(width, 1, 3, 1, 1)

    def forward(self, scan: Tensor) -> Tensor:
        n, rows, columns, height, breadth = scan.shape
        x = self.scale * scan.clamp_min(0.0).sqrt()
        mean = x.mean(dim=(1, 2))
        contrast = (x - mean[:, None, None]).reshape(-1, 1, height, breadth)
        features = self.contrast(contrast).reshape(n, rows, columns, -1).permute(0, 3, 1, 2)
        features = features + self.common(mean[:, None])[:, :, None, None] + self.places
        return self.picture(self.finer(self.scan(features))).squeeze(1)
