"""Batches: exact shares, nothing seen twice in an epoch, an order that follows from seed, rank and epoch alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from reference.input import TrainingSamples, local_batch, steps_per_epoch, unfilled
from reference.samples import Chosen
from reference.task import Batch
from reference.tasks.space_group.task import SpaceGroups

PIXELS = 4


SCHEMA = SampleSchema((Field("stack", (3, PIXELS, PIXELS)),), (Field("label", (), "int64"),), classes={"label": ("a",)})


class Made:
    """Samples of which number i has label i and pixels that are its alone: a batch tells where each came from."""

    device = torch.device("cpu")

    def __init__(self, count: int) -> None:
        self.patterns = torch.arange(count * 3 * PIXELS**2, dtype=torch.float32).reshape(count, 3, PIXELS, PIXELS)

    def __len__(self) -> int:
        return len(self.patterns)

    def batches(self, choices: Iterable[Chosen]) -> Iterator[Batch]:
        for chosen in choices:
            yield {"stack": self.patterns[chosen], "label": torch.as_tensor(chosen)}


def training(count: int, seed: int, rank: int) -> TrainingSamples:
    """With the augmentation of the space groups' task: flips."""
    return TrainingSamples(Made(count), SCHEMA, SpaceGroups(nn.Identity(), SCHEMA, 0.0).augment, seed, rank)


def pairs(batches: Iterable[Batch]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(batch["stack"], batch["label"]) for batch in batches]


def epoch_of(count: int, batch: int, *, seed: int = 1, rank: int = 0, epoch: int = 1) -> list[tuple]:
    return pairs(training(count, seed, rank).batches(epoch, batch, count // batch))


def order_of(batches: list[tuple]) -> list[int]:
    return torch.cat([labels for _, labels in batches]).tolist()


@given(st.integers(1, 2048), st.integers(1, 64))
def test_the_shares_make_up_the_global_batch_and_differ_by_one_at_most(global_batch: int, size: int):
    shares = [local_batch(global_batch, rank, size) for rank in range(size)]
    assert sum(shares) == global_batch
    assert shares == sorted(shares, reverse=True) and shares[0] - shares[-1] <= 1


@given(st.integers(1, 5000), st.integers(1, 256), st.integers(1, 32))
def test_steps_fit_into_every_rank_s_part_and_one_more_would_not(samples: int, global_batch: int, size: int):
    parts = [len(range(rank, samples, size)) for rank in range(size)]  # as the reader deals them out
    shares = [local_batch(global_batch, rank, size) for rank in range(size)]
    if global_batch < size or any(part < share for part, share in zip(parts, shares, strict=True)):
        with pytest.raises(StemdlError, match="global batch"):
            steps_per_epoch(samples, global_batch, size)
        return
    steps = steps_per_epoch(samples, global_batch, size)
    assert all(steps * share <= part for part, share in zip(parts, shares, strict=True))
    assert any((steps + 1) * share > part for part, share in zip(parts, shares, strict=True))
    assert steps * global_batch <= samples


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 16), st.integers(0, 2**31 - 1), st.integers(0, 7), st.integers(1, 50))
def test_an_epoch_shows_each_sample_once_at_most_in_exact_batches(count, batch, seed, rank, epoch):
    batches = epoch_of(count, batch, seed=seed, rank=rank, epoch=epoch)
    assert len(batches) == count // batch
    for patterns, labels in batches:
        assert patterns.shape == (batch, 3, PIXELS, PIXELS) and patterns.dtype == torch.float32
        assert labels.shape == (batch,) and labels.dtype == torch.int64
    order = order_of(batches) if batches else []
    assert len(set(order)) == len(order) and set(order) <= set(range(count))


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**31 - 1))
def test_flips_move_pixels_within_their_projection_and_never_the_label(count: int, seed: int):
    source = Made(count).patterns
    for patterns, labels in epoch_of(count, count, seed=seed):
        for pattern, label in zip(patterns, labels.tolist(), strict=True):
            for projection, original in zip(pattern, source[label], strict=True):
                images = [original, original.flip(-1), original.flip(-2), original.flip(-1, -2)]
                assert any(torch.equal(projection, image) for image in images)


def test_all_four_flips_come_about_equally_often_and_independently_for_each_projection():
    source = Made(400).patterns
    ((patterns, labels),) = epoch_of(400, 400)
    first = source[labels][..., :1, :1]
    kinds = sum(
        2**bit * (patterns == first).flatten(2)[..., corner].long()  # where the first pixel has gone
        for bit, corner in enumerate((0, PIXELS - 1, PIXELS**2 - PIXELS, PIXELS**2 - 1))
    )
    for kind in (1, 2, 4, 8):
        share = (kinds == kind).float().mean(dim=0)
        assert ((share - 0.25).abs() < 0.1).all(), (kind, share)  # 0.1 is 4.6 standard deviations
    assert ((kinds[:, 0] == kinds[:, 1]).float().mean() - 0.25).abs() < 0.1


def test_the_order_follows_from_seed_rank_and_epoch_alone():
    first = epoch_of(50, 10, seed=5, rank=1, epoch=3)
    again = epoch_of(50, 10, seed=5, rank=1, epoch=3)
    assert all(
        torch.equal(a, b) for one, other in zip(first, again, strict=True) for a, b in zip(one, other, strict=True)
    )
    samples = training(50, 5, 1)
    list(samples.batches(1, 10, 5))  # what was drawn before does not matter
    assert order_of(pairs(samples.batches(3, 10, 5))) == order_of(first)
    orders = [
        order_of(epoch_of(50, 10, seed=seed, rank=rank, epoch=epoch))
        for seed, rank, epoch in ((5, 1, 3), (6, 1, 3), (5, 0, 3), (5, 1, 4), (5, 3, 1))
    ]
    assert len(set(map(tuple, orders))) == len(orders)


@given(st.integers(1, 40), st.integers(1, 8), st.integers(0, 2**31 - 1), st.integers(0, 45))
def test_an_epoch_taken_up_at_a_step_goes_on_as_if_it_had_not_been_left(count: int, batch: int, seed: int, first: int):
    steps = count // batch
    first = min(first, steps)
    rest = pairs(training(count, seed, 1).batches(2, batch, steps, first))
    whole = pairs(training(count, seed, 1).batches(2, batch, steps))
    assert len(rest) == steps - first
    for one, other in zip(rest, whole[first:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_what_an_epoch_leaves_over_is_not_always_the_same():
    left = {frozenset(range(50)) - frozenset(order_of(epoch_of(50, 8, epoch=epoch))) for epoch in range(1, 20)}
    assert len(left) > 15


def test_a_batch_that_is_not_filled_has_the_shapes_of_one_that_is_and_the_memory_of_a_sample():
    batch = unfilled(SCHEMA, 50)
    assert {name: (tuple(values.shape), values.dtype) for name, values in batch.items()} == {
        "stack": ((50, 3, PIXELS, PIXELS), torch.float32),
        "label": ((50,), torch.int64),
    }
    assert batch["stack"].untyped_storage().nbytes() == 3 * PIXELS**2 * 4
