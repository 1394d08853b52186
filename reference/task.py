"""What a task asks of a trainer: a model, its loss, its predictions. Loops and metrics are the same for all tasks.

A task's folder is `reference/tasks/<name>/`: `task.py`, whose `make_task(schema, settings)` makes the task, and
`settings.yaml`, whose values `settings` has besides the trainer's. In the open division another `make_task` may stand
in its place: `stemdl run --trainer FILE.py:make_task`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmark.definition.benchmark import Benchmark
from benchmark.definition.finder import TASK, find_task
from benchmark.definition.sample import SampleSchema

Batch = Mapping[str, Tensor]
"""Samples by the names of the schema's fields, all on one device; the first axis counts samples."""


class Task(Protocol):
    """What `reference/train.py` trains. `model` has the same initial weights on every rank."""

    model: nn.Module

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean over the batch, a scalar. `model` is the task's own, or a parallel backend's wrapper."""

    def predict(self, model: nn.Module, batch: Batch) -> Batch:
        """What each target's metric asks for, from the inputs alone. `model` is the task's own or the running
        average of its weights."""

    def augment(self, batch: Batch, generator: np.random.Generator) -> Batch:
        """What a step of training is given in place of a batch. Random numbers come from the generator alone, as many
        for a batch as its size says, so that a resumed run goes on as an unbroken one would have."""


@runtime_checkable
class LookingTask(Task, Protocol):
    """A task that looks at the training split before the first step, on the clock: at how many samples its classes
    have, say."""

    def look(self, batches: Iterable[Batch], total: Callable[[Tensor], Tensor]) -> NDArray[np.float64] | None:
        """This rank's samples, each once; `total` sums a tensor over the ranks, which all call it alike. What comes
        back is how likely each of these samples is to be drawn for a place in an epoch, with replacement; None: an
        epoch has each once."""


class Explained(Task, Protocol):
    """A task whose answers `stemdl explain` shows the reasons of; one of classes, of which the first input is a
    picture (channels, rows, columns)."""

    def maps(self, model: nn.Module, batch: Batch, classes: Tensor) -> Mapping[str, Tensor]:
        """By the name of a method, or of a layer, what each pixel of the inputs counts for the classes (n,): maps
        (n, c, rows, columns) of as many channels as the input has, or of one for all of them."""


class FittedTask(Protocol):
    """What `reference/fit.py` fits, without gradients."""

    def fit(self, batches: Iterable[Batch], total: Callable[[Tensor], Tensor]) -> None:
        """Learn from this rank's samples, each once in an iteration over `batches`, which may be iterated again.
        `total` sums a tensor over the ranks, whole numbers exactly: with its help all ranks are to learn the same."""

    def predict(self, batch: Batch) -> Batch:
        """What each target's metric asks for, from the inputs alone."""


MakeTask = Callable[[SampleSchema, Mapping[str, Any]], Any]
"""`make_task(schema, settings)`: the task for samples of a schema. Called once by each rank, all with one seed."""


def reference_task(benchmark: Benchmark) -> MakeTask:
    """The reference's `make_task` of a benchmark. Raises StemdlError where there is none, or it cannot be imported."""
    return find_task(benchmark.task).function(TASK, "make_task")
