"""A run's state at a step, written whole or not at all, and read without running anything it holds."""

from __future__ import annotations

import io
import lzma
import pickle
import textwrap
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmark.events import keys
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path, remove_parts
from reference.comm import Comm
from reference.run import Run

DIVERGED = "diverged.pt"
"""Next to the last good checkpoint: the state in which a loss was found not to be finite."""

_NOT_OURS = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    IndexError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)
"""Each is how some file that is not a checkpoint of ours shows."""
_ANOTHER = "copy the run's folder again, or ask another run: stemdl list"


@dataclass
class State:
    """What training changes, and how far it is. The order of the samples follows from the seed and the place alone.

    Attributes
    ----------
    model : the network itself, without the wrapper of a parallel backend.
    averaged : the running average of its weights, which is evaluated.
    epoch : the last that was evaluated, from 1; 0 before the first.
    step : how many steps of the next epoch are done.
    loss_sum : of this rank's losses over those steps, float64, on the rank's device.
    """

    model: nn.Module
    averaged: nn.Module
    optimizer: Optimizer
    seed: int
    epoch: int = 0
    step: int = 0
    loss_sum: Tensor = field(default_factory=lambda: zero_on(torch.device("cpu")))

    def count(self, loss: Tensor) -> None:
        """One more step is done, with this loss of this rank's."""
        self.averaged.update_parameters(self.model)
        self.loss_sum += loss.double()
        self.step += 1

    def finish_epoch(self) -> None:
        """One more epoch is done and evaluated."""
        self.epoch, self.step, self.loss_sum = self.epoch + 1, 0, torch.zeros_like(self.loss_sum)

    @property
    def place(self) -> str:
        """Where the training stands, in words."""
        return f"epoch {self.epoch + 1}, step {self.step}"


def save_checkpoint(path: Path, state: State, comm: Comm) -> None:
    """Called by all ranks; rank 0 writes. Weights, their average and the optimizer's state are the same everywhere; the
    norms' running statistics and the sum of the losses are each rank's own, and are gathered.

    Raises StemdlError, on rank 0, when the file cannot be written.
    """
    own = torch.cat([*(each.flatten().double() for each in _buffers(state)), state.loss_sum[None]]).cpu()
    of_ranks = torch.zeros(comm.size, len(own), dtype=torch.float64)
    of_ranks[comm.rank] = own
    of_ranks = comm.sum(of_ranks)
    if comm.rank != 0:
        return
    parts = {name: part.state_dict() for name, part in _parts(state).items()}
    content = io.BytesIO()  # torch's own writer to a file does not tell a full disk from other faults
    torch.save({**parts, "seed": state.seed, "epoch": state.epoch, "step": state.step, "of_ranks": of_ranks}, content)
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(content.getbuffer())
    except OSError as error:
        raise StemdlError(
            "the checkpoint cannot be written",
            where=path,
            found=error,
            remedy="make room, then --resume; the last whole checkpoint is still there",
        ) from error


def load_checkpoint(path: Path, state: State, comm: Comm, *, elastic: bool = False) -> int:
    """Restore all of `state`, on every rank; the number of ranks that the run had.

    With `elastic` the run that wrote it may have had another number of ranks: each then gets the mean of the norms'
    statistics, and an epoch that was broken off begins again, since each rank has other samples now. Raises StemdlError
    when there is no checkpoint, one of another network, or (without `elastic`) one of another number of ranks.
    """
    try:
        saved = _saved(path)
        for name, part in _parts(state).items():
            part.load_state_dict(saved[name])
        of_ranks, seed, epoch, step = (saved[name] for name in ("of_ranks", "seed", "epoch", "step"))
        same = len(of_ranks) == comm.size
        if same or elastic:
            _restore_own(state, of_ranks[comm.rank] if same else of_ranks.mean(dim=0))
    except _NOT_OURS as error:
        raise StemdlError(
            "the checkpoint cannot be restored",
            where=path,
            found=_told(error),
            remedy="resume with the configuration of the run that wrote it",
        ) from error
    if not same and not elastic:
        raise StemdlError(
            "the run had another number of ranks",
            where=path,
            expected=len(of_ranks),
            found=comm.size,
            remedy=f"--ranks {len(of_ranks)} to go on as it would have, or --elastic to go on otherwise",
        )
    state.seed, state.epoch, state.step = seed, epoch, step
    if not same:
        state.step, state.loss_sum = 0, torch.zeros_like(state.loss_sum)
    return len(of_ranks)


