"""One step of a model along the gradient of its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reference.task import Batch, Task


def step(
    task: Task, model: nn.Module, optimizer: Optimizer, batch: Batch, weight: float = 1.0, *, bf16: bool = False
) -> Tensor:
    """One update along the gradient of the batch's mean loss times `weight`; that product, on the device."""
    optimizer.zero_grad()
    with torch.autocast(next(iter(batch.values())).device.type, torch.bfloat16, enabled=bf16):
        loss = task.loss(model, batch)
    loss = loss * weight
    loss.backward()
    optimizer.step()
    return loss.detach()
