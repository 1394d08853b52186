"""One cycle of the learning rate, and which parameters decay."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.settings import Settings
from benchmark.foundation.errors import StemdlError
from reference.optimizer import (
    LAMB_EPSILON,
    LARGEST_NORM,
    OPTIMIZERS,
    learning_rate_at,
    make_optimizer,
    set_learning_rate,
)
from reference.tasks.space_group.model import SymmetryNet

lengths = st.integers(1, 400)
fractions = st.floats(0.0, 1.0, exclude_max=True)
peaks = st.floats(1e-6, 1.0)


@given(lengths, peaks, fractions)
def test_the_rate_rises_to_its_peak_and_falls_to_nearly_nothing(steps: int, peak: float, fraction: float):
    rates = [learning_rate_at(step, steps, peak, fraction) for step in range(steps)]
    assert all(0.0 < rate <= peak for rate in rates)
    top = rates.index(max(rates))
    assert all(one < next_ for one, next_ in itertools.pairwise(rates[: top + 1]))
    assert all(one > next_ for one, next_ in itertools.pairwise(rates[top:]))
    tail = steps + 1 - fraction * steps  # of the cosine, in steps
    assert top <= fraction * steps <= top + 2  # the peak lies where the warm-up ends
    assert rates[top] >= peak * min(0.5 * (1.0 + math.cos(math.pi / tail)), 1.0 - 1.0 / max(1.0, fraction * steps))
    assert rates[-1] <= peak * (math.pi / (2.0 * tail)) ** 2 * (1 + 1e-9)


def test_a_whole_warm_up_reaches_the_peak_itself():
    rates = [learning_rate_at(step, 100, 0.003, 0.25) for step in range(100)]
    assert max(rates) == rates[24] == 0.003
    assert rates[:24] == pytest.approx([0.003 * (step + 1) / 25 for step in range(24)])
    assert rates[-1] < 0.003 / 1000


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_norms_and_biases_do_not_decay_and_nothing_is_left_out(name: str):
    model = SymmetryNet(5, width=4)
    optimizer = make_optimizer(model, Settings(learning_rate=1e-3, optimizer=name))
    decay = {id(each): group["weight_decay"] for group in optimizer.param_groups for each in group["params"]}
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(decay)
    assert decay == {id(each): 0.05 if each.ndim > 1 else 0.0 for each in model.parameters()}
    assert {0.0, 0.05} == set(decay.values())


def test_all_groups_get_the_rate():
    optimizer = make_optimizer(SymmetryNet(5, width=4), Settings())
    set_learning_rate(optimizer, 0.125)
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.125]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_descends(name: str):
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 1)
    optimizer = make_optimizer(model, Settings(optimizer=name, learning_rate=0.05))
    inputs = torch.rand(32, 3)
    targets = inputs.sum(dim=1, keepdim=True)
    losses = []
    for _ in range(100):
        loss = (model(inputs) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 20


@pytest.mark.parametrize("scale", [1.0, 100.0, 0.0])
def test_a_step_of_lamb_is_as_long_as_the_weights_times_the_rate(scale: float):
    """Its first step from algorithm 2 of the paper: Adam's direction is the gradient's sign, then comes the decay."""
    torch.manual_seed(2)
    layer = torch.nn.Linear(4, 3, bias=False)
    with torch.no_grad():
        layer.weight *= scale
    before = layer.weight.detach().clone()
    optimizer = make_optimizer(layer, Settings(optimizer="lamb", learning_rate=0.1, weight_decay=0.5))
    layer(torch.rand(8, 4)).square().sum().backward() if scale else layer(torch.rand(8, 4)).sum().backward()
    gradient = layer.weight.grad.clone()
    optimizer.step()
    direction = gradient / (gradient.abs() + LAMB_EPSILON) + 0.5 * before
    length = before.norm().clamp(max=LARGEST_NORM) / direction.norm() if scale else 1.0
    torch.testing.assert_close(layer.weight.detach(), before - 0.1 * length * direction, rtol=1e-4, atol=1e-6)


def test_an_optimizer_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(StemdlError, match="did you mean 'adamw'"):
        make_optimizer(torch.nn.Linear(3, 1), Settings(optimizer="adam"))


def test_no_optimizer_loads_the_compiler(environment: dict[str, str]):
    script = """
import sys, torch
from benchmark.definition.settings import Settings
from reference.optimizer import OPTIMIZERS, make_optimizer
for name in OPTIMIZERS:
    model = torch.nn.Linear(3, 1)
    optimizer = make_optimizer(model, Settings(optimizer=name))
    model(torch.rand(2, 3)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
    assert optimizer.state_dict()["state"]
print(sorted(name for name in sys.modules if name.startswith("torch._dynamo")))
"""
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
