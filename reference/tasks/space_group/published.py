"""The two published recipes of the data challenge, for comparison: ORNL's reference and its best participant's.

`network=ornl_2020` (mlcommons/science, benchmarks/stemdl/ornl: F1 about 0.43 on the real set): a step sees one
projection of each sample, drawn at random, of which a rectangle is erased in four of five; an answer is the mean of the
logits of all three. `network=pan_2020` (jinpan/smc_challenge2; top-1 0.608): each projection is a sample of its own,
mixed with another one (Zhang et al. 2018, arXiv 1710.09412), and an answer is the mean of their probabilities. With
`network=pan_2020_pairs` a network tells two groups apart at a time, and what flows between them (`pairs.py`) is the
answer. Their optimizers and rates are in the folder `recipes`. What the authors say of it is all that was taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.definition.sample import SampleSchema
from reference.task import Batch
from reference.tasks.space_group.balance import Balance
from reference.tasks.space_group.pairs import flow, pair_loss, pairs_of
from reference.tasks.space_group.resnet import ResNet50, scaled

ERASED, AREA, ASPECT, TRIES = 0.8, (0.02, 0.33), (0.3, 3.3), 10
"""How many patterns lose a rectangle, its share of the area, its height by its width, and how often one is drawn that
does not fit: torchvision's RandomErasing(p=0.8)."""
ALPHA = 0.4
"""Both parameters of the beta distribution of shares in a mixture."""
SHARE, PARTNER = "mixed_share", "mixed_partner"
DROPOUT = 0.5


class _Published:
    """What both recipes have: a network of single pictures, and a loss of each of them."""

    model: nn.Module

    def __init__(self, schema: SampleSchema, balance: Balance) -> None:
        (stack,), (label,) = schema.inputs, schema.targets
        self._stack, self._label, self._balance = stack.name, label.name, balance
        self._classes = len(schema.classes[label.name])

    def look(self, batches: Iterable[Batch], total: Callable[[Tensor], Tensor]) -> NDArray[np.float64] | None:
        return self._balance.look((batch[self._label] for batch in batches), total)

    def _each(self, model: nn.Module, patterns: Tensor) -> Tensor:
        """What the network says of each projection of (n, k, p, p): (n, k, outputs)."""
        outputs: Tensor = model(scaled(patterns.flatten(0, 1)))
        return outputs.unflatten(0, patterns.shape[:2])


class Ornl(_Published):
    """ORNL's recipe; the network is 64 channels wide."""

    def __init__(self, schema: SampleSchema, balance: Balance) -> None:
        super().__init__(schema, balance)
        self.model = ResNet50(self._classes, dropout=DROPOUT)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        logits = model(scaled(batch[self._stack][:, 0])).float()
        return self._balance.loss(logits, batch[self._label]).mean()

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        return {self._label: self._each(model, batch[self._stack]).mean(dim=1)}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        patterns = batch[self._stack]
        count = len(patterns)
        chosen = torch.from_numpy(generator.integers(patterns.shape[1], size=count)).to(patterns.device)
        one = patterns[torch.arange(count, device=patterns.device), chosen]
        holes = torch.from_numpy(rectangles(count, patterns.shape[-1], generator)).to(patterns.device)
        return {**batch, self._stack: one.masked_fill(holes, 0.0)[:, None]}


class Pan(_Published):
    """J. Pan's recipe; the network is 20 channels wide. `pairs`: it tells pairs of groups apart."""

    def __init__(self, schema: SampleSchema, balance: Balance, pairs: bool) -> None:
        super().__init__(schema, balance)
        self._pairs = pairs
        self.model = ResNet50(pairs_of(self._classes) if pairs else self._classes, width=20, tweaked=True)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        patterns = batch[self._stack]
        each = patterns.shape[1]
        pictures, labels = scaled(patterns.flatten(0, 1)), batch[self._label].repeat_interleave(each)
        if SHARE not in batch:
            return self._of(model(pictures).float(), labels).mean()
        share, partner = batch[SHARE].flatten(), batch[PARTNER].flatten()
        mixed = torch.lerp(pictures[partner], pictures, share[:, None, None])
        answers = model(mixed).float()
        return (share * self._of(answers, labels) + (1.0 - share) * self._of(answers, labels[partner])).mean()

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        answers = self._each(model, batch[self._stack]).float()
        shares = flow(answers, self._classes) if self._pairs else answers.softmax(dim=-1)
        return {self._label: shares.mean(dim=1).clamp(min=1e-12).log()}

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        """Draws which two pictures are mixed, and how: `loss` mixes them, on the scale that the network sees."""
        patterns = batch[self._stack]
        shape = patterns.shape[:2]
        share = generator.beta(ALPHA, ALPHA, size=shape)
        share = np.maximum(share, 1.0 - share).astype(np.float32)
        partner = generator.permutation(share.size).reshape(shape)
        drawn = {SHARE: torch.from_numpy(share), PARTNER: torch.from_numpy(partner)}
        return {**batch, **{name: each.to(patterns.device) for name, each in drawn.items()}}

    def _of(self, answers: Tensor, labels: Tensor) -> Tensor:
        if self._pairs:
            return pair_loss(answers, labels, self._classes) * self._balance.weights(labels)
        return self._balance.loss(answers, labels)


def rectangles(count: int, pixels: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """(count, pixels, pixels): what is erased of each picture."""
    erased = generator.random(count) < ERASED
    area = generator.uniform(*AREA, size=(count, TRIES)) * pixels**2
    aspect = np.exp(generator.uniform(*np.log(ASPECT), size=(count, TRIES)))
    corner = generator.random((count, 2))
    height, width = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
    fits = (height < pixels) & (width < pixels)
    first = (np.arange(count), fits.argmax(axis=1))
    size = np.stack([height[first], width[first]], axis=1)
    start = np.floor(corner * (pixels - size + 1))
    pixel = np.arange(pixels)
    rows, columns = ((start[:, axis, None] <= pixel) & (pixel < (start + size)[:, axis, None]) for axis in (0, 1))
    hole: NDArray[np.bool_] = (erased & fits.any(axis=1))[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return hole
