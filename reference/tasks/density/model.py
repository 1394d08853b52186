"""A network that knows what a scan is: patterns are what was seen at places, and a picture is made of places.

Each pattern becomes a few numbers by filters over the whole detector, the same for every position. These numbers lie on
the grid of the scan, where a convolution compares positions that see the same atoms; the picture is refined from there
to the target's pixels. Why so: a detector's pixel is an angle, so filters over it are learned moments (an annular dark
field and a centre of mass are two of them) and need not be the same in every corner, as a convolution's would. For a
thin specimen the phase follows from such filters and a convolution over the scan exactly (single-side-band
ptychography); what is thick is for the layers after it. The network of 2019 took the positions as channels instead and
had to find out where each stood.

Pixels are added up in twos first: the probe is some 5 Angstrom wide, so that patterns vary over 0.2 per Angstrom and
lose nothing. The filters see what differs from the scan's mean pattern, which all positions share, and that one apart.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BIN, STRIDE, PATCH = 2, 2, 4
"""Detector pixels added up; binned ones between the local filters, and under each, along each side."""


class Filters(nn.Module):
    """Patterns (n, 1, p, p) to `features` numbers each: ones over all of the detector, and the same of local ones."""

    def __init__(self, pixels: int, local: int, features: int) -> None:
        super().__init__()
        self.plain = nn.Linear(pixels**2, features)
        self.local = nn.Conv2d(1, local, PATCH, STRIDE, (PATCH - STRIDE) // 2)
        self.whole = nn.Linear(local * (pixels // STRIDE) ** 2, features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.plain(x.flatten(1)) + self.whole(F.gelu(self.local(x)).flatten(1))


class Block(nn.Module):
    """Two 3 x 3 convolutions with a shortcut around them; it begins as its shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.gelu(self.conv1(self.norm(x))))


class ScanNet(nn.Module):
    """Scans (n, s, s, p, p) of intensities, of which each pattern sums to at most 1, to pictures (n, m, m).

    `pixels` p is a multiple of 4, `target` m is s times a power of two. `width` is the number of features of a
    position; pictures twice as fine have half as many, of which 16 at least. `local` is that of the filters over
    patches of the detector, `depth` that of the blocks over the scan. It begins with the picture 0.
    """

    def __init__(
        self, positions: int, pixels: int, target: int, width: int = 128, local: int = 24, depth: int = 3
    ) -> None:
        super().__init__()
        binned = pixels // BIN
        self.contrast = Filters(binned, local, width)
        self.common = Filters(binned, local, width)
        self.places = nn.Parameter(torch.zeros(1, width, positions, positions))
        self.scan = nn.Sequential(*(Block(width) for _ in range(depth)))
        finer: list[nn.Module] = []
        size = positions
        while size < target:
            half = max(16, width // 2)
            finer += [nn.Conv2d(width, 4 * half, 3, 1, 1), nn.PixelShuffle(2), Block(half)]
            size, width = size * 2, half
        self.finer = nn.Sequential(*finer)
        self.picture = nn.Conv2d(width, 1, 3, 1, 1)
        nn.init.zeros_(self.picture.weight)

    def forward(self, scan: Tensor) -> Tensor:
        n, rows, columns, pixels, _ = scan.shape
        # Counting noise is even on square roots; of an even pattern they are 1.
        x = (F.avg_pool2d(scan.reshape(-1, 1, pixels, pixels), BIN).clamp_min(0.0) * pixels**2).sqrt()
        x = x.reshape(n, rows * columns, *x.shape[-2:])
        mean = x.mean(dim=1, keepdim=True)
        contrast = (x - mean).flatten(0, 1)[:, None]
        features = self.contrast(contrast).reshape(n, rows, columns, -1).permute(0, 3, 1, 2)
        features = features + self.common(mean)[:, :, None, None] + self.places
        return self.picture(self.finer(self.scan(features))).squeeze(1)
