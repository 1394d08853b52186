"""A checkpoint restores all of a run's state, and a file that is not one is a message and never run."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmark.definition.settings import Settings
from benchmark.foundation.errors import StemdlError
from reference.checkpoint import State, load_average, load_checkpoint, save_checkpoint
from reference.comm import Solo
from reference.optimizer import make_optimizer
from reference.tasks.space_group.model import SymmetryNet

REFUSED = "the checkpoint cannot be restored"


def state_of(seed: int, width: int = 4) -> State:
    """After one step of training."""
    torch.manual_seed(seed)
    model = SymmetryNet(5, width)
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    optimizer = make_optimizer(model, Settings(learning_rate=1e-3))
    model(torch.rand(2, 3, 16, 16)).sum().backward()
    optimizer.step()
    averaged.update_parameters(model)
    return State(model, averaged, optimizer, seed, epoch=3, step=17, loss_sum=torch.rand((), dtype=torch.float64))


def values_of(state: State) -> list[torch.Tensor]:
    """All numbers of a state, in one order."""
    of_optimizer = state.optimizer.state_dict()["state"]
    return [
        state.loss_sum,
        *state.model.state_dict().values(),
        *state.averaged.state_dict().values(),
        *(value for _, entry in sorted(of_optimizer.items()) for _, value in sorted(entry.items())),
    ]


def same(one: State, other: State) -> bool:
    return all(torch.equal(a, b) for a, b in zip(values_of(one), values_of(other), strict=True))


class Ranks(Solo):
    """One of several ranks that call one after another: each adds to what those before it gave."""

    def __init__(self, size: int) -> None:
        self.rank, self.size, self._sum = size - 1, size, None

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        self._sum = values if self._sum is None else self._sum + values
        return self._sum


def test_what_was_saved_is_restored_to_the_last_bit(tmp_path: Path):
    saved, restored = state_of(1), state_of(2)
    assert not same(saved, restored)
    save_checkpoint(tmp_path / "c.pt", saved, Solo())
    assert load_checkpoint(tmp_path / "c.pt", restored, Solo()) == 1
    assert same(saved, restored)
    assert (restored.seed, restored.epoch, restored.step) == (1, 3, 17)
    assert restored.optimizer.state_dict()["param_groups"] == saved.optimizer.state_dict()["param_groups"]


def two_ranks(path: Path) -> list[State]:
    """States that differ in what is a rank's own, rank 0's last, since it writes; they lie in a checkpoint `path`."""
    states = [state_of(1), state_of(1)]
    states[1].loss_sum += 1.0
    states[1].model.train()(torch.rand(4, 3, 16, 16) * 3)  # which moves the running statistics alone
    states[1].averaged.update_parameters(states[1].model)
    comm = Ranks(2)
    for comm.rank in (1, 0):
        save_checkpoint(path, states[comm.rank], comm)
    return states


def test_each_rank_gets_its_own_statistics_and_losses_back(tmp_path: Path):
    states = two_ranks(tmp_path / "c.pt")
    states[1].averaged.load_state_dict(states[0].averaged.state_dict() | dict(states[1].averaged.named_buffers()))
    assert not same(*states)
    comm = Ranks(2)
    for comm.rank in (0, 1):
        restored = state_of(9)
        assert load_checkpoint(tmp_path / "c.pt", restored, comm) == 2
        assert same(restored, states[comm.rank])


def test_another_number_of_ranks_is_refused_unless_elastic(tmp_path: Path):
    states, restored = two_ranks(tmp_path / "c.pt"), state_of(9)
    with pytest.raises(StemdlError, match="another number of ranks") as caught:
        load_checkpoint(tmp_path / "c.pt", restored, Solo())
    assert "--ranks 2" in str(caught.value) and "--elastic" in str(caught.value)
    assert load_checkpoint(tmp_path / "c.pt", restored, Solo(), elastic=True) == 2
    assert (restored.epoch, restored.step, float(restored.loss_sum)) == (3, 0, 0.0)  # the broken epoch begins again
    for name, mean in restored.model.named_buffers():
        torch.testing.assert_close(
            mean.double(),
            sum(dict(each.model.named_buffers())[name].double() for each in states).div(2).to(mean.dtype).double(),
        )


def test_a_failed_write_leaves_the_last_whole_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, state = tmp_path / "c.pt", state_of(1)
    save_checkpoint(path, state, Solo())
    before = path.read_bytes()

    def full_disk(temporary: Path, content: bytes) -> None:
        with open(temporary, "wb") as handle:
            handle.write(content[:100])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(StemdlError, match="No space left"):
        save_checkpoint(path, state, Solo())
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["c.pt"]


class Harmful:
    """Unpickling this would make a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


