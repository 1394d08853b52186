"""What the training needs of the ranks, behind one small protocol with three backends.

Gradients are averaged over the ranks by both parallel backends, while a step's loss is a mean over the global batch;
`train.py` weights each rank's loss for that.
"""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmark.definition.settings import Settings
from benchmark.foundation.errors import CheckFailed, StemdlError
from benchmark.launch.rank import Rank

OF_HOROVOD = ("gradient_groups", "cycle_ms", "hierarchical", "autotune", "timeline")
"""Settings that only Horovod can honour; each is off when it is false or 0."""


class Comm(Protocol):
    """The ranks of a job. Every method is called by all ranks in the same order."""

    name: str
    rank: int
    size: int
    resolved: Mapping[str, object]
    """Settings that were left to the backend, and what it took."""

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


class Solo:
    """One process on its own."""

    name, rank, size = "solo", 0, 1
    resolved: Mapping[str, object] = {}

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
    """The backend that `settings.comm` names: solo, horovod or torch. "auto" takes Horovod where it is built for the
    device, torch.distributed elsewhere and under torchrun, which starts no MPI, which our Horovod is built on.

    Raises StemdlError when there are more ranks than the backend can join, or a setting that it cannot honour.
    """
    name, has_horovod = settings.comm, importlib.util.find_spec("horovod") is not None
    if name == "auto":
        fits = has_horovod and not torchrun
        if fits and not on_cpu:
            from reference.comm_horovod import serves_gpus

            fits = serves_gpus()
        name = "solo" if ranks == 1 else "horovod" if fits else "torch"
    if name == "solo" and ranks > 1:
        raise StemdlError(
            "solo trains on one rank", where="comm", found=f"{ranks} ranks", remedy="--set comm=horovod, or --ranks 1"
        )
    if name == "horovod" and not has_horovod:
        raise StemdlError(
            "Horovod is not built here",
            where="comm",
            found=name,
            remedy="--set comm=torch, or build it: scripts/setup_env.sh",
        )
    if name == "horovod" and settings.torch_backend != "auto":
        raise StemdlError(
            "Horovod has no torch_backend",
            where="torch_backend",
            found=settings.torch_backend,
            remedy="--set comm=torch, or leave torch_backend at auto",
        )
    if name == "torch":
        for setting in OF_HOROVOD:
            if found := getattr(settings, setting):
                raise StemdlError(
                    f"torch.distributed knows no {setting}",
                    where=setting,
                    found=found,
                    remedy=f"--set comm=horovod, or leave out {setting}",
                )
    return name


def make_comm(settings: Settings, rank: Rank, device: torch.device, output: Path, timeout_seconds: int) -> Comm:
    """The backend that `backend_of` finds. `output` is the run's folder, for a timeline; an exchange may last
    `timeout_seconds`. Raises as `backend_of` does."""
    if device.type == "cuda":
        torch.cuda.set_device(device)  # else all ranks of a node would meet, and keep some memory, on its first GPU
    name = backend_of(settings, rank.size, torchrun=rank.launcher == "torchrun", on_cpu=device.type == "cpu")
    if name == "solo":
        return Solo()
    if name == "horovod":
        from reference.comm_horovod import HorovodComm

        return HorovodComm(settings, rank, device, output, timeout_seconds)
    from reference.comm_torch import TorchComm

    return TorchComm(settings, rank, device, timeout_seconds)


_SIGNS_OF_A_LOST_RANK = (
    "gloo",
    "NCCL",
    "closed by peer",
    "reset by peer",
    "Horovod has been shut down",
    "HorovodInternal",
)
"""Words of the backends' errors, which are plain RuntimeErrors, mostly."""


@contextmanager
def lost_ranks_told(comm: Comm) -> Iterator[None]:
    """Where an exchange in the block fails since another rank is gone: CheckFailed, in place of the backend's error."""
    try:
        yield
    except RuntimeError as error:
        text = f"{type(error).__name__} {error}"
        if not any(sign in text for sign in _SIGNS_OF_A_LOST_RANK):
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
