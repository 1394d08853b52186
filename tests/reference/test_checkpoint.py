"""A checkpoint restores all of a run's state, and a file that is none is one message and never run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from benchmark.foundation.errors import StemdlError
from reference.checkpoint import load_checkpoint, save_checkpoint
from reference.model import SymmetryNet
from reference.optimizer import make_optimizer

REFUSED = "the checkpoint cannot be restored"


def state_of(seed: int, width: int = 4) -> tuple[torch.nn.Module, torch.nn.Module, torch.optim.Optimizer]:
    """A network after one step of training, its average, and the optimizer."""
    torch.manual_seed(seed)
    model, averaged = SymmetryNet(5, width), SymmetryNet(5, width)
    optimizer = make_optimizer(model, 1e-3, 0.05)
    model(torch.rand(2, 3, 16, 16)).sum().backward()
    optimizer.step()
    return model, averaged, optimizer


def test_what_was_saved_is_restored_to_the_last_bit(tmp_path: Path):
    saved, restored = state_of(1), state_of(2)
    save_checkpoint(tmp_path / "c.pt", *saved, epoch=3, seed=11)
    assert load_checkpoint(tmp_path / "c.pt", *restored) == {"epoch": 3, "seed": 11}
    for one, other in zip(saved[:2], restored[:2], strict=True):
        assert all(torch.equal(each, other.state_dict()[name]) for name, each in one.state_dict().items())
    ours, theirs = (each[2].state_dict() for each in (saved, restored))
    assert ours["param_groups"] == theirs["param_groups"]
    for index, values in ours["state"].items():
        assert all(torch.equal(each, theirs["state"][index][name]) for name, each in values.items())


def test_a_failed_write_leaves_the_last_whole_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, state = tmp_path / "c.pt", state_of(1)
    save_checkpoint(path, *state, epoch=1)
    before = path.read_bytes()

    def full_disk(_: object, temporary: Path) -> None:
        temporary.write_bytes(before[:100])
        raise RuntimeError("PytorchStreamWriter failed writing file")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(StemdlError, match="cannot be written"):
        save_checkpoint(path, *state, epoch=2)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["c.pt"]


class Harmful:
    """Unpickling this would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


def test_a_foreign_file_is_refused_and_never_run(tmp_path: Path):
    path, state = tmp_path / "c.pt", state_of(1)
    save_checkpoint(path, *state, epoch=1)
    whole, parts = path.read_bytes(), torch.load(path, weights_only=True)
    foreign = {
        "a tensor": torch.zeros(2), "a list": [1], "no weights": {"epoch": 1},
        "no average": {key: value for key, value in parts.items() if key != "averaged"},
        "an optimizer that is none": parts | {"optimizer": [1]}, "harm": parts | {"epoch": Harmful(tmp_path / "harm")},
    }
    for name, value in foreign.items():
        torch.save(value, path)
        with pytest.raises(StemdlError, match=REFUSED) as caught:
            load_checkpoint(path, *state_of(2))
        assert str(path) in str(caught.value), name
    assert not (tmp_path / "harm").exists()
    for content in (b"", b"hello\n", whole[:len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(StemdlError, match=REFUSED):
            load_checkpoint(path, *state_of(2))
    path.unlink()
    with pytest.raises(StemdlError, match=REFUSED):
        load_checkpoint(path, *state_of(2))


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path):
    save_checkpoint(tmp_path / "c.pt", *state_of(1), epoch=1)
    with pytest.raises(StemdlError, match=REFUSED):
        load_checkpoint(tmp_path / "c.pt", *state_of(1, width=8))
