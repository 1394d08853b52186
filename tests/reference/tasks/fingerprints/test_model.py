"""The reference of the fingerprints benchmark: the published network as published, and one that learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.simulation.fingerprint import RING_PIXELS as RING_OF_DATA
from reference.input import unfilled
from reference.tasks.fingerprints.model import Published
from reference.tasks.fingerprints.response import convolutions, response
from reference.tasks.fingerprints.task import make_task
from reference.tasks.fingerprints.vary import RING_PIXELS, Vary

SCHEMA = recipe_of(load_benchmark("fingerprints").rungs["fingerprints_smoke"]).schema()


def settings(*overrides: str) -> dict:
    return read_settings(load_benchmark("fingerprints"), "fingerprints_smoke", None, overrides).to_dict()


def pictures(n: int = 7) -> torch.Tensor:
    """Peaks at places of each one's own, in the ring."""
    found = torch.zeros(n, 3, 64, 64)
    for number in range(n):
        found[number, :, 31 + 12 + number, 20 + 3 * number] = 1.0
    return found


def test_the_published_network_has_as_many_weights_as_it_was_published_with() -> None:
    network = Published(7, 0.25)
    assert sum(each.numel() for each in network.parameters()) + 2 * 128 == 365_719, "they counted running statistics"
    assert network.eval()(pictures()).shape == (7, 7)


@pytest.mark.parametrize("overrides", [(), ("network=published",)])
def test_a_step_learns_and_predicts_scores(overrides: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    task = make_task(SCHEMA, settings(*overrides))
    task.model.eval()  # without dropout
    batch = {"fingerprint": pictures(), "structure": torch.arange(7)}
    optimizer = torch.optim.AdamW(task.model.parameters(), 3e-3)
    first = task.loss(task.model, batch).item()
    for _ in range(6):
        optimizer.zero_grad()
        task.loss(task.model, batch).backward()
        optimizer.step()
    assert task.loss(task.model, batch).item() < 0.9 * first
    assert task.predict(task.model, batch)["structure"].shape == (7, 7)


def test_variation_follows_from_the_generator_and_takes_as_many_numbers_for_any_batch() -> None:
    task = make_task(SCHEMA, settings())
    batch = {"fingerprint": pictures(), "structure": torch.arange(7)}
    generators = [np.random.default_rng(4) for _ in range(3)]
    first, again = (task.augment(batch, each)["fingerprint"] for each in generators[:2])
    task.augment(unfilled(SCHEMA, 7), generators[2])
    assert torch.equal(first, again) and len({each.random() for each in generators}) == 1


def test_speckle_is_as_strong_as_is_said_and_lies_in_the_ring() -> None:
    assert RING_PIXELS == RING_OF_DATA
    flat = torch.ones(64, 3, 64, 64)
    still = Vary(64, 0.0, 0.0, 0.0)(flat, np.random.default_rng(1))
    places = torch.arange(64) - 31.5
    radius = torch.hypot(places[:, None], places)
    inside = (radius > 10) & (radius < 30)
    assert torch.equal(still, inside.float().expand_as(flat))
    added = Vary(64, 2.0, 0.0, 0.0)(flat, np.random.default_rng(1))
    assert not added[..., ~inside].any() and torch.all(added.amax(dim=(1, 2, 3)) == 1.0)
    over = added[..., inside].mean(dim=(1, 2)) / added[..., inside].amin(dim=(1, 2)) - 1.0
    assert over.min() < 0.3 and 0.5 < over.max() < 2.0, "of strengths from none to twice the mean of a speckle of 0.6"


def test_peaks_move_and_fall_as_is_said() -> None:
    picture = torch.zeros(200, 3, 64, 64)
    picture[:, :, 31:33, 14:16] = 1.0  # 17 pixels from the middle
    picture[:, :, 31:33, 57:59] = 1.0  # 26
    generator = np.random.default_rng(0)
    moved = Vary(64, 0.0, 0.0, 0.2)(picture, generator)[:, 0, 31, :30]
    radius = (moved * (31.5 - torch.arange(30))).sum(dim=1) / moved.sum(dim=1)
    assert 17.0 * 0.79 < radius.min() < 17.0 * 0.83 and 17.0 * 1.07 < radius.max() < 17.0 * 1.11
    fallen = Vary(64, 0.0, 2.0, 0.0)(picture, generator)[:, 0, 31]
    ratio = fallen[:, 57] / fallen[:, 15]
    assert 0.0 < (-ratio.log()).max() < 2.0 and (ratio <= 1.0).all() and ratio.min() < 0.5


@pytest.mark.parametrize("overrides", [(), ("network=published",)])
def test_response_maps_are_pictures_and_lie_where_the_picture_is_bright(overrides: tuple[str, ...]) -> None:
    """A filter answers within its field of view: far from the one bright spot a map of the first layer is dark."""
    torch.manual_seed(0)
    model = make_task(SCHEMA, settings(*overrides)).model.eval()
    spot = torch.zeros(1, 3, 64, 64)
    spot[:, :, 20:23, 40:43] = 1.0
    assert len(convolutions(model)) == (6 if overrides else 4)
    for layer in range(len(convolutions(model))):
        maps = response(model, spot, layer)
        assert maps.shape == (1, 4, 3, 64, 64) and torch.isfinite(maps).all()
    first = response(model, spot, 0)[:, 0].abs().amax(dim=(0, 1))
    assert first[10:34, 30:54].max() > 0.0


def test_what_the_maps_mark_counts_more_than_as_much_elsewhere() -> None:
    """Of a network that has learnt the peaks: the loss grows more where marked pixels go dark than where others do."""
    torch.manual_seed(0)
    task = make_task(SCHEMA, settings("network=published", "dropout=0", "label_smoothing=0"))
    task.model.eval()
    batch = {"fingerprint": pictures(), "structure": torch.arange(7)}
    optimizer = torch.optim.Adam(task.model.parameters(), 1e-3)
    for _ in range(8):
        optimizer.zero_grad()
        task.loss(task.model, batch).backward()
        optimizer.step()
    marks = response(task.model, batch["fingerprint"], 1).clamp(min=0.0).sum(dim=(1, 2)).flatten(1)
    bright = marks.topk(60, dim=1).indices
    other = marks.topk(60, dim=1, largest=False).indices
    losses = []
    for dark in (bright, other):
        mask = torch.ones(7, 64 * 64).scatter_(1, dark, 0.0).view(7, 1, 64, 64)
        with torch.no_grad():
            losses.append(task.loss(task.model, {**batch, "fingerprint": batch["fingerprint"] * mask}).item())
    assert losses[0] > losses[1]
