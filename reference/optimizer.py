"""The optimizers that a run can name, and one cycle of the learning rate: a linear rise, then a cosine to zero.

A new one is a function here, under its name in `OPTIMIZERS`: `--set optimizer=NAME` finds it, and the log names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from inspect import unwrap
from typing import Any, TypeVar

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from benchmark.definition.settings import Settings
from benchmark.foundation.errors import StemdlError, nearest

BETAS = (0.9, 0.99)
MOMENTUM = 0.9
LAMB_EPSILON, LARGEST_NORM = 1e-6, 10.0
"""What is added to LAMB's root of squares, and the bound of the norms of weights that it scales steps by."""
METHODS = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")

_Optimizer = TypeVar("_Optimizer", bound=Optimizer)


def make_optimizer(model: nn.Module, settings: Settings) -> Optimizer:
    """The optimizer that the settings name. Raises StemdlError with the nearest name where there is none."""
    require_optimizer(settings.optimizer)
    return OPTIMIZERS[settings.optimizer](model, settings)


def require_optimizer(name: str) -> None:
    """Raises StemdlError with the nearest name where there is no such optimizer."""
    if name not in OPTIMIZERS:
        raise StemdlError(f"there is no optimizer {name!r}", where="optimizer", remedy=nearest(name, OPTIMIZERS))


def eager(kind: type[_Optimizer]) -> type[_Optimizer]:
    """The same optimizer, whose methods are not wrapped for torch's compiler.

    No run compiles its optimizer, and the first call of a wrapper loads the compiler: as many files as the rest of
    torch, and as much time again, on each rank before its clock starts.
    """
    plain = {name: unwrap(getattr(kind, name)) for name in METHODS}
    return type(kind.__name__, (kind,), plain | {"step": torch.no_grad()(plain["step"])})


class Lamb(Optimizer):
    """LAMB (You et al. 2020, arXiv 1904.00962, algorithm 2): Adam's direction of each tensor, made as long as the
    tensor's own norm, for batches that are large."""

    def __init__(self, params: Iterable[Any], lr: float, betas: tuple[float, float] = BETAS) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": 0.0})

    def step(self, closure: Any = None) -> None:
        """One update; `closure` is not called."""
        for group in self.param_groups:
            first, second = group["betas"]
            for weights in group["params"]:
                if weights.grad is None:
                    continue
                state = self.state[weights]
                if not state:
                    state["step"] = torch.zeros(())
                    state["mean"], state["square"] = torch.zeros_like(weights), torch.zeros_like(weights)
                state["step"] += 1
                done = float(state["step"])
                state["mean"].lerp_(weights.grad, 1.0 - first)
                state["square"].mul_(second).addcmul_(weights.grad, weights.grad, value=1.0 - second)
                spread = (state["square"] / (1.0 - second**done)).sqrt_().add_(LAMB_EPSILON)
                update = (state["mean"] / (1.0 - first**done)).div_(spread).add_(weights, alpha=group["weight_decay"])
                length, own = update.norm(), weights.norm().clamp(max=LARGEST_NORM)
                ratio = torch.where((length > 0.0) & (own > 0.0), own / length, torch.ones_like(own))
                weights.sub_(update.mul_(ratio), alpha=group["lr"])


def _lamb(model: nn.Module, settings: Settings) -> Optimizer:
    """LAMB, see `Lamb`."""
    return eager(Lamb)(_groups(model, settings.weight_decay), lr=settings.learning_rate)


def _adamw(model: nn.Module, settings: Settings) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019)."""
    return eager(AdamW)(_groups(model, settings.weight_decay), lr=settings.learning_rate, betas=BETAS)


def _sgd(model: nn.Module, settings: Settings) -> Optimizer:
    """Stochastic gradient descent with Nesterov's momentum (Sutskever et al. 2013)."""
    groups = _groups(model, settings.weight_decay)
    return eager(SGD)(groups, lr=settings.learning_rate, momentum=MOMENTUM, nesterov=True)


OPTIMIZERS: Mapping[str, Callable[[nn.Module, Settings], Optimizer]] = {"adamw": _adamw, "lamb": _lamb, "sgd": _sgd}


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
