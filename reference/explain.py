"""What the model of a checkpoint looks at: maps of an input's places, and what it says of the input without them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.definition.benchmark import Benchmark
from benchmark.definition.explanation import Explanation, Marked
from benchmark.definition.sample import SampleSchema
from benchmark.definition.settings import Settings
from benchmark.foundation.errors import StemdlError
from reference.answer import Arrays
from reference.average import average_of
from reference.checkpoint import load_average
from reference.task import Explained, MakeTask, reference_task

SHARES = (0.02, 0.05, 0.1)
"""Of an input's places, those that are deleted."""
Picture = NDArray[np.float32]


def explainer(
    checkpoint: Path,
    benchmark: Benchmark,
    schema: SampleSchema,
    settings: Settings,
    make_task: MakeTask | None = None,
) -> Callable[[Arrays], Explanation]:
    """A function of one input by name, without a first axis of samples: what the averaged model's task has to show of
    it, on the CPU. Raises StemdlError where the checkpoint cannot be read, or is of another network, and where the task
    has nothing to show."""
    task: Explained = (make_task or reference_task(benchmark))(schema, settings.to_dict())
    if not callable(getattr(task, "maps", None)):
        raise StemdlError(
            "this task does not explain its answers",
            where=benchmark.name,
            expected="maps(model, batch, classes) of its make_task (Explained in reference/task.py)",
        )
    model = average_of(task.model, settings.weight_averaging)
    load_average(checkpoint, model)
    model = model.module
    field, target = schema.inputs[0].name, benchmark.measured.of[0]
    labels = schema.classes[target]

    def shares(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
        with torch.inference_mode():
            logits = task.predict(model, {field: torch.from_numpy(pictures)})[target]
        return logits.double().softmax(dim=1).numpy()

    def explain(inputs: Arrays) -> Explanation:
        picture = np.asarray(inputs[field], dtype=np.float32)
        found = shares(picture[None])[0]
        best = int(np.flatnonzero(found == found.max())[0])
        maps = task.maps(model, {field: torch.from_numpy(picture[None])}, torch.tensor([best]))
        marked = {}
        for name, each in maps.items():
            marks = each[0].detach().expand(picture.shape).numpy()
            without = np.stack([part for share in SHARES for part in deleted(picture, marks, share)])
            left = shares(without)[:, best].reshape(len(SHARES), 2)
            marked[name] = Marked(marks, dict(zip(SHARES, map(tuple, left.tolist()), strict=True)))
        return Explanation(labels[best], float(found[best]), picture, marked)

    return explain


def deleted(picture: Picture, marks: Picture, share: float, seed: int = 0) -> tuple[Picture, Picture]:
    """A picture without the `share` of its places that are marked most, and without others, drawn at random from those
    that are not dark, that had as much intensity together, to one pixel; all of them, where they have less."""
    order = np.argsort(-marks.ravel(), kind="stable")
    most = order[: max(1, round(share * order.size))]
    flat = picture.ravel()
    others = np.random.default_rng(seed).permutation(np.setdiff1d(np.flatnonzero(flat > 0.0), most))
    enough = int(np.searchsorted(np.cumsum(flat[others], dtype=np.float64), flat[most].sum(dtype=np.float64)))
    found = []
    for gone in (most, others[: enough + 1]):
        rest = flat.copy()
        rest[gone] = 0.0
        found.append(rest.reshape(picture.shape))
    return found[0], found[1]
