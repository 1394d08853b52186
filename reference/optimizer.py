"""AdamW with one cycle of the learning rate: a linear rise, then a cosine to zero."""

from __future__ import annotations

import math

from torch import nn
from torch.optim import AdamW, Optimizer

BETAS = (0.9, 0.99)


def make_optimizer(model: nn.Module, learning_rate: float, weight_decay: float) -> AdamW:
    """AdamW (Loshchilov & Hutter 2019), without decay for norms and biases, which have no direction to shrink."""
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    return AdamW(groups, lr=learning_rate, betas=BETAS)


def learning_rate_at(step: int, steps: int, peak: float, warmup_fraction: float) -> float:
    """The rate of step 0, 1, ..., steps - 1 (one cycle, Smith & Topin 2019); never zero before the end."""
    warmup = warmup_fraction * steps
    if step + 1 < warmup:
        return peak * (step + 1) / warmup
    return peak * 0.5 * (1.0 + math.cos(math.pi * (step + 1 - warmup) / (steps + 1 - warmup)))


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Give all groups of parameters the same rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
