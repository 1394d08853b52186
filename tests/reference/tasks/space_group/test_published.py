"""The published recipes: their networks' sizes, what a step of each sees, and one answer from pairs of groups."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from space_groups import RUNG, SCHEMA, published_settings, smoke_task, stacks
from torch import nn

from reference.optimizer import make_optimizer
from reference.step import step
from reference.tasks.space_group.pairs import flow, pair_loss, pairs_of
from reference.tasks.space_group.published import ERASED, PARTNER, SHARE, rectangles
from reference.tasks.space_group.resnet import ResNet50, scaled
from reference.tasks.space_group.task import make_task

NAMES = ("ornl_2020", "pan_2020", "pan_2020_pairs")


def test_the_published_scale_is_that_of_their_preprocessing():
    intensities = torch.tensor([0.0, np.exp(-17.0), np.exp(-10.0), 1.0, 1e9], dtype=torch.float32)
    torch.testing.assert_close(
        255 * scaled(intensities), torch.tensor([0.0, 0.0, 70.0, 170.0, 255.0]), atol=1e-3, rtol=0
    )


@pytest.mark.parametrize(
    ("width", "tweaked", "stated"),
    [
        # torchvision's 25,557,032 of 1000 classes and three channels, less 2 x 64 x 49 and 975 x 2049
        (64, False, 25_557_032 - 2 * 64 * 49 - 975 * 2049),
        (20, True, 2_325_015),
    ],
)
def test_the_number_of_weights_is_as_stated(width: int, tweaked: bool, stated: int):
    model = ResNet50(25, width=width, tweaked=tweaked)
    assert sum(each.numel() for each in model.parameters()) == stated


@pytest.mark.parametrize("pixels", [32, 33, 64])
@pytest.mark.parametrize("tweaked", [False, True])
def test_pictures_of_any_size_are_answered(tweaked: bool, pixels: int):
    found = ResNet50(7, width=4, tweaked=tweaked).eval()(torch.rand(2, pixels, pixels))
    assert found.shape == (2, 7) and torch.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_one_step_of_a_recipe_changes_all_weights_and_answers_are_of_the_classes(name: str):
    torch.manual_seed(0)
    settings = published_settings(name)
    task = make_task(SCHEMA, settings.to_dict())
    optimizer = make_optimizer(task.model, settings)
    for group in optimizer.param_groups:
        group["lr"] = 1e-3
    before = {key: each.clone() for key, each in task.model.named_parameters()}
    batch = task.augment(stacks(), np.random.default_rng(1))
    assert torch.isfinite(step(task, task.model.train(), optimizer, batch))
    assert [key for key, each in task.model.named_parameters() if torch.equal(each, before[key])] == []
    found = task.predict(task.model.eval(), {"cbed_stack": stacks()["cbed_stack"]})["space_group"]
    assert found.shape == (4, RUNG.classes) and torch.isfinite(found).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_one_rank_is_the_mean_of_two_ranks_gradients(name: str):
    """The norms as they are at evaluation: in training each rank has its own statistics, theirs as ours."""
    torch.manual_seed(0)
    task = make_task(SCHEMA, published_settings(name).to_dict())
    model, batch = task.model.eval(), stacks(4)
    batch["cbed_stack"] = batch["cbed_stack"][:, :1] if name == "ornl_2020" else batch["cbed_stack"]

    def gradient(part: slice) -> torch.Tensor:
        model.zero_grad()
        task.loss(model, {key: each[part] for key, each in batch.items()}).backward()
        return torch.cat([each.grad.flatten() for each in model.parameters()])

    whole, halves = gradient(slice(0, 4)), [gradient(slice(0, 2)), gradient(slice(2, 4))]
    torch.testing.assert_close(whole, (halves[0] + halves[1]) / 2, rtol=1e-3, atol=1e-6)


def test_ornl_sees_one_projection_at_a_time_with_a_rectangle_left_out():
    task = smoke_task("network=ornl_2020")
    batch = stacks(300, 16)
    seen = task.augment(batch, np.random.default_rng(2))["cbed_stack"]
    assert seen.shape == (300, 1, 16, 16)
    kept = (seen == batch["cbed_stack"]) | (seen == 0.0)  # of the projection that was chosen, all pixels
    chosen = kept.flatten(2).all(dim=2)
    assert (chosen.sum(dim=1) == 1).all() and (chosen.sum(dim=0) > 70).all()
    assert 0.7 < (seen == 0.0).flatten(1).any(dim=1).float().mean() < 0.9


def test_what_is_erased_is_a_rectangle_of_the_published_sizes():
    holes = rectangles(2000, 64, np.random.default_rng(3))
    sizes = [(hole.any(axis=1).sum(), hole.any(axis=0).sum(), hole.sum()) for hole in holes if hole.any()]
    assert abs(len(sizes) / 2000 - ERASED) < 0.04
    assert all(rows * columns == area for rows, columns, area in sizes)
    area = np.array([size[2] for size in sizes]) / 64**2
    assert 0.015 < area.min() < 0.05 and 0.28 < area.max() < 0.35 and abs(area.mean() - 0.175) < 0.01
    aspect = np.array([rows / columns for rows, columns, _ in sizes])
    assert aspect.min() > 0.25 and aspect.max() < 4.0


def test_pan_mixes_each_picture_with_one_of_the_batch():
    """A network that says how bright its picture is gives the loss of the mixture, by hand."""
    task = smoke_task("network=pan_2020", "label_smoothing=0")
    batch = task.augment(stacks(3, 8), np.random.default_rng(4))
    share, partner = batch[SHARE], batch[PARTNER]
    assert share.shape == partner.shape == (3, 3) and (share >= 0.5).all()
    assert sorted(partner.flatten().tolist()) == list(range(9))

    def bright(pictures: torch.Tensor) -> torch.Tensor:
        return pictures.mean(dim=(1, 2))[:, None] * torch.arange(float(RUNG.classes))

    pictures, labels = scaled(batch["cbed_stack"]).flatten(0, 1), batch["space_group"].repeat_interleave(3)
    losses = []
    for own in range(9):
        weight, other = share.flatten()[own], partner.flatten()[own]
        logits = bright((weight * pictures[own] + (1 - weight) * pictures[other])[None]).log_softmax(dim=1)[0]
        losses.append(-weight * logits[labels[own]] - (1 - weight) * logits[labels[other]])
    torch.testing.assert_close(task.loss(bright, batch), torch.stack(losses).mean())


def test_the_flow_between_consistent_pairs_is_their_probabilities():
    """Where one class beats another by the ratio of their probabilities the walk's balance is these."""
    wanted = torch.tensor([[0.5, 0.3, 0.15, 0.05], [0.1, 0.2, 0.3, 0.4]], dtype=torch.float64)
    pairs = list(itertools.combinations(range(4), 2))
    outputs = torch.stack([(wanted[:, i] / wanted[:, j]).log() for i, j in pairs], dim=1)
    assert len(pairs) == pairs_of(4)
    torch.testing.assert_close(flow(outputs, 4), wanted)


def test_the_loss_of_pairs_is_of_those_that_hold_the_class():
    outputs = torch.tensor([[0.3, -0.7, 1.1]])  # 0 or 1, 0 or 2, 1 or 2
    for label, margins in ((0, [0.3, -0.7]), (1, [-0.3, 1.1]), (2, [0.7, -1.1])):
        by_hand = -nn.functional.logsigmoid(torch.tensor(margins)).mean()
        torch.testing.assert_close(pair_loss(outputs, torch.tensor([label]), 3)[0], by_hand)
