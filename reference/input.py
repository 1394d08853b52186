"""What a step of training is given: batches of exact size, in random order. Nothing is seen twice in an epoch,
unless the task wants its samples drawn otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.definition.dealing import part, steps_of_epoch
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from reference.samples import Samples
from reference.task import Batch

Augment = Callable[[Batch, np.random.Generator], Batch]


def local_batch(global_batch: int, rank: int, size: int) -> int:
    """This rank's share of a global batch; the first ranks take one more where it does not divide evenly."""
    return len(part(global_batch, rank, size))


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
    steps = steps_of_epoch(samples, global_batch, size)
    if steps == 0:
        raise StemdlError(
            "not one global batch fits into the training data",
            where="global_batch_size",
            expected=f"at most {samples}",
            found=global_batch,
        )
    return steps


class TrainingSamples:
    """Shuffled batches of a part of the training split, as `augment` changes them. With `chances`, which sum to 1, each
    is drawn with replacement.

    The order and the random numbers of an epoch follow from (seed, rank, epoch) alone, so that a resumed run goes on as
    an unbroken one would have.
    """

    def __init__(
        self,
        samples: Samples,
        schema: SampleSchema,
        augment: Augment,
        seed: int,
        rank: int,
        chances: NDArray[np.float64] | None = None,
    ) -> None:
        self._samples, self._schema, self._augment, self._seed, self._rank = samples, schema, augment, seed, rank
        self._chances = chances

    def batches(self, epoch: int, batch: int, steps: int, first: int = 0) -> Iterator[Batch]:
        """An epoch's batches of so many samples: `steps` of them, without the `first` ones. Epochs are numbered from
        1."""
        generator = np.random.default_rng([self._seed, self._rank, epoch])
        count = len(self._samples)
        if self._chances is None:
            order = generator.permutation(count)
        else:
            order = generator.choice(count, size=count, p=self._chances)
        choices = [order[step * batch : (step + 1) * batch] for step in range(first, steps)]
        for _ in range(first):  # the random numbers of those left out
            self._augment(unfilled(self._schema, batch), generator)
        for each in self._samples.batches(choices):
            yield self._augment(each, generator)


def unfilled(schema: SampleSchema, count: int) -> Batch:
    """A batch of the right shapes and types, all zeros, that takes the memory of one sample."""
    return {
        each.name: torch.zeros((1, *each.shape), dtype=getattr(torch, each.dtype)).expand(count, *each.shape)
        for each in schema.fields
    }