def test_a_foreign_file_is_refused_and_never_run(tmp_path: Path):
    path, state = tmp_path / "c.pt", state_of(1)
    save_checkpoint(path, state, Solo())
    whole, parts = path.read_bytes(), torch.load(path, weights_only=True)
    foreign = {
        "a tensor": torch.zeros(2),
        "a list": [1],
        "no weights": {"epoch": 1},
        "no average": {key: value for key, value in parts.items() if key != "averaged"},
        "short statistics": parts | {"of_ranks": torch.zeros(1, 3)},
        "not an optimizer": parts | {"optimizer": [1]},
        "harm": parts | {"epoch": Harmful(tmp_path / "harm")},
    }
    for name, value in foreign.items():
        torch.save(value, path)
        with pytest.raises(StemdlError, match=REFUSED) as caught:
            load_checkpoint(path, state_of(2), Solo())
        assert str(path) in str(caught.value), name
    assert not (tmp_path / "harm").exists()
    for content in (b"", b"hello\n", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(StemdlError, match=REFUSED):
            load_checkpoint(path, state_of(2), Solo())
    path.unlink()
    with pytest.raises(StemdlError, match=REFUSED):
        load_checkpoint(path, state_of(2), Solo())


def test_a_damaged_byte_among_the_weights_is_seen(tmp_path: Path):
    path, state = tmp_path / "c.pt", state_of(1)
    save_checkpoint(path, state, Solo())
    content = bytearray(path.read_bytes())
    content[content.index(next(state.averaged.parameters()).detach().numpy().tobytes())] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)  # which says nothing
    with pytest.raises(StemdlError, match="is damaged"):
        load_average(path, state_of(2).averaged)


@pytest.mark.parametrize("packed_by", [8, 14])
def test_damage_to_how_the_weights_are_packed_is_seen(packed_by: int, tmp_path: Path):
    path = tmp_path / "c.pt"
    save_checkpoint(path, state_of(1), Solo())
    listed = path.read_bytes().split(b"PK\1\2")
    path.write_bytes(b"PK\1\2".join([listed[0], *(each[:6] + bytes([packed_by]) + each[7:] for each in listed[1:])]))
    with pytest.raises(StemdlError, match="cannot be read"):
        load_average(path, state_of(2).averaged)


def test_why_no_average_is_read_is_said_in_short(tmp_path: Path):
    path = tmp_path / "c.pt"
    others = {f"weight_{number}": torch.zeros(1) for number in range(1000)}
    for value, says in (
        ({"averaged": Harmful(tmp_path / "harm")}, "more than weights"),
        ({"averaged": others}, "Missing key"),
        ({"epoch": 1}, "no 'averaged'"),
    ):
        torch.save(value, path)
        with pytest.raises(StemdlError, match=says) as caught:
            load_average(path, state_of(1).averaged)
        assert "weights_only" not in str(caught.value) and len(str(caught.value)) < 700
    assert not (tmp_path / "harm").exists()


def test_weights_that_are_not_finite_are_refused(tmp_path: Path):
    path, state = tmp_path / "c.pt", state_of(1)
    weights = next(state.averaged.parameters())
    with torch.no_grad():
        weights.view(-1)[0] = torch.nan
    save_checkpoint(path, state, Solo())
    with pytest.raises(StemdlError, match="not finite"):
        load_average(path, state_of(2).averaged)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path):
    save_checkpoint(tmp_path / "c.pt", state_of(1), Solo())
    with pytest.raises(StemdlError, match=REFUSED):
        load_checkpoint(tmp_path / "c.pt", state_of(1, width=8), Solo())
