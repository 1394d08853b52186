"""What the training needs of the ranks, behind one small protocol.

A backend is a file, `comm_<name>.py`: `--set comm=<name>` finds it, logs name it, and no other file knows it.

Gradients are averaged over the ranks by every backend, while a step's loss is a mean over the global batch;
`train.py` weights each rank's loss for that.
"""

from __future__ import annotations

import importlib
import importlib.util
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmark.definition.settings import SOLO, Settings
from benchmark.foundation.errors import CheckFailed, StemdlError
from benchmark.launch.rank import Rank


class Comm(Protocol):
    """The ranks of a job. Every method is called by all ranks in the same order."""

    name: str
    rank: int
    size: int
    resolved: Mapping[str, object]
    """Settings that were left to the backend, and what it took."""
    lost_rank: tuple[str, ...]
    """Words in its errors, plain RuntimeErrors mostly, where another rank is gone."""

    def barrier(self) -> None:
        """Returns when all ranks have called it."""

    def sum(self, values: Tensor) -> Tensor:
        """The element-wise sum over the ranks, the same on each. Exact for integers."""

    def sum_later(self, values: Tensor) -> Callable[[], Tensor]:
        """Begins a sum, while the ranks go on; what is returned waits for it and gives it. One at a time."""

    def distribute(self, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        """Rank 0's weights everywhere, and gradients averaged over the ranks from now on."""

    def close(self) -> None:
        """Leave the job in good order."""


class Backend(Protocol):
    """What the module `reference.comm_<name>` holds."""

    TITLE: str
    """The backend's name in messages."""

    def require_built(self) -> None:
        """Raises StemdlError where it is not there to be used."""

    def make(self, settings: Settings, rank: Rank, device: torch.device, output: Path, timeout_seconds: int) -> Comm:
        """The ranks, joined; see `make_comm`."""


class Solo:
    """One process on its own."""

    name, rank, size = SOLO, 0, 1
    resolved: Mapping[str, object] = {}
    lost_rank = ()

    def barrier(self) -> None:
        return

    def sum(self, values: Tensor) -> Tensor:
        return values

    def sum_later(self, values: Tensor) -> Callable[[], Tensor]:
        return lambda: values

    def distribute(self, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        return model, optimizer

    def close(self) -> None:
        return


def backend_of(settings: Settings, ranks: int, *, torchrun: bool, on_cpu: bool) -> str:
    """The backend that `settings.comm` names. "auto" takes Horovod where it is built for the device, torch.distributed
    elsewhere and under torchrun, which starts no MPI, which our Horovod is built on.

    Raises StemdlError when there are more ranks than the backend can join, or a setting that it cannot honour.
    """
    name = settings.comm if settings.comm != "auto" else _best(ranks, torchrun, on_cpu)
    if name == SOLO:
        if ranks > 1:
            raise StemdlError(
                "solo trains on one rank", where="comm", found=f"{ranks} ranks", remedy="--set comm=torch, or --ranks 1"
            )
        return name
    backend = _backend(name)
    backend.require_built()
    for setting in fields(Settings):
        of = setting.metadata.get("of_backend", name)
        if of != name and (found := getattr(settings, setting.name)) != setting.default:
            raise StemdlError(
                f"{backend.TITLE} knows no {setting.name}",
                where=setting.name,
                found=found,
                remedy=f"--set comm={of}, or leave out {setting.name}",
            )
    return name


def _best(ranks: int, torchrun: bool, on_cpu: bool) -> str:
    """The backend that "auto" takes."""
    if ranks == 1:
        return SOLO
    if importlib.util.find_spec("horovod") is None or torchrun:
        return "torch"
    from reference.comm_horovod import serves_gpus

    return "horovod" if on_cpu or serves_gpus() else "torch"


def _backend(name: str) -> Backend:
    backend: Any = importlib.import_module(f"reference.comm_{name}")
    return backend


def make_comm(settings: Settings, rank: Rank, device: torch.device, output: Path, timeout_seconds: int) -> Comm:
    """The backend that `backend_of` finds. `output` is the run's folder, for a timeline; an exchange may last
    `timeout_seconds`. Raises as `backend_of` does."""
    if device.type == "cuda":
        torch.cuda.set_device(device)  # else all ranks of a node would meet, and keep some memory, on its first GPU
    name = backend_of(settings, rank.size, torchrun=rank.launcher == "torchrun", on_cpu=device.type == "cpu")
    return Solo() if name == SOLO else _backend(name).make(settings, rank, device, output, timeout_seconds)


@contextmanager
def lost_ranks_told(comm: Comm) -> Iterator[None]:
    """Where an exchange in the block fails since another rank is gone: CheckFailed, in place of the backend's error."""
    try:
        yield
    except RuntimeError as error:
        text = f"{type(error).__name__} {error}"
        if not any(sign in text for sign in comm.lost_rank):
            raise
        raise CheckFailed(
            "another rank died, or did not come to the exchange in time",
            where=f"rank {comm.rank} on {socket.gethostname()}",
            found=str(error).splitlines()[0],
            remedy="see the launcher's message about the rank that died",
        ) from error


def pick_device(name: str, rank: Rank) -> torch.device:
    """This rank's device. With one GPU bound to each rank, every rank sees only number 0: hence the remainder.

    Raises StemdlError when "cuda" is asked for and the rank sees no GPU.
    """
    visible = torch.cuda.device_count()
    if name == "cuda" and not visible:
        raise StemdlError(
            "this rank sees no GPU",
            where=f"rank {rank.rank}",
            expected="at least one CUDA device",
            remedy="bind one to each rank (as stemdl launch --gpus-per-rank 1 does), or --set device=cpu",
        )
    if name == "cpu" or not visible:
        return torch.device("cpu")
    return torch.device("cuda", rank.local_rank % visible)
