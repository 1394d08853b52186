"""What the reference's networks look at: maps of each layer and method, and answers that need what they mark."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmark.data.recipe import recipe_of
from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from reference.explain import deleted
from reference.tasks.fingerprints.task import make_task

CLASSES = 7


def peaks(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures with three peaks at places of their class, among sixty that are anywhere and a quarter as bright."""
    places = np.random.default_rng(0).integers(8, 56, size=(CLASSES, 3, 2))
    generator = np.random.default_rng(seed)
    found, labels = np.zeros((count, 3, 64, 64), dtype=np.float32), np.arange(count) % CLASSES
    for picture, label in zip(found, labels, strict=True):
        for y, x in generator.integers(2, 62, size=(60, 2)):
            picture[generator.integers(3), y : y + 2, x : x + 2] = 0.25
        for channel, (y, x) in enumerate(places[label]):
            picture[channel, y : y + 2, x : x + 2] = 1.0
    return torch.from_numpy(found), torch.from_numpy(labels)


def test_answers_need_what_is_marked_more_than_as_much_elsewhere() -> None:
    """Of a network that has learnt the peaks: accuracy falls by more without what a map marks, the least for the last
    convolution, of which a pixel is a sixteenth of the side."""
    benchmark = load_benchmark("fingerprints")
    settings = read_settings(benchmark, "fingerprints_smoke", None, ("width=8", "dropout=0")).to_dict()
    torch.manual_seed(0)
    task = make_task(recipe_of(benchmark.rungs["fingerprints_smoke"]).schema(), settings)
    model = task.model
    pictures, labels = peaks(112, 1)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for step in range(40):
        some = slice(56 * (step % 2), 56 * (step % 2 + 1))
        optimizer.zero_grad()
        task.loss(model, {"fingerprint": pictures[some], "structure": labels[some]}).backward()
        optimizer.step()
    model.eval()
    asked, right = peaks(42, 2)

    def accuracy(given: Tensor) -> float:
        with torch.no_grad():
            return float((model(given).argmax(dim=1) == right).float().mean())

    assert accuracy(asked) > 0.9
    maps = task.maps(model, {"fingerprint": asked}, right)
    assert list(maps) == [*(f"response of convolution {number}" for number in (1, 2, 3, 4)), "integrated gradients"]
    for name, marks in maps.items():
        marks = marks.detach().expand(asked.shape).numpy()
        assert np.isfinite(marks).all() and marks.any(axis=(1, 2, 3)).all(), name
        parts = [deleted(*each, 0.02) for each in zip(asked.numpy(), marks, strict=True)]
        without, others = (accuracy(torch.from_numpy(np.stack(each))) for each in zip(*parts, strict=True))
        assert without < others, f"{name}: {without} without what it marks, {others} without others"
