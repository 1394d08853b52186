"""Classifying fingerprints by structure: a network under a smoothed cross entropy, on pictures varied as defects
vary them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError, nearest
from reference.attribution import integrated_gradients, of_class
from reference.task import Batch
from reference.tasks.fingerprints.model import Published, Small
from reference.tasks.fingerprints.response import convolutions, response
from reference.tasks.fingerprints.vary import Vary


class Fingerprints:
    """Any network from pictures (n, 3, 64, 64) to logits (n, classes). `smoothing` is the share of each label that the
    cross entropy spreads over all classes."""

    def __init__(self, model: nn.Module, schema: SampleSchema, smoothing: float, vary: Vary) -> None:
        (picture,), (label, *_) = schema.inputs, schema.targets
        self.model, self._picture, self._label = model, picture.name, label.name
        self._smoothing, self._vary = smoothing, vary

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        logits = model(batch[self._picture]).float()
        return F.cross_entropy(logits, batch[self._label], label_smoothing=self._smoothing)

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        return {self._label: model(batch[self._picture])}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        return {**batch, self._picture: self._vary(batch[self._picture], generator)}

    def maps(self, model: nn.Module, batch: Batch, classes: Tensor) -> Mapping[str, Tensor]:
        """The attentive response of each convolution, as published; and a method of today, of the class. Grad-CAM's
        mean gradient says little here, where the head weighs each place by itself."""
        pictures = batch[self._picture]
        found = {
            f"response of convolution {number}": response(model, pictures, number - 1).clamp(min=0.0).sum(dim=1)
            for number in range(1, len(convolutions(model)) + 1)
        }
        found["integrated gradients"] = integrated_gradients(of_class(model, classes), pictures)
        return found


def network_of(settings: Mapping[str, Any], classes: int) -> nn.Module:
    """The network that the settings name. Raises StemdlError where there is none of that name."""
    if settings["network"] == "published":
        return Published(classes, settings["dropout"])
    if settings["network"] != "small":
        remedy = nearest(settings["network"], ("small", "published"))
        raise StemdlError(f"there is no network {settings['network']!r}", where="network", remedy=remedy)
    return Small(classes, settings["width"], settings["dropout"])


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> Fingerprints:
    """The task of the closed division. Raises StemdlError for a network that there is not."""
    label = schema.targets[0].name
    model = network_of(settings, len(schema.classes[label]))
    vary = Vary(schema.inputs[0].shape[-1], *(settings[name] for name in ("speckle", "damping", "zoom")))
    return Fingerprints(model, schema, settings["label_smoothing"], vary)
