"""Reconstructing a density: a network over the scan, under the mean square error of the standardised picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from reference.task import Batch
from reference.tasks.density.fc_densenet import POOLED, FCDenseNet
from reference.tasks.density.model import BIN, STRIDE, ScanNet

SYMMETRIES = 8
"""The symmetries of the square: what turns or mirrors specimen, scan and detector together leaves the physics as it
is."""


class Density:
    """Any network from scans (n, s, s, p, p) to pictures (n, m, m), trained and asked as the reference's is."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return F.mse_loss(model(batch["scan"]).float(), standardised(batch["density"]))

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        return {"density": model(batch["scan"])}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        """One of the square's symmetries, the same for the whole batch."""
        number = int(generator.integers(SYMMETRIES))
        return {**batch, "scan": moved_scan(batch["scan"], number), "density": moved(batch["density"], number)}


def standardised(pictures: Tensor) -> Tensor:
    """Pictures (n, m, m) each less its mean, by its standard deviation, as the metric has them."""
    centred = pictures - pictures.mean(dim=(1, 2), keepdim=True)
    return centred / centred.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp_min(1e-12)


def moved(pictures: Tensor, number: int) -> Tensor:
    """Pictures (..., m, m) under a symmetry of the square: bit 0 flips x, bit 1 flips y, bit 2 exchanges them."""
    if number & 1:
        pictures = pictures.flip(-1)
    if number & 2:
        pictures = pictures.flip(-2)
    return pictures.transpose(-1, -2) if number & 4 else pictures


def moved_scan(scan: Tensor, number: int) -> Tensor:
    """Scans (n, s, s, p, p) under the same. Of the detector's even number of pixels the one at half is its middle: it
    stays, and the first one, which has no partner, stays in its place."""
    for bit, (of_scan, of_detector) in ((1, (2, 4)), (2, (1, 3))):
        if number & bit:
            scan = scan.flip(of_scan, of_detector).roll(1, of_detector)
    return scan.permute(0, 2, 1, 4, 3) if number & 4 else scan


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> Density:
    """The task with the network that the settings name. Raises StemdlError where it is not made for a schema's
    shapes."""
    (positions, _, pixels, _), (target, _) = schema.inputs[0].shape, schema.targets[0].shape
    found = f"{positions} positions, {pixels} pixels, {target} of the target"
    if settings["network"] == "fc_densenet":
        _require(target % POOLED == 0, f"the target's pixels a multiple of {POOLED}", found)
        return Density(FCDenseNet(positions, target, settings["width"]))
    ratio = target // positions
    _require(
        not (pixels % (BIN * STRIDE) or target % positions or ratio & (ratio - 1)),
        f"pixels a multiple of {BIN * STRIDE}, the target's a power of two times the positions",
        found,
    )
    return Density(ScanNet(positions, pixels, target, settings["width"], settings["local"], settings["depth"]))


def _require(possible: bool, expected: str, found: str) -> None:
    if not possible:
        raise StemdlError("the network is not made for these shapes", expected=expected, found=found)
