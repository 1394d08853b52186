"""A model of one's own, for the open division: convolutions on the three patterns of a stack, side by side.

    stemdl run --rung stemdl_smoke --trainer examples/my_model.py:make_task

Data, clock, evaluation, log and the training loop stay the benchmark's; `--set` and `--config` work as always.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.definition.sample import SampleSchema
from reference.tasks.space_group.task import SpaceGroups


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


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> SpaceGroups:
    """What `--trainer` names. Called once by each rank, with one seed: all begin with the same weights."""
    model = PlainNet(len(schema.classes["space_group"]), settings["width"])
    return SpaceGroups(model, schema, settings["label_smoothing"])  # the reference's loss, flips and predictions
