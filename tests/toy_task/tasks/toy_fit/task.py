"""Least squares: the normal equations of all ranks' samples, solved once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmark.definition.sample import SampleSchema

Batch = Mapping[str, Tensor]
STEPS_PER_UNIT = 2**32
"""Products are summed as whole numbers: any number of ranks then solves the same equations."""


class LeastSquares:
    """From points and a 1 to both coefficients of the line."""

    def __init__(self, points: int, ridge: float) -> None:
        self._diagonal = ridge * torch.eye(points + 1, dtype=torch.float64)
        self._weights = torch.zeros(points + 1, 2, dtype=torch.float64)

    def fit(self, batches: Iterable[Batch], total: Callable[[Tensor], Tensor]) -> None:
        products = torch.zeros(len(self._weights), len(self._weights) + 2, dtype=torch.int64)
        for batch in batches:
            points = _with_one(batch["profile"])
            known = torch.cat([points, batch["coefficients"].double()], dim=1)
            products += (points[:, :, None] * known[:, None, :] * STEPS_PER_UNIT).round().to(torch.int64).sum(dim=0)
        products = total(products).double() / STEPS_PER_UNIT
        self._weights = torch.linalg.solve(products[:, :-2] + self._diagonal, products[:, -2:])

    def predict(self, batch: Batch) -> Batch:
        return {"coefficients": _with_one(batch["profile"]) @ self._weights}


def _with_one(points: Tensor) -> Tensor:
    return torch.cat([points.double(), torch.ones(len(points), 1, dtype=torch.float64)], dim=1)


def make_task(schema: SampleSchema, settings: Mapping[str, Any]) -> LeastSquares:
    """What the reference fits."""
    return LeastSquares(schema.inputs[0].shape[0], settings["ridge"])
