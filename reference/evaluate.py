"""The whole split, once: each rank tallies its own samples, and the tallies are added up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import counted
from benchmark.metrics.metric import Arrays, InParts, Metric, samples_in
from reference.comm import Comm
from reference.run import Run
from reference.samples import InOrder, Samples
from reference.speaker import SILENT, Speaker
from reference.task import Batch

Predict = Callable[[Batch], Batch]


@dataclass(frozen=True)
class Evaluation:
    """The value of a metric, and what it says of parts of a split where it looks at them (`InParts`)."""

    value: float
    by_part: Mapping[str, Mapping[str, float]]


def evaluate(run: Run, predict: Predict, samples: Samples, split: str) -> Evaluation:
    """The run's metric over a whole split, the same to the last bit on every rank. What it is of is kept in
    `run.tallies`.

    Raises StemdlError when the ranks together did not count the split's samples, each once.
    """
    settings, asked = run.settings, run.request.benchmark.measured.of

    def answer(batch: Batch) -> Batch:
        found = predict(batch)
        if missing := set(asked) - found.keys():
            raise StemdlError(
                f"the task predicts no {', '.join(sorted(missing))}",
                where="predict",
                expected=", ".join(asked),
                found=", ".join(map(str, found)),
            )
        return found

    tally = tally_of(
        answer,
        samples,
        run.manifest.schema,
        run.metric,
        run.comm,
        batch=settings.eval_batch_size,
        bf16=settings.precision == "bf16",
        say=run.say,
    )
    if samples_in(tally) != run.manifest.samples[split]:
        raise StemdlError(
            "the evaluation did not see every sample once",
            where=f"rank {run.comm.rank}",
            expected=run.manifest.samples[split],
            found=samples_in(tally),
        )
    run.tallies[split] = tally
    parts = run.metric.by_part(tally) if isinstance(run.metric, InParts) else {}
    return Evaluation(run.metric.value(tally), parts)


def tally_of(
    predict: Predict,
    samples: Samples,
    schema: SampleSchema,
    metric: Metric,
    comm: Comm,
    *,
    batch: int,
    bf16: bool = False,
    say: Speaker = SILENT,
) -> NDArray[np.int64]:
    """The metric's tally over all ranks' samples, the same on every rank. `predict` is given inputs alone. `say` shows
    how far it has come."""
    inputs, targets = ([each.name for each in fields] for fields in (schema.inputs, schema.targets))
    batches, own = InOrder(samples, batch), None
    with (
        torch.inference_mode(),
        torch.autocast(samples.device.type, torch.bfloat16, enabled=bf16),
        say.progress("evaluation", len(batches), "batches") as advance,
    ):
        for each in counted(batches, advance):
            found = predict({name: each[name] for name in inputs})
            tally = metric.tally(_arrays(found), _arrays({name: each[name] for name in targets}))
            own = tally if own is None else own + tally
    return comm.sum(torch.from_numpy(own)).numpy()


def _arrays(batch: Batch) -> Arrays:
    return {name: _array(values) for name, values in batch.items()}


def _array(values: Tensor) -> NDArray[np.generic]:
    return (values.float() if values.dtype == torch.bfloat16 else values).cpu().numpy()
