"""Samples that golden figures do not prove, made again here and compared count for count.

Kernels round as the processor has them, so that a sample is the same again where the processor is of the kind that made
the data: when they are compared as soon as they are made, it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.data.golden import fingerprint
from benchmark.data.recipe import CountedRecipe, Unit, samples_of_unit
from benchmark.definition.rung import MadeRung
from benchmark.foundation.progress import counted, progress


@dataclass(frozen=True)
class Unproven:
    """A sample of the data that its golden figures do not prove.

    Attributes
    ----------
    where : the shard and the sample, for messages. unit, turn : which sample of which unit the rung has in its place.
    fingerprint : of its counts, as they are stored.
    """

    where: str
    unit: Unit
    turn: int
    fingerprint: int


def made_counts(
    recipe: CountedRecipe, rung: MadeRung, unit: Unit, device: str = "cpu"
) -> Iterator[NDArray[np.int64] | None]:
    """The counts of each sample of a unit, as this processor makes them; None for one that is not made of counts."""
    schema = recipe.schema()
    numbers = [field.name for field in schema.targets if field.name not in schema.classes]
    for sample in samples_of_unit(recipe, rung, unit, device):
        yield recipe.counts(*(np.asarray(sample.arrays[name]) for name in (schema.inputs[0].name, *numbers)))


def made_otherwise(
    samples: Sequence[Unproven], recipe: CountedRecipe, rung: MadeRung, device: str = "cpu"
) -> Iterator[Unproven]:
    """Those of the samples that are not the same when they are made again by `device`, one after another, on one thread
    as all data are made; every one of them where this host lacks the device."""
    from threadpoolctl import threadpool_limits

    if device != "cpu" and not _is_here(device):
        yield from samples
        return
    title = "Making again what golden figures do not prove"
    with threadpool_limits(1), progress(title, len(samples), "samples", last=False) as advance:
        for sample in counted(samples, advance):
            counts = list(made_counts(recipe, rung, sample.unit, device))[sample.turn]
            if counts is None or fingerprint(counts) != sample.fingerprint:
                yield sample


def _is_here(device: str) -> bool:
    import torch

    return device == "cuda" and torch.cuda.is_available()
