"""ResNet-50 of one channel, as two published entries of the data challenge trained it on CBED patterns.

ORNL's reference is torchvision's network with one input channel, and half of its logits dropped in training
(mlcommons/science, benchmarks/stemdl/ornl/model_wrapper.py). J. Pan's entry is 20 channels wide in place of 64, begins
with three small convolutions and has averages in its shortcuts (jinpan/smc_challenge2, smc/model.py; He et al. 2019,
arXiv 1812.01187, ResNet-C and -D). Both see the patterns as `scaled` gives them. Written from their descriptions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCKS = (3, 4, 6, 3)
EXPANSION = 4
DARKEST, STEEPNESS, BRIGHTEST = -17.0, 10.0, 255.0
"""The published scale: natural logarithms from -17, times 10, to 255."""


def scaled(patterns: Tensor) -> Tensor:
    """Intensities of about unit sum to the published scale, 0 to 1 (theirs: 0 to 255)."""
    logarithms = patterns.clamp(min=math.exp(DARKEST)).log()
    return ((logarithms - DARKEST) * STEEPNESS).clamp(max=BRIGHTEST) / BRIGHTEST


class Bottleneck(nn.Module):
    """Convolutions 1 x 1, 3 x 3 (which halves where `stride` is 2) and 1 x 1 around a shortcut. `averaged`: a shortcut
    that halves takes means of four pixels, not one of them."""

    def __init__(self, channels_in: int, width: int, stride: int, averaged: bool) -> None:
        super().__init__()
        channels_out = EXPANSION * width
        self.inner = nn.Sequential(
            *(nn.Conv2d(channels_in, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)),
            *(nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)),
            *(nn.Conv2d(width, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels_out:
            if averaged and stride != 1:
                self.shortcut.append(nn.AvgPool2d(stride, ceil_mode=True))
                stride = 1
            self.shortcut.append(nn.Conv2d(channels_in, channels_out, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels_out))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.inner(x) + self.shortcut(x), inplace=True)


class ResNet50(nn.Module):
    """Pictures (n, p, p) to `outputs` numbers of each. `width` is the number of channels after the stem, `tweaked`
    whether stem and shortcuts are those of ResNet-C and -D, `dropout` the share of outputs that are dropped in training
    (those kept grow by as much)."""

    def __init__(self, outputs: int, width: int = 64, tweaked: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        if tweaked:
            half = width // 2
            stem = [
                nn.Conv2d(1, half, 3, 2, 1, bias=False),
                nn.Conv2d(half, half, 3, 1, 1, bias=False),
                nn.Conv2d(half, width, 3, 1, 1, bias=False),
            ]
        else:
            stem = [nn.Conv2d(1, width, 7, 2, 3, bias=False)]
        self.stem = nn.Sequential(*stem, nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1))
        blocks, channels = [], width
        for stage, count in enumerate(BLOCKS):
            own = width * 2**stage
            for place in range(count):
                blocks.append(Bottleneck(channels, own, 2 if stage and place == 0 else 1, tweaked))
                channels = EXPANSION * own
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, outputs)
        self.dropout = nn.Dropout(dropout)
        for each in self.modules():
            if isinstance(each, nn.Conv2d):
                nn.init.kaiming_normal_(each.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures[:, None].contiguous(memory_format=torch.channels_last)
        return self.dropout(self.head(self.blocks(self.stem(x)).mean(dim=(2, 3))))
