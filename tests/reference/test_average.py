"""The running average of weights, and the norms' statistics that all ranks evaluate with."""

from __future__ import annotations

import torch
from torch import nn

from reference.average import average_buffers, average_of
from reference.comm import Solo


class Two(Solo):
    """Rank 0 of two; the other's numbers are all 3."""

    size = 2

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        return values + 3.0


def test_a_step_moves_the_average_by_what_is_not_kept() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    averaged = average_of(model, 0.75)
    averaged.update_parameters(model)  # the first one is taken whole
    nn.init.constant_(model.weight, 2.0)
    averaged.update_parameters(model)
    assert averaged.module.weight.item() == 0.75 * 1.0 + 0.25 * 2.0
    assert not averaged.training, "it is only ever evaluated"


def test_ranks_evaluate_with_the_mean_of_their_statistics() -> None:
    model = nn.BatchNorm1d(2)
    average_buffers(model, Two())
    assert model.running_mean.tolist() == [1.5, 1.5] and model.running_var.tolist() == [2.0, 2.0]
    assert model.num_batches_tracked.item() == 0, "counts are not averaged"
    average_buffers(model, Solo())
    assert model.running_mean.tolist() == [1.5, 1.5]


def test_a_model_without_statistics_needs_no_exchange() -> None:
    model = nn.Linear(2, 2)
    average_buffers(model, Two())
    assert not list(model.buffers())
