"""Ranks joined by Horovod: gradients are exchanged while the backward pass still runs."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import Rank


class HorovodComm:
    """See `reference.comm.Comm`. Raises StemdlError when Horovod is not built or sees other ranks than the launcher."""

    name = "horovod"

    def __init__(self, rank: Rank, device: torch.device, timeout_seconds: int) -> None:
        # A rank that the others wait for in vain would hang the job: Horovod's own watch ends it instead.
        os.environ.setdefault("HOROVOD_STALL_CHECK_TIME_SECONDS", str(max(1, timeout_seconds // 2)))
        os.environ.setdefault("HOROVOD_STALL_SHUTDOWN_TIME_SECONDS", str(timeout_seconds))
        if device.type == "cpu":
            # Horovod looks for tensors each millisecond, on the core that computes; each 5 ms is soon enough there.
            os.environ.setdefault("HOROVOD_CYCLE_TIME", "5")
        try:
            import horovod.torch as hvd
        except ImportError as error:
            raise StemdlError("Horovod is not built for this PyTorch", where="comm", found=error,
                              remedy="./scripts/setup_env.sh, or --set comm=torch") from error
        hvd.init()
        if (hvd.rank(), hvd.size()) != (rank.rank, rank.size):
            raise StemdlError("Horovod sees other ranks than the launcher", where=f"rank {rank.rank} of {rank.size}",
                              found=f"rank {hvd.rank()} of {hvd.size()}",
                              remedy="use the mpirun of the MPI that Horovod was built with")
        self._hvd = hvd
        self.rank, self.size = hvd.rank(), hvd.size()

    def barrier(self) -> None:
        self._hvd.barrier()

    def sum(self, values: Tensor) -> Tensor:
        return self._hvd.allreduce(values, op=self._hvd.Sum)

    def sum_later(self, values: Tensor) -> Callable[[], Tensor]:
        handle = self._hvd.allreduce_async(values, op=self._hvd.Sum, name="sum_later")
        return lambda: self._hvd.synchronize(handle)

    def distribute(self, model: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Optimizer]:
        self._hvd.broadcast_parameters(model.state_dict(), root_rank=0)
        optimizer = self._hvd.DistributedOptimizer(optimizer, named_parameters=model.named_parameters())
        return model, optimizer

    def close(self) -> None:
        """Horovod stays: its shutdown would end MPI, and the next run of a set could not begin. It leaves at exit."""
        self._hvd.barrier()
