"""Networks from fingerprints (n, 3, 64, 64) to logits (n, classes): the published one, and a smaller one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SIDE = 64
PUBLISHED = ((3, 32), (32, 32), None, (32, 16), (16, 16), None, (16, 8), (8, 8))
"""Channels of the convolutions of 7 x 7 pixels; None is a pooling by 2."""


class Published(nn.Sequential):
    """The network of Ziletti et al. (2018): 365,719 weights for seven classes. Convolutions keep the picture's size;
    weights are orthogonal at first; a share `dropout` of what the last convolution gives is dropped in training."""

    def __init__(self, classes: int, dropout: float) -> None:
        layers: list[nn.Module] = []
        for each in PUBLISHED:
            layers += [nn.MaxPool2d(2)] if each is None else [nn.Conv2d(*each, 7, padding=3), nn.ReLU()]
        inner = 8 * (SIDE // 4) ** 2
        layers += [nn.Dropout(dropout), nn.Flatten(), nn.Linear(inner, 128), nn.ReLU(), nn.BatchNorm1d(128)]
        super().__init__(*layers, nn.Linear(128, classes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.orthogonal_(module.weight)
                nn.init.zeros_(module.bias)


class Small(nn.Module):
    """Four convolutions, each of half the side before it. `width` is the channels of the first.

    It looks at the root of the intensity, in which weak peaks count, and normalises each sample by itself: whole
    crystals and broken ones, which it has not seen, lie nearer to each other so.
    """

    def __init__(self, classes: int, width: int, dropout: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for channels, kernel in ((width, 5), (2 * width, 3), (4 * width, 3), (4 * width, 3)):
            layers += [nn.Conv2d(before, channels, kernel, stride=2, padding=kernel // 2, bias=False)]
            layers += [nn.GroupNorm(4, channels), nn.ReLU()]
            before = channels
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(before * (SIDE // 16) ** 2, classes))

    def forward(self, pictures: Tensor) -> Tensor:
        return self.head(self.features(torch.sqrt(pictures.clamp(min=0.0))))
