"""A few steps on synthetic tensors, so that libraries build their kernels off the clock; then all is as before."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import Optimizer

from benchmark.definition.sample import SampleSchema
from reference.input import local_batch
from reference.run import Run
from reference.step import step
from reference.task import Batch, Task

STEPS = 3


def warm_up(run: Run, task: Task, model: nn.Module, optimizer: Optimizer) -> None:
    """Steps and a prediction on batches of the run's sizes. The task's model, the optimizer and the random numbers are
    then what they were."""
    settings, schema = run.settings, run.manifest.schema
    bf16 = settings.precision == "bf16"
    weights = {name: tensor.clone() for name, tensor in task.model.state_dict().items()}
    batch = synthetic(schema, local_batch(settings.global_batch_size, run.comm.rank, run.comm.size), run.device)
    model.train()
    for _ in range(STEPS):
        step(task, model, optimizer, batch, bf16=bf16)
    task.model.eval()
    large = synthetic(schema, settings.eval_batch_size, run.device)
    with torch.inference_mode(), torch.autocast(run.device.type, torch.bfloat16, enabled=bf16):
        task.predict(task.model, {each.name: large[each.name] for each in schema.inputs})
    task.model.load_state_dict(weights)
    optimizer.state.clear()
    optimizer.zero_grad()


def synthetic(schema: SampleSchema, count: int, device: torch.device) -> Batch:
    """Samples of a schema that are of no meaning: classes in turn, whole numbers 0 or 1, others from 0 to 1."""
    generator = torch.Generator().manual_seed(0)
    batch = {}
    for each in schema.fields:
        if each.name in schema.classes:
            values = torch.arange(count) % len(schema.classes[each.name])
        elif each.dtype.startswith("float"):
            values = torch.rand(count, *each.shape, generator=generator)
        else:
            values = torch.randint(2, (count, *each.shape), generator=generator)
        batch[each.name] = values.to(device, getattr(torch, each.dtype))
    return batch
