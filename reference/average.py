"""The running average of a model's weights, which is what is evaluated."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from reference.comm import Comm


def average_of(model: nn.Module, kept: float) -> nn.Module:
    """The running average, of which a step keeps the share `kept`. It is as good in the middle of training as the
    weights themselves only become when the learning rate has fallen (Izmailov et al. 2018; Morales-Brotons et al.
    2024), so that the clock need not wait for that."""
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(kept), use_buffers=True).eval()


def average_buffers(model: nn.Module, comm: Comm) -> None:
    """Give all ranks the mean of their batch norms' running statistics, so that they evaluate one model."""
    buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
    if comm.size == 1 or not buffers:
        return
    mean = comm.sum(torch.cat([buffer.flatten() for buffer in buffers])) / comm.size
    for buffer, values in zip(buffers, mean.split([buffer.numel() for buffer in buffers]), strict=True):
        buffer.copy_(values.view_as(buffer))
