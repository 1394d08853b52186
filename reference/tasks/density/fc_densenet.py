"""The network that STEMDL's second task was first trained with, for comparison: the FC-DenseNet of 2019.

A fully convolutional DenseNet (Jegou et al. 2017, arXiv 1611.09326) takes the patterns of all positions as channels of
one picture, goes down over three poolings and up again, and hands the target's picture out; that a picture over the
detector turns into one over the specimen is left to the weights. Its layers are those that the logs of March 2019 name
(github.com/nlaanait/stemdl, history, network FCDenseNet_custom), for 1024 channels of 512 x 512 pixels and 128 features
of each layer. These logs count 2.3e7 weights and, at three times the forward pass, 8.00e12 operations per sample.
So do the layers below, where the transitions up have kernels of one pixel; with those of 3 x 3 pixels, which the
repository's generator writes, they would have 2.7e7 and 8.37e12.

What differs: a rung's own number of positions and the target's pixels take the place of 1024 and 512; the picture has
no ReLU behind it, since a standardised density is negative in half of it, and begins as 0; weights begin with a
variance by the number of inputs (He et al. 2015), not of outputs, by which the features of so dense a network grow from
layer to layer: its first loss was 4495 in 2019.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

DOWN, BOTTLENECK, UP = (2, 2, 3), 4, (3, 2, 2)
"""Layers of each dense block, from the input to the picture."""
POOLED = 2 ** len(DOWN)
"""The factor by which the smallest picture's side is less than the target's."""
DROPOUT = 0.2

_Convolution = TypeVar("_Convolution", nn.Conv2d, nn.ConvTranspose2d)


class FCDenseNet(nn.Module):
    """Scans (n, s, s, p, p) of intensities, of which each pattern sums to at most 1, to pictures (n, m, m).

    `target` m is a multiple of 8. Each layer adds `width` features. Patterns come as square roots, each channel less
    its least value, as in 2019, averaged over the detector to the target's pixels.
    """

    def __init__(self, positions: int, target: int, width: int = 128) -> None:
        super().__init__()
        self._target = target
        self.first = _convolution(positions**2, width, 3)
        channels, skipped = width, []
        self.down, self.pooled = nn.ModuleList(), nn.ModuleList()
        for layers in DOWN:
            self.down.append(DenseBlock(channels, width, layers))
            channels += layers * width
            skipped.append(channels)
            self.pooled.append(nn.Sequential(*_layer(channels, channels, 1), nn.MaxPool2d(2)))
        self.bottleneck = DenseBlock(channels, width, BOTTLENECK)
        new = BOTTLENECK * width
        self.raised, self.up = nn.ModuleList(), nn.ModuleList()
        for layers in UP:
            self.raised.append(_initialised(nn.ConvTranspose2d(new, new, 1, stride=2, output_padding=1)))
            channels = new + skipped.pop()
            self.up.append(DenseBlock(channels, width, layers))
            new = layers * width
        self.picture = _convolution(channels + new, 1, 1)
        nn.init.zeros_(self.picture.weight)

    def forward(self, scan: Tensor) -> Tensor:
        pixels = scan.shape[-1]
        x = (scan.flatten(1, 2).clamp_min(0.0) * pixels**2).sqrt()
        x = F.adaptive_avg_pool2d(x - x.amin(dim=(-2, -1), keepdim=True), self._target)
        x = F.relu(self.first(x))
        skipped = []
        for block, pooled in zip(self.down, self.pooled, strict=True):
            skipped.append(torch.cat([x, block(x)], dim=1))
            x = pooled(skipped[-1])
        new = self.bottleneck(x)
        for raised, block in zip(self.raised, self.up, strict=True):
            x = torch.cat([raised(new), skipped.pop()], dim=1)
            new = block(x)
        return self.picture(torch.cat([x, new], dim=1)).squeeze(1)


class DenseBlock(nn.Module):
    """Layers that each see the input and what all layers before them found; the new features of all come out."""

    def __init__(self, channels: int, width: int, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(*_layer(channels + i * width, width, 3)) for i in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        found: list[Tensor] = []
        for layer in self.layers:
            found.append(layer(torch.cat([x, *found], dim=1)))
        return torch.cat(found, dim=1)


def _layer(channels: int, features: int, kernel: int) -> tuple[nn.Module, ...]:
    return nn.ReLU(), _convolution(channels, features, kernel), nn.Dropout2d(DROPOUT)


def _convolution(channels: int, features: int, kernel: int) -> nn.Conv2d:
    return _initialised(nn.Conv2d(channels, features, kernel, padding=kernel // 2))


def _initialised(layer: _Convolution) -> _Convolution:
    nn.init.normal_(layer.weight, std=(2.0 / (layer.in_channels * layer.kernel_size[0] ** 2)) ** 0.5)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer
