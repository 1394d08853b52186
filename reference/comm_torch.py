"""Ranks joined by torch.distributed: NCCL between GPUs, Gloo between CPUs, or MPI where torch is built with it."""

from __future__ import annotations

import atexit
import datetime
import os
import socket
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from benchmark.definition.settings import Settings
from benchmark.foundation.errors import StemdlError
from benchmark.launch.mpi import world_of
from benchmark.launch.rank import Rank

TITLE = "torch.distributed"
DEFAULT_PORT = 29400


class TorchComm:
    """See `reference.comm.Comm`. The ranks meet at MASTER_ADDR:MASTER_PORT, which torchrun sets.

    Under other launchers rank 0's address is shared through MPI where mpi4py is there; otherwise it is this host.
    Raises StemdlError when this PyTorch lacks the backend, or the backend cannot serve the device.
    """

    name, lost_rank = "torch", ("gloo", "NCCL", "closed by peer", "reset by peer")

    def __init__(
        self, settings: Settings, rank: Rank, device: torch.device, output: Path, timeout_seconds: int
    ) -> None:
        backend = _usable_backend(settings.torch_backend, device)
        if not dist.is_initialized():
            if backend != "mpi" and "MASTER_ADDR" not in os.environ:
                os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = _meeting_point(rank)
            timeout = datetime.timedelta(seconds=timeout_seconds)
            dist.init_process_group(backend, rank=rank.rank, world_size=rank.size, timeout=timeout)
            atexit.register(dist.destroy_process_group)
        self.rank, self.size, self._device, self._settings = rank.rank, rank.size, device, settings
        self.resolved = {"torch_backend": backend}
        self._met_on = {"device_ids": [device.index]} if backend == "nccl" else {}  # else NCCL guesses it from the rank

    def barrier(self) -> None:
        dist.barrier(**self._met_on)

    def sum(self, values: Tensor) -> Tensor:
        total = values.to(self._device)
        total = total.clone() if total is values else total
        dist.all_reduce(total)
        return total.to(values.device)

    def sum_later(self, values: Tensor) -> Callable[[], Tensor]:
        total = values.to(self._device, copy=True)
        work = dist.all_reduce(total, async_op=True)

        def waited() -> Tensor:
            work.wait()
            return total.to(values.device)

        return waited

    def distribute(self, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        with warnings.catch_warnings():  # torch 2.13 renamed the option; older ones know the old name alone
            warnings.simplefilter("ignore", FutureWarning)
            wrapped = DistributedDataParallel(
                model, broadcast_buffers=False, gradient_as_bucket_view=True, bucket_cap_mb=self._settings.fusion_mib
            )
        if self._settings.gradient_compression == "fp16":
            wrapped.register_comm_hook(None, fp16_compress_hook)
        return wrapped, optimizer

    def close(self) -> None:
        """The group stays for the next run of a set, whose first rank could otherwise meet the old one. It ends at
        exit."""
        self.barrier()


def require_built() -> None:
    """Every PyTorch that we train with has it; whether with this exchange, `TorchComm` finds."""


make = TorchComm


def _usable_backend(name: str, device: torch.device) -> str:
    """The backend that was asked for, or the one that suits the device."""
    if name == "auto":
        return "nccl" if device.type == "cuda" else "gloo"
    if not {"gloo": dist.is_gloo_available, "nccl": dist.is_nccl_available, "mpi": dist.is_mpi_available}[name]():
        raise StemdlError(
            f"this PyTorch is built without {name}",
            where="torch_backend",
            remedy="--set torch_backend=auto, or --set comm=horovod",
        )
    if name == "nccl" and device.type != "cuda":
        raise StemdlError(
            "NCCL joins GPUs alone",
            where="torch_backend",
            found=device.type,
            remedy="--set torch_backend=gloo, or bind a GPU to each rank",
        )
    return name


def _meeting_point(rank: Rank) -> tuple[str, str]:
    """A free port of rank 0's host, told to all ranks by MPI. Raises StemdlError where MPI sees other ranks."""
    if rank.size == rank.local_size and rank.launcher != "mpirun":
        return "127.0.0.1", str(DEFAULT_PORT)
    world = world_of(rank)
    here = None
    if rank.rank == 0:
        with socket.socket() as probe:
            probe.bind(("", 0))
            name = "127.0.0.1" if rank.size == rank.local_size else socket.gethostname()
            here = (name, str(probe.getsockname()[1]))
    return world.bcast(here, root=0)
