"""Classifying CBED stacks by space group: a symmetry-aware network under a smoothed cross entropy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.definition.sample import SampleSchema
from reference.task import Batch
from reference.tasks.space_group.model import LateNet, SymmetryNet

NETWORKS: Mapping[str, Callable[[int, int, bool], nn.Module]] = {"early": SymmetryNet, "late": LateNet}


class SpaceGroups:
    """Any network from intensities (n, 3, p, p) to logits (n, classes), trained and asked as the reference's is.

    `smoothing` is the share of each label that the cross entropy spreads over all classes.
    """

    def __init__(self, model: nn.Module, schema: SampleSchema, smoothing: float) -> None:
        (stack,), (label,) = schema.inputs, schema.targets
        self.model, self._stack, self._label, self._smoothing = model, stack.name, label.name, smoothing

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        logits = model(batch[self._stack]).float()
        return F.cross_entropy(logits, batch[self._label], label_smoothing=self._smoothing)

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        return {self._label: model(batch[self._stack])}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        """Flips along the detector's axes, each projection's by chance. A flip turns a crystal's pattern into that of
        its mirror image, which has the same space group, enantiomorphic pairs apart (they look the same in the
        zero-order zone)."""
        patterns = batch[self._stack]
        flips = torch.from_numpy(generator.random((2, *patterns.shape[:2], 1, 1)) < 0.5).to(patterns.device)
        for flip, axis in zip(flips, (-1, -2), strict=True):
            patterns = torch.where(flip, patterns.flip(axis), patterns)
        return {**batch, self._stack: patterns}


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> SpaceGroups:
    """The task of the closed division."""
    (label,) = schema.targets
    model = NETWORKS[settings["network"]](len(schema.classes[label.name]), settings["width"], settings["symmetry"])
    return SpaceGroups(model, schema, settings["label_smoothing"])
