"""Classifying powder patterns by extinction group: a transformer over their lines, or the residual network that others
began with, under a smoothed cross entropy, on patterns varied as measurements vary them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError, nearest
from reference.task import Batch
from reference.tasks.powder.model import LineTransformer
from reference.tasks.powder.peaks import Lines
from reference.tasks.powder.resnet import ResNet
from reference.tasks.powder.vary import Variation

RANGE_DEGREES, WAVELENGTH_ANGSTROM = (5.0, 90.0), 1.540593
"""The range of the profiles of all rungs."""
LINES_FOUND = 40
"""Those of which differences are taken: weaker ones are noise as often as lines."""


class Powder:
    """Any network from profiles (n, 1, points) to logits (n, classes). `smoothing` is the share of each label that the
    cross entropy spreads over all classes."""

    def __init__(self, model: nn.Module, schema: SampleSchema, smoothing: float, measure: Variation) -> None:
        (profile,), (label, *_) = schema.inputs, schema.targets
        self.model, self._profile, self._label = model, profile.name, label.name
        self._smoothing, self._measure = smoothing, measure

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        logits = model(batch[self._profile]).float()
        return F.cross_entropy(logits, batch[self._label], label_smoothing=self._smoothing)

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        return {self._label: model(batch[self._profile])}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        return {**batch, self._profile: self._measure(batch[self._profile][:, 0], generator)[:, None]}


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> Powder:
    """The task of the closed division. Raises StemdlError for a network that there is not."""
    (profile,), (label, *_) = schema.inputs, schema.targets
    points, classes = profile.shape[-1], len(schema.classes[label.name])
    measure = Variation(points, RANGE_DEGREES, WAVELENGTH_ANGSTROM, settings["augmentation"])
    return Powder(network_of(settings, classes, points), schema, settings["label_smoothing"], measure)


def network_of(settings: Mapping[str, Any], classes: int, points: int) -> nn.Module:
    """The network that the settings name. Raises StemdlError where there is none of that name."""
    if settings["network"] == "resnet":
        return ResNet(classes)
    if settings["network"] != "lines":
        remedy = nearest(settings["network"], ("lines", "resnet"))
        raise StemdlError(f"there is no network {settings['network']!r}", where="network", remedy=remedy)
    sizes = {name: settings[name] for name in ("differences", "width", "layers", "heads", "positions")}
    found = max(settings["lines"], LINES_FOUND if settings["differences"] else 0)
    lines = Lines(points, RANGE_DEGREES, WAVELENGTH_ANGSTROM, found)
    return LineTransformer(classes, lines, looked_at=settings["lines"], **sizes)
