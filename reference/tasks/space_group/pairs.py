"""Classes told apart two at a time, and one answer from all pairs.

Of each pair of classes an output says by how much the first is likelier than the second, were it one of them. A random
walk over the classes goes from i to j as often as j beats i; where it is found in the end is the answer (Wu, Lin & Weng
2004, J. Mach. Learn. Res. 5, 975, their first method). `balance=weights` makes both classes of a pair
count alike, whatever their numbers of samples.
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor
from torch.nn import functional as F

WALKS = 20
"""How often the matrix of the walk is squared."""


def pairs_of(classes: int) -> int:
    """How many pairs there are."""
    return classes * (classes - 1) // 2


def pair_loss(outputs: Tensor, labels: Tensor, classes: int) -> Tensor:
    """(n,): the mean cross entropy over the pairs that a sample's class is in, of outputs (n, pairs)."""
    first, second = _members(classes, outputs.device)
    is_first, is_second = (labels[:, None] == each for each in (first, second))
    own = torch.where(is_first, outputs, -outputs)
    return (F.softplus(-own) * (is_first | is_second)).sum(dim=1) / (classes - 1)


def flow(outputs: Tensor, classes: int) -> Tensor:
    """Probabilities (..., classes) from outputs (..., pairs)."""
    first, second = _members(classes, outputs.device)
    wins = outputs.new_zeros(*outputs.shape[:-1], classes, classes)
    wins[..., second, first] = outputs.sigmoid()  # from the second to the first
    wins[..., first, second] = (-outputs).sigmoid()
    walk = wins / classes
    walk = walk + torch.diag_embed(1.0 - walk.sum(dim=-1))
    for _ in range(WALKS):
        walk = walk @ walk
        walk = walk / walk.sum(dim=-1, keepdim=True)
    return walk[..., 0, :]


@functools.cache
def _members(classes: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The first and the second class of each pair."""
    first, second = torch.triu_indices(classes, classes, offset=1, device=device)
    return first, second
