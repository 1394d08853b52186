"""One network answers all targets; what is learnt of one is learnt from its own loss."""

from __future__ import annotations

import pytest
import torch

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.metrics.metric import make_metric
from reference.task import reference_task
from reference.warm_up import synthetic

BENCHMARK = load_benchmark("space_group_multi")
RUNG = BENCHMARK.rung("space_group_multi_smoke")
SCHEMA = recipe_of(RUNG).schema()


def task_with(*settings: str):
    torch.manual_seed(0)
    return reference_task(BENCHMARK)(SCHEMA, read_settings(BENCHMARK, RUNG.name, None, settings).to_dict())


def batch_of(count: int = 6) -> dict[str, torch.Tensor]:
    batch = dict(synthetic(SCHEMA, count, torch.device("cpu")))
    batch["lengths"] = 3.0 + 5.0 * batch["lengths"]
    batch["composition"] = batch["composition"] / batch["composition"].sum(dim=1, keepdim=True)
    return batch


@pytest.mark.parametrize("network", ["early", "late"])
def test_answers_have_the_shapes_that_the_metric_asks_for(network: str):
    task, batch = task_with(f"network={network}", "width=4"), batch_of()
    found = task.predict(task.model.eval(), {"cbed_stack": batch["cbed_stack"]})
    for each in SCHEMA.targets:
        wanted = (6, len(SCHEMA.classes[each.name])) if each.name in SCHEMA.classes else (6, *each.shape)
        assert found[each.name].shape == wanted
    assert (found["lengths"] > 0).all()
    torch.testing.assert_close(found["composition"].sum(dim=1), torch.ones(6))
    metric = make_metric("several", SCHEMA, BENCHMARK.measured.of)
    tally = metric.tally(*({name: each.detach().numpy() for name, each in of.items()} for of in (found, batch)))
    assert tally[-1] == 6 and 0.0 <= metric.value(tally) <= 1.0


def test_a_perfect_answer_is_found_by_descending_and_without_others_the_group_alone_is_learnt():
    for others, learnt in ((0.3, True), (0.0, False)):
        task, batch = task_with("network=early", "width=4", f"others={others}"), batch_of()
        task.loss(task.model, batch).backward()
        rows = task.model.head.weight.grad.abs().sum(dim=1).split([5, 7, 3, 3, 1, 103])
        assert bool(rows[0].all()) and [bool(each.any()) for each in rows[1:]] == [learnt] * 5


def test_errors_of_numbers_are_in_their_units():
    task, batch = task_with("network=early", "width=4"), batch_of()
    exact = {"lengths": (batch["lengths"].log() - 1.9) / 0.4, "energy": ((batch["energy"] - 150.0) / 50.0)[:, None]}
    for name, outputs in exact.items():
        torch.testing.assert_close(task._answer(name, outputs), batch[name])
        assert task._loss_of(name, outputs, batch[name]) < 1e-9
