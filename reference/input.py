"""What a step of training is given: batches of exact size, in random order. Nothing is seen twice in an epoch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from benchmark.data.schema import PROJECTIONS
from benchmark.foundation.errors import StemdlError
from reference.samples import Samples


def local_batch(global_batch: int, rank: int, size: int) -> int:
    """This rank's share of a global batch; the first ranks take one more where it does not divide evenly."""
    return global_batch // size + (rank < global_batch % size)


def steps_per_epoch(samples: int, global_batch: int, size: int) -> int:
    """How many whole global batches all ranks can make of their parts. The few samples left over change each epoch.

    Raises StemdlError when a rank would get no batch at all.
    """
    if global_batch < size:
        raise StemdlError(
            "the global batch is smaller than the number of ranks",
            where="global_batch_size",
            expected=f"at least {size}",
            found=global_batch,
        )
    parts = [samples // size + (rank < samples % size) for rank in range(size)]
    steps = min(part // local_batch(global_batch, rank, size) for rank, part in enumerate(parts))
    if steps == 0:
        raise StemdlError(
            "not one global batch fits into the training data",
            where="global_batch_size",
            expected=f"at most {samples}",
            found=global_batch,
        )
    return steps


class TrainingSamples:
    """Shuffled batches of a part of the training split, flipped at random.

    The order and the flips of an epoch follow from (seed, rank, epoch) alone, so that a resumed run goes on as an
    unbroken one would have. A flip along a detector axis turns a crystal's pattern into that of its mirror image, which
    has the same space group, enantiomorphic pairs apart (they look the same in the zero-order zone).
    """

    def __init__(self, samples: Samples, seed: int, rank: int) -> None:
        self._samples, self._seed, self._rank = samples, seed, rank

    def batches(self, epoch: int, batch: int, steps: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """An epoch's batches of patterns (batch, 3, p, p) and labels (batch,): `steps` of them, without the `first`
        ones. Epochs are numbered from 1."""
        generator = np.random.default_rng([self._seed, self._rank, epoch])
        order = generator.permutation(len(self._samples))
        choices = [order[step * batch : (step + 1) * batch] for step in range(first, steps)]
        generator.random((first, 2, batch, PROJECTIONS))  # the flips of those left out
        for patterns, labels in self._samples.batches(choices):
            flips = torch.from_numpy(generator.random((2, *patterns.shape[:2], 1, 1)) < 0.5).to(patterns.device)
            for flip, axis in zip(flips, (-1, -2), strict=True):
                patterns = torch.where(flip, patterns.flip(axis), patterns)
            yield patterns, labels
