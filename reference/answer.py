"""What the model of a checkpoint says of inputs that are in no data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.definition.benchmark import Benchmark
from benchmark.definition.sample import SampleSchema
from benchmark.definition.settings import Settings
from reference.average import average_of
from reference.checkpoint import load_average
from reference.task import MakeTask, Task, reference_task

Arrays = Mapping[str, NDArray[Any]]


def answerer(
    checkpoint: Path,
    benchmark: Benchmark,
    schema: SampleSchema,
    settings: Settings,
    make_task: MakeTask | None = None,
) -> Callable[[Arrays], dict[str, NDArray[np.float32]]]:
    """A function of inputs by name, the first axis counting samples: what the averaged model predicts of each target,
    on the CPU. Raises StemdlError where the checkpoint cannot be read, or is of another network."""
    task: Task = (make_task or reference_task(benchmark))(schema, settings.to_dict())
    model = average_of(task.model, settings.weight_averaging)
    load_average(checkpoint, model)

    def answer(inputs: Arrays) -> dict[str, NDArray[np.float32]]:
        with torch.inference_mode():
            found = task.predict(model, {name: torch.from_numpy(values) for name, values in inputs.items()})
        return {name: values.float().numpy() for name, values in found.items()}

    return answer
