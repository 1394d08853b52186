"""What each pixel of an input counts for one class: two methods for any network that can be differentiated.

Both are asked of a score, a function from inputs (n, ...) to the logit of one class each (n,).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Score = Callable[[Tensor], Tensor]
STEPS = 32
"""Points of the way from nothing to the input; what the maps then lack of the score's whole change is below 1 % for a
smooth network, by the midpoint rule."""


def of_class(logits: Callable[[Tensor], Tensor], classes: Tensor) -> Score:
    """The score of classes (n,), one for each input, from a function to logits (n, classes)."""

    def score(inputs: Tensor) -> Tensor:
        return logits(inputs).float().gather(1, classes[:, None]).squeeze(1)

    return score


def integrated_gradients(score: Score, inputs: Tensor, steps: int = STEPS) -> Tensor:
    """Maps of the inputs' shape, which add up to what the score is more than that of inputs of zeros: the mean gradient
    on the straight way from there, times the input (Sundararajan, Taly & Yan 2017). Places of 0 count for nothing,
    also where a network takes roots, whose gradient is infinite there."""
    found = torch.zeros_like(inputs)
    for step in range(steps):
        point = (inputs * ((step + 0.5) / steps)).requires_grad_()
        with torch.enable_grad():
            (gradient,) = torch.autograd.grad(score(point).sum(), point)
        found += gradient
    return torch.where(inputs == 0.0, 0.0, found * inputs / steps)


def grad_cam(score: Score, layer: nn.Module, inputs: Tensor) -> Tensor:
    """Maps (n, 1, h, w) of inputs (n, c, h, w): the channels of what `layer` gives, each weighted by its mean gradient,
    where their sum is positive, interpolated to the input's size (Selvaraju et al. 2017)."""
    seen: list[Tensor] = []
    hook = layer.register_forward_hook(lambda module, given, found: seen.append(found))
    try:
        with torch.enable_grad():
            total = score(inputs.detach().requires_grad_()).sum()
            (gradient,) = torch.autograd.grad(total, seen[0])
    finally:
        hook.remove()
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    maps = (weights * seen[0].detach()).sum(dim=1, keepdim=True).clamp(min=0.0)
    return F.interpolate(maps, size=inputs.shape[2:], mode="bilinear", align_corners=False)
