"""Ranks joined by Horovod: gradients are exchanged while the backward pass still runs."""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmark.definition.settings import Settings
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import Rank

TITLE = "Horovod"
CYCLE_MS = {"cpu": 5.0, "cuda": 1.0}
"""A core that looks for gradients does not compute them meanwhile; a GPU is not kept from it."""


class HorovodComm:
    """See `reference.comm.Comm`. Raises StemdlError when Horovod is not built, sees other ranks than the launcher, or
    the environment sets it to something else than the settings say."""

    name, lost_rank = "horovod", ("Horovod has been shut down", "HorovodInternal")

    def __init__(
        self, settings: Settings, rank: Rank, device: torch.device, output: Path, timeout_seconds: int
    ) -> None:
        cycle_ms = settings.cycle_ms or CYCLE_MS[device.type]
        # A rank that the others wait for in vain would hang the job: Horovod's own watch ends it instead.
        os.environ.setdefault("HOROVOD_STALL_CHECK_TIME_SECONDS", str(max(1, timeout_seconds // 2)))
        os.environ.setdefault("HOROVOD_STALL_SHUTDOWN_TIME_SECONDS", str(timeout_seconds))
        for name, value in _variables(settings, cycle_ms).items():
            if os.environ.setdefault(name, value) != value:
                raise StemdlError(
                    f"{name} is set to something else than the settings, which the log records",
                    where=f"rank {rank.rank}: environment",
                    expected=value,
                    found=os.environ[name],
                    remedy=f"unset {name}; --set fusion_mib, cycle_ms, hierarchical or autotune instead",
                )
        hvd = _horovod()
        if device.type != "cpu" and not serves_gpus():
            raise StemdlError(
                "Horovod is built for CPUs alone",
                where="comm",
                found=f"a rank on {device}",
                remedy="--set comm=torch, or HOROVOD_GPU_OPERATIONS=NCCL ./scripts/setup_env.sh",
            )
        if settings.hierarchical and not (device.type == "cuda" and hvd.nccl_built()):
            raise StemdlError(
                "Horovod sums within nodes first only between GPUs, by NCCL",
                where="hierarchical",
                found=f"{device.type}, Horovod built {'with' if hvd.nccl_built() else 'without'} NCCL",
                remedy="--set hierarchical=false, or build Horovod with HOROVOD_GPU_OPERATIONS=NCCL",
            )
        hvd.init()
        if (hvd.rank(), hvd.size()) != (rank.rank, rank.size):
            raise StemdlError(
                "Horovod sees other ranks than the launcher",
                where=f"rank {rank.rank} of {rank.size}",
                found=f"rank {hvd.rank()} of {hvd.size()}",
                remedy="use the mpirun of the MPI that Horovod was built with",
            )
        self._hvd, self._settings = hvd, settings
        self.rank, self.size = hvd.rank(), hvd.size()
        self.resolved = {} if settings.autotune else {"cycle_ms": cycle_ms}
        if settings.timeline:
            hvd.start_timeline(str(_unused(output)))  # rank 0 writes it

    def barrier(self) -> None:
        self._hvd.barrier()

    def sum(self, values: Tensor) -> Tensor:
        return self._hvd.allreduce(values, op=self._hvd.Sum)

    def sum_later(self, values: Tensor) -> Callable[[], Tensor]:
        handle = self._hvd.allreduce_async(values, op=self._hvd.Sum, name="sum_later")
        return lambda: self._hvd.synchronize(handle)

    def distribute(self, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        self._hvd.broadcast_parameters(model.state_dict(), root_rank=0)
        optimizer = self._hvd.DistributedOptimizer(
            optimizer,
            named_parameters=model.named_parameters(),
            groups=self._settings.gradient_groups or None,
            compression=getattr(self._hvd.Compression, self._settings.gradient_compression),
        )
        return model, optimizer

    def close(self) -> None:
        """Horovod stays: its shutdown would end MPI, and the next run of a set could not begin. It leaves at exit."""
        self._hvd.barrier()
        if self._settings.timeline:
            self._hvd.stop_timeline()


def require_built() -> None:
    """Raises StemdlError where it is not installed."""
    if importlib.util.find_spec("horovod") is None:
        raise StemdlError(
            "Horovod is not built here",
            where="comm",
            found="horovod",
            remedy="--set comm=torch, or build it: scripts/setup_env.sh",
        )


make = HorovodComm


def _horovod() -> Any:
    """The module; raises StemdlError where it does not load."""
    try:
        import horovod.torch as hvd
    except ImportError as error:
        raise StemdlError(
            "Horovod is not built for this PyTorch",
            where="comm",
            found=error,
            remedy="./scripts/setup_env.sh, or --set comm=torch",
        ) from error
    return hvd


def serves_gpus() -> bool:
    """Whether Horovod is built for GPUs. One for CPUs takes a GPU's tensors too, but does not wait until they have been
    copied to the host (DoAllreduceCudaOnCPU in its mpi_ops_v2.cc): it may sum what was there before."""
    hvd = _horovod()
    return bool(hvd.cuda_built() or hvd.rocm_built())


def _variables(settings: Settings, cycle_ms: float) -> dict[str, str]:
    """What Horovod reads when it starts. It does not tune what is set by hand."""
    if settings.autotune:
        variables = {"HOROVOD_AUTOTUNE": "1"}
    else:
        variables = {
            "HOROVOD_FUSION_THRESHOLD": str(round(settings.fusion_mib * 2**20)),
            "HOROVOD_CYCLE_TIME": f"{cycle_ms:g}",
        }
    if settings.hierarchical:
        variables["HOROVOD_HIERARCHICAL_ALLREDUCE"] = "1"
    if settings.timeline:
        variables["HOROVOD_TIMELINE"] = "DYNAMIC"  # each run of a set begins one of its own
    return variables


def _unused(output: Path) -> Path:
    """A file for the timeline, next to those of runs that were broken off and resumed here."""
    output.mkdir(parents=True, exist_ok=True)
    names = itertools.chain(["timeline.json"], (f"timeline_{number}.json" for number in itertools.count(2)))
    return next(path for path in (output / name for name in names) if not path.exists())