def load_average(path: Path, averaged: nn.Module) -> None:
    """Restore the running average of the weights alone, which is what is evaluated. Raises StemdlError where there is
    no checkpoint, one of another network, or one whose weights are not all finite."""
    try:
        averaged.load_state_dict(_saved(path)["averaged"])
    except _NOT_OURS as error:
        raise StemdlError("the checkpoint cannot be read", where=path, found=_told(error), remedy=_ANOTHER) from error
    if spoilt := [name for name, values in averaged.state_dict().items() if not values.isfinite().all()]:
        raise StemdlError(
            "the checkpoint has weights that are not finite numbers", where=path, found=spoilt[0], remedy=_ANOTHER
        )


def go_on(run: Run, state: State) -> None:
    """Restore the state where the run's checkpoint is, and say so. Raises StemdlError where it cannot be restored, or
    the run is at its end."""
    request, comm, last = run.request, run.comm, run.settings.max_epochs
    if comm.rank == 0:
        remove_parts(request.output)  # of a rank that was killed while it wrote
    ranks_before = load_checkpoint(request.checkpoint, state, comm, elastic=request.elastic)
    if state.epoch >= last:
        raise StemdlError(
            "the run has had all its epochs",
            where=request.checkpoint,
            expected=f"fewer than {last}",
            found=state.epoch,
            remedy="--set max_epochs=N for more",
        )
    run.seed = state.seed
    run.log.point(keys.RESUMED, state.epoch, **{keys.STEP_NUM: state.step, keys.RANKS_BEFORE: ranks_before})
    run.say(
        f"Resuming after epoch {state.epoch}"
        + (f" and {state.step} steps" if state.step else "")
        + (f", on {comm.size} ranks in place of {ranks_before}" if comm.size != ranks_before else "")
        + ": this run cannot be scored"
    )


def _saved(path: Path) -> Any:
    """What a checkpoint holds. Torch takes damaged weights for weights, so the checksums are compared before it."""
    with zipfile.ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise zipfile.BadZipFile(f"{damaged} is damaged")
    return torch.load(path, map_location="cpu", weights_only=True)


def _told(error: Exception) -> object:
    """The error in short. Torch's own words take pages, and say how to run what it has just refused to run."""
    if isinstance(error, pickle.UnpicklingError):
        return "more than weights and numbers, which might be run"
    if isinstance(error, KeyError):
        return f"no {error}"
    return getattr(error, "strerror", None) or textwrap.shorten(str(error), 300)


def zero_on(device: torch.device) -> Tensor:
    """A sum of no losses."""
    return torch.zeros((), dtype=torch.float64, device=device)


def _parts(state: State) -> dict[str, nn.Module | Optimizer]:
    return {"model": state.model, "averaged": state.averaged, "optimizer": state.optimizer}


def _buffers(state: State) -> list[Tensor]:
    return [*state.model.buffers(), *state.averaged.buffers()]


def _restore_own(state: State, own: Tensor) -> None:
    buffers = _buffers(state)
    *values, loss_sum = own.split([*(each.numel() for each in buffers), 1])
    for buffer, each in zip(buffers, values, strict=True):
        buffer.copy_(each.view_as(buffer))  # counts and float32 pass through float64 unchanged
    state.loss_sum = loss_sum[0].to(state.loss_sum.device)
