"""What is done about classes of few samples, held to the published formulas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from space_groups import SCHEMA, published_settings, smoke_task, stacks
from torch import Tensor

from benchmark.foundation.errors import StemdlError
from reference.average import average_of
from reference.input import TrainingSamples
from reference.optimizer import make_optimizer
from reference.step import step
from reference.tasks.space_group.balance import BETA, GAMMA, Balance

COUNTS = (120, 60, 30, 6, 1)
LABELS = torch.arange(5).repeat_interleave(torch.tensor(COUNTS))
LOGITS = torch.randn(len(LABELS), 5, generator=torch.Generator().manual_seed(6))


def alone(values: Tensor) -> Tensor:
    return values


def looked(method: str, smoothing: float = 0.0) -> Balance:
    balance = Balance(method, 5, smoothing)
    balance.look(LABELS.split(50), alone)
    return balance


def plain(logits: Tensor = LOGITS) -> Tensor:
    return -logits.log_softmax(dim=1).gather(1, LABELS[:, None])[:, 0]


@pytest.mark.parametrize(
    ("method", "of_count"),
    [
        ("weights", lambda n: 1 / n),
        ("root_weights", lambda n: 1 / np.sqrt(n)),
        ("effective", lambda n: (1 - BETA) / (1 - BETA**n)),
    ],
)
def test_samples_are_weighed_by_the_counts_of_their_classes(method: str, of_count):
    weights = torch.tensor([of_count(COUNTS[label]) for label in LABELS], dtype=torch.float32)
    wanted = plain() * weights / weights.mean()
    torch.testing.assert_close(looked(method).loss(LOGITS, LABELS), wanted, rtol=1e-4, atol=1e-6)


def test_the_focal_loss_is_small_where_the_answer_is_right():
    wanted = (1 - (-plain()).exp()) ** GAMMA * plain()
    torch.testing.assert_close(looked("focal").loss(LOGITS, LABELS), wanted)


def test_adjusted_logits_are_the_balanced_softmax():
    """Ren et al., equation 4: n_y exp(z_y) / sum over c of n_c exp(z_c)."""
    shares = torch.tensor(COUNTS) * LOGITS.exp()
    wanted = -(shares.gather(1, LABELS[:, None])[:, 0] / shares.sum(dim=1)).log()
    torch.testing.assert_close(looked("logits").loss(LOGITS, LABELS), wanted)


@pytest.mark.parametrize("method", ["none", "weights", "effective", "focal", "logits"])
def test_nothing_changes_where_all_classes_have_as_many_samples(method: str):
    balance, labels = Balance(method, 5, 0.0), torch.arange(5).repeat(4)
    balance.look([labels], alone)
    wanted = -LOGITS[:20].log_softmax(dim=1).gather(1, labels[:, None])[:, 0]
    if method == "focal":
        wanted = wanted * (1 - (-wanted).exp()) ** GAMMA
    torch.testing.assert_close(balance.loss(LOGITS[:20], labels), wanted)


def test_each_class_is_drawn_as_often():
    chances = Balance("sampling", 5, 0.0).look([LABELS], alone)
    assert chances is not None and chances.sum() == pytest.approx(1.0)
    of_class = [chances[LABELS.numpy() == label].sum() for label in range(5)]
    assert of_class == pytest.approx([0.2] * 5)
    assert all(looked(method).look([LABELS], alone) is None for method in ("none", "weights", "logits", "focal"))


def test_ranks_count_together_and_draw_from_what_they_have():
    """Two ranks, of which the second has all of the rare classes."""
    parts = LABELS[:150], LABELS[150:]
    together = sum(torch.bincount(part, minlength=5) for part in parts)
    found = [Balance("weights", 5, 0.0) for _ in parts]
    for part, balance in zip(parts, found, strict=True):
        balance.look([part], lambda own, part=part: own + together - torch.bincount(part, minlength=5))
    assert [balance.counts.tolist() for balance in found] == [list(map(float, COUNTS))] * 2


class Numbered:
    """Samples that are their own numbers."""

    device = torch.device("cpu")

    def __len__(self) -> int:
        return len(LABELS)

    def batches(self, choices) -> Iterator[dict[str, Tensor]]:
        for chosen in choices:
            yield {"number": torch.from_numpy(np.asarray(chosen))}


def test_an_epoch_of_balanced_samples_has_rare_classes_as_often_and_is_the_same_again():
    chances = Balance("sampling", 5, 0.0).look([LABELS], alone)
    samples = TrainingSamples(Numbered(), SCHEMA, lambda batch, _: batch, 3, 0, chances)
    epochs = [torch.cat([each["number"] for each in samples.batches(n, 31, 7)]) for n in (1, 1, 2)]
    assert torch.equal(epochs[0], epochs[1]) and not torch.equal(epochs[0], epochs[2])
    drawn = torch.bincount(LABELS[epochs[0]], minlength=5)
    assert drawn.sum() == 217 and (drawn > 25).all()


@pytest.mark.parametrize("name", ["early", "late", "ornl_2020"])
def test_the_second_stage_changes_the_last_layer_alone(name: str, tmp_path: Path):
    torch.manual_seed(0)
    settings = published_settings("ornl_2020")
    first = smoke_task(f"network={name}")
    checkpoint = tmp_path / "checkpoint.pt"
    torch.save({"averaged": average_of(first.model, 0.0).state_dict()}, checkpoint)
    task = smoke_task(f"network={name}", f"head_of={checkpoint}", "balance=sampling")
    before = {key: each.clone() for key, each in task.model.state_dict().items()}
    optimizer = make_optimizer(task.model, settings)
    step(task, task.model.train(), optimizer, task.augment(stacks(), np.random.default_rng(1)))
    changed = {key for key, each in task.model.state_dict().items() if not torch.equal(each, before[key])}
    layer = "network.head.3" if name == "late" else "network.head"
    assert changed == {f"{layer}.weight", f"{layer}.bias"}
    kept = {f"network.{key}": each for key, each in first.model.state_dict().items()}
    same = {key for key, each in kept.items() if torch.equal(each, before[key])}
    assert kept.keys() - same == {f"{layer}.weight", f"{layer}.bias"}  # new ones to begin with


def test_a_second_stage_without_a_first_is_refused(tmp_path: Path):
    with pytest.raises(StemdlError, match="cannot be read"):
        smoke_task(f"head_of={tmp_path / 'none.pt'}")
