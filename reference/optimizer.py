"""The optimizers that a run can name, and one cycle of the learning rate: a linear rise, then a cosine to zero.

A new one is a function here, under its name in `OPTIMIZERS`: `--set optimizer=NAME` finds it, and the log names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from benchmark.definition.settings import Settings
from benchmark.foundation.errors import StemdlError, nearest

BETAS = (0.9, 0.99)
MOMENTUM = 0.9


def make_optimizer(model: nn.Module, settings: Settings) -> Optimizer:
    """The optimizer that the settings name. Raises StemdlError with the nearest name where there is none."""
    require_optimizer(settings.optimizer)
    return OPTIMIZERS[settings.optimizer](model, settings)


def require_optimizer(name: str) -> None:
    """Raises StemdlError with the nearest name where there is no such optimizer."""
    if name not in OPTIMIZERS:
        raise StemdlError(f"there is no optimizer {name!r}", where="optimizer", remedy=nearest(name, OPTIMIZERS))


def _adamw(model: nn.Module, settings: Settings) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019)."""
    return AdamW(_groups(model, settings.weight_decay), lr=settings.learning_rate, betas=BETAS)


def _sgd(model: nn.Module, settings: Settings) -> Optimizer:
    """Stochastic gradient descent with Nesterov's momentum (Sutskever et al. 2013)."""
    groups = _groups(model, settings.weight_decay)
    return SGD(groups, lr=settings.learning_rate, momentum=MOMENTUM, nesterov=True)


OPTIMIZERS: Mapping[str, Callable[[nn.Module, Settings], Optimizer]] = {"adamw": _adamw, "sgd": _sgd}


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Norms and biases, which have no direction to shrink, do not decay."""
    decayed = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


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
