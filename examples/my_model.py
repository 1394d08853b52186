"""A model of one's own, for the open division: convolutions on the three patterns of a stack, side by side.

    stemdl run --rung stemdl_smoke --trainer examples/my_model.py:train

Data, clock, evaluation, log and the training loop stay the benchmark's; `--set` and `--config` work as always.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmark.definition.request import RunRequest
from benchmark.definition.settings import Settings
from reference.train import train as train_with


class PlainNet(nn.Module):
    """Patterns (n, 3, pixels, pixels), each of which sums to at most 1, to logits (n, classes)."""

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for wider in (width, 2 * width, 4 * width):
            layers += [nn.Conv2d(channels, wider, 3, padding=1), nn.BatchNorm2d(wider), nn.ReLU(), nn.MaxPool2d(2)]
            channels = wider
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * channels, classes))

    def forward(self, patterns: Tensor) -> Tensor:
        return self.layers(torch.log1p(1e4 * patterns))


def make_model(classes: int, settings: Settings) -> nn.Module:
    """Called once by each rank, with one seed: all begin with the same weights."""
    return PlainNet(classes, settings.task["width"])


def train(request: RunRequest) -> bool:
    """What `--trainer` names: one run, called by every rank; whether the target was reached."""
    return train_with(request, make_model)
