"""The baseline: the 1-D residual network of the work that this benchmark follows, 18 layers on the plain profile.

Widths, kernels and strides are those of its published successor (scattering/paper-ai-diffraction: a stem of 13 points
and a pool of 7; 32, 64, 64 and 64 channels; kernels of 5, 7, 17 and 13 points; strides of 4, 4, 5 and 3).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = ((32, 5, 4), (64, 7, 4), (64, 17, 5), (64, 13, 3))
"""Channels, kernel and stride of each pair of blocks."""


class Block(nn.Module):
    """Two convolutions around a shortcut; the first one takes every `stride`-th point."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False)
        self.conv2 = nn.Conv1d(channels_out, channels_out, kernel, 1, kernel // 2, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm1d(channels_out), nn.BatchNorm1d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Conv1d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    """Profiles (n, 1, points), intensities from 0 with a maximum of 1, to logits (n, classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv1d(1, 32, 13, 1, 6, bias=False), nn.BatchNorm1d(32), nn.ReLU())
        self.pool = nn.MaxPool1d(7, ceil_mode=True)
        blocks, before = [], 32
        for channels, kernel, stride in STAGES:
            blocks += [Block(before, channels, kernel, stride), Block(channels, channels, kernel, 1)]
            before = channels
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(2 * before, classes)

    def forward(self, profiles: Tensor) -> Tensor:
        x = self.blocks(self.pool(self.stem(torch.sqrt(profiles.clamp(min=0.0)))))
        return self.head(torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1))
