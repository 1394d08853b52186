"""The space group with everything else that is asked: one network, whose last layer answers all of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.definition.finder import TASK, find_task
from benchmark.definition.sample import SampleSchema
from reference.task import Batch

SINGLE = find_task("space_group").code(TASK)
"""The task of the group alone: its networks and its flips are these."""
CENTRES: Mapping[str, tuple[float, float]] = {"lengths": (1.9, 0.4), "angles": (93.0, 11.0), "energy": (150.0, 50.0)}
"""Mean and spread of the numbers in the training splits, about: of edges those of their logarithms, in Angstrom."""
LOGARITHMS = ("lengths",)
COMPOSITION = "composition"


class Several:
    """A network from intensities (n, 3, p, p) to as many numbers as all targets have together.

    The loss is the group's smoothed cross entropy, and `others` times the mean of those of the other targets: a cross
    entropy of classes and of the elements' shares, a Huber loss of numbers in units of their spread.
    """

    def __init__(self, network: str, width: int, schema: SampleSchema, smoothing: float, others: float) -> None:
        group, *self._others = schema.targets
        self._widths = [
            len(schema.classes[each.name]) if each.name in schema.classes else _numbers(each.shape)
            for each in schema.targets
        ]
        self._names = [each.name for each in schema.targets]
        self._classes = schema.classes
        self.model: nn.Module = SINGLE.NETWORKS[network](sum(self._widths), width, True)
        (stack,) = schema.inputs
        self._stack, self._smoothing, self._share = stack.name, smoothing, others
        alone = dataclasses.replace(schema, targets=(group,), classes={group.name: schema.classes[group.name]})
        self._alone = SINGLE.SpaceGroups(self.model, alone, smoothing)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        outputs = self._parts(model(batch[self._stack]).float())
        group, *others = (self._loss_of(name, outputs[name], batch[name]) for name in self._names)
        return group + self._share * torch.stack(others).mean()

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        outputs = self._parts(model(batch[self._stack]).float())
        return {name: self._answer(name, found) for name, found in outputs.items()}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        """The flips of the group alone, which change none of the other targets."""
        flipped: Batch = self._alone.augment(batch, generator)
        return flipped

    def _parts(self, outputs: Tensor) -> dict[str, Tensor]:
        return dict(zip(self._names, outputs.split(self._widths, dim=1), strict=True))

    def _loss_of(self, name: str, found: Tensor, true: Tensor) -> Tensor:
        if name in self._classes:
            return F.cross_entropy(found, true, label_smoothing=self._smoothing)
        if name == COMPOSITION:
            return F.cross_entropy(found, true)
        centre, spread = CENTRES[name]
        wanted = true.reshape(len(true), -1)
        wanted = (wanted.log() if name in LOGARITHMS else wanted) - centre
        return F.smooth_l1_loss(found, wanted / spread)

    def _answer(self, name: str, found: Tensor) -> Tensor:
        if name in self._classes:
            return found
        if name == COMPOSITION:
            return found.softmax(dim=1)
        centre, spread = CENTRES[name]
        numbers = centre + spread * found
        numbers = numbers.exp() if name in LOGARITHMS else numbers
        return numbers if numbers.shape[1] > 1 else numbers[:, 0]


def _numbers(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> Several:
    """The task of the closed division."""
    return Several(settings["network"], settings["width"], schema, settings["label_smoothing"], settings["others"])
