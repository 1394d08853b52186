"""What a task asks of the loop: a model, its loss, its predictions. The loop in train.py does the rest.

A task's reference half is `reference/tasks/<name>/task.py`, whose `make_task(schema, settings)` gives one. In the open
division another may stand in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from torch import Tensor, nn

Batch = Mapping[str, Tensor]
"""Samples by the names of the schema's fields, all on one device; the first axis counts samples."""


class Task(Protocol):
    """How one trainer answers one benchmark. `model` has the same initial weights on every rank."""

    model: nn.Module

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean over the batch, a scalar. `model` is the task's own, or a parallel backend's wrapper."""

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        """Of each target, what its metric asks for. `model` is the task's own or the running average of its weights."""

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        """What a step of training is given in place of a batch. Random numbers come from the generator alone, as many
        for a batch as its size says, so that a resumed run goes on as an unbroken one would have."""
