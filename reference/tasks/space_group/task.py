"""Classifying CBED stacks by space group: a symmetry-aware network under a smoothed cross entropy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.definition.sample import SampleSchema
from reference.attribution import grad_cam, integrated_gradients, of_class
from reference.task import Batch
from reference.tasks.space_group.balance import Balance, Retrained
from reference.tasks.space_group.model import LateNet, SymmetryNet
from reference.tasks.space_group.published import Ornl, Pan

ANY_ROTATION, FOLDED = ("any_rotation", "any_axes"), "folded"
"""How names end of networks for patterns at any rotation, and begin of those that see no flip."""
NETWORKS: Mapping[str, Callable[[int, int, bool], nn.Module]] = {
    "early": SymmetryNet,
    "late": LateNet,
    "late_any_rotation": partial(LateNet, most_degrees=45.0),
    "folded": partial(LateNet, folded=True),
    "folded_any_rotation": partial(LateNet, folded=True, most_degrees=45.0),
    "folded_any_axes": partial(LateNet, folded=True, most_degrees=45.0, ordered=False),
}


class SpaceGroups:
    """Any network from intensities (n, 3, p, p) to logits (n, classes), trained and asked as the reference's is.

    `smoothing` is the share of each label that the cross entropy spreads over all classes, `balance` what is done about
    classes of few samples (`Balance`). `quarter_turns`: rows and columns of a training pattern may change places.
    """

    def __init__(
        self,
        model: nn.Module,
        schema: SampleSchema,
        smoothing: float,
        balance: str = "none",
        *,
        flips: bool = True,
        quarter_turns: bool = False,
    ) -> None:
        (stack,), (label,) = schema.inputs, schema.targets
        self.model, self._stack, self._label = model, stack.name, label.name
        self._flips, self._quarter_turns = flips, quarter_turns
        self._balance = Balance(balance, len(schema.classes.get(label.name, ())), smoothing)

    def look(self, batches: Iterable[Batch], total: Callable[[Tensor], Tensor]) -> NDArray[np.float64] | None:
        return self._balance.look((batch[self._label] for batch in batches), total)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return self._balance.mean(model(batch[self._stack]).float(), batch[self._label])

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        return {self._label: model(batch[self._stack])}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        """Flips along the detector's axes (and quarter turns), each projection's by chance. A flip turns a crystal's
        pattern into that of its mirror image, which has the same space group, enantiomorphic pairs apart (they look the
        same in the zero-order zone)."""
        patterns = batch[self._stack]
        if self._flips:
            flips = torch.from_numpy(generator.random((2, *patterns.shape[:2], 1, 1)) < 0.5).to(patterns.device)
            for flip, axis in zip(flips, (-1, -2), strict=True):
                patterns = torch.where(flip, patterns.flip(axis), patterns)
        if self._quarter_turns:
            turn = torch.from_numpy(generator.random((*patterns.shape[:2], 1, 1)) < 0.5).to(patterns.device)
            patterns = torch.where(turn, patterns.transpose(-1, -2), patterns)
        return {**batch, self._stack: patterns}

    def maps(self, model: nn.Module, batch: Batch, classes: Tensor) -> Mapping[str, Tensor]:
        """What pixels count for the class. A class-activation map where the projections are channels of one picture,
        which the last block sees as they lie; a trunk of its own for each would show them turned upright."""
        stacks, score = batch[self._stack], of_class(model, classes)
        found = {"integrated gradients": integrated_gradients(score, stacks)}
        if isinstance(model, SymmetryNet):
            found["Grad-CAM"] = grad_cam(score, model.blocks[-1], stacks)
        return found


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> SpaceGroups | Ornl | Pan:
    """The task of the closed division, or what the settings make of it."""
    (label,) = schema.targets
    classes, network, method = len(schema.classes[label.name]), settings["network"], settings["balance"]
    task: SpaceGroups | Ornl | Pan
    if network in NETWORKS:
        model = NETWORKS[network](classes, settings["width"], settings["symmetry"])
        task = SpaceGroups(
            model,
            schema,
            settings["label_smoothing"],
            method,
            flips=not network.startswith(FOLDED),
            quarter_turns=network.endswith(ANY_ROTATION),
        )
    elif network == "ornl_2020":
        task = Ornl(schema, Balance(method, classes, settings["label_smoothing"]))
    else:
        task = Pan(schema, Balance(method, classes, settings["label_smoothing"]), pairs=network == "pan_2020_pairs")
    if settings["head_of"]:
        task.model = Retrained(task.model, Path(settings["head_of"]))
    return task
