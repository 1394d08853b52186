"""A linear model of the points, under the mean square error of the slope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.definition.sample import SampleSchema

Batch = Mapping[str, Tensor]


class Line:
    """A weight for each point, zero at first: every seed learns alike."""

    def __init__(self, points: int, bias: bool) -> None:
        self.model = nn.Linear(points, 1, bias=bias)
        for parameter in self.model.parameters():
            nn.init.zeros_(parameter)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return F.mse_loss(self.predict(model, batch)["slope"], batch["slope"])

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        return {"slope": model(batch["profile"]).squeeze(1)}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        return batch


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> Line:
    """What the reference trains."""
    return Line(schema.inputs[0].shape[0], settings["bias"])
