"""What an all-reduce gives and how fast it is, by whatever joins the ranks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from benchmark.launch.rank import Rank

VALUES = 7
"""A rank gives 1 + rank % 7, so that the sum of a million ranks is still exact in float32."""


class Reducer(Protocol):
    """What sums vectors of float32 over the ranks. Every method is called by all ranks in the same order."""

    name: str

    def filled(self, value: float, count: int) -> Any:
        """A vector of `count` times that value, where the training's vectors are."""

    def sum(self, vector: Any) -> Any:
        """The element-wise sum over the ranks."""

    def extremes(self, vector: Any) -> tuple[float, float]:
        """The least and the greatest element, once the vector is there."""


@dataclass(frozen=True)
class Effort:
    """How long to measure: repeats of the smallest message, and bytes and repeats of the large one."""

    small_repeats: int
    large_bytes: int
    large_repeats: int


QUICK, FULL = Effort(5, 1 << 20, 2), Effort(200, 64 << 20, 5)


@dataclass(frozen=True)
class Network:
    """All-reduce as one rank saw it.

    Attributes
    ----------
    latency_seconds : of one number; the median of the repeats.
    bandwidth_bytes_per_second : 2 (n - 1) / n times the large message's bytes over the least of its times: what a link
        carries in the best algorithm, which can be held against its rate whatever the number n of ranks (nccl-tests,
        doc/PERFORMANCE.md, "bus bandwidth").
    message_bytes : of the large message.
    wrong : what was not as it had to be; empty where all was.
    """

    latency_seconds: float
    bandwidth_bytes_per_second: float
    message_bytes: int
    wrong: str

    def to_dict(self) -> dict[str, Any]:
        """The attributes, for JSON."""
        return asdict(self)


def measure(reducer: Reducer, rank: int, size: int, effort: Effort) -> Network:
    """Sums of known values, and their times. Called by all ranks."""
    expected = float(sum(1 + each % VALUES for each in range(size)))
    wrong = ""
    times: dict[int, list[float]] = {}
    for count, repeats in ((1, effort.small_repeats), (effort.large_bytes // 4, effort.large_repeats)):
        vector = reducer.filled(1 + rank % VALUES, count)
        reducer.extremes(reducer.sum(vector))  # the first one builds what the others use
        times[count] = []
        for _ in range(repeats):
            started = time.perf_counter()
            total = reducer.sum(vector)
            least, greatest = reducer.extremes(total)
            times[count].append(time.perf_counter() - started)
        if (least, greatest) != (expected, expected) and not wrong:
            seen = f"{least:g}" if least == greatest else f"{least:g} to {greatest:g}"
            wrong = f"{count} number{'s' if count > 1 else ''} summed to {seen} instead of {expected:g}"
    (small, large) = times.values()
    bandwidth = 2 * (size - 1) / size * effort.large_bytes / min(large)
    return Network(statistics.median(small), bandwidth, effort.large_bytes, wrong)


class TensorReducer:
    """Sums torch's tensors on `device` by what a trainer or torch.distributed offers."""

    def __init__(self, name: str, device: Any, sum_over_ranks: Callable[[Any], Any]) -> None:
        self.name, self._device, self._sum = name, device, sum_over_ranks

    def filled(self, value: float, count: int) -> Any:
        import torch

        return torch.full((count,), value, dtype=torch.float32, device=self._device)

    def sum(self, vector: Any) -> Any:
        return self._sum(vector)

    def extremes(self, vector: Any) -> tuple[float, float]:
        return float(vector.min()), float(vector.max())


class MpiReducer:
    """Sums numpy's vectors by MPI itself."""

    name = "MPI"

    def __init__(self) -> None:
        from mpi4py import MPI

        self._world = MPI.COMM_WORLD

    def filled(self, value: float, count: int) -> Any:
        import numpy as np

        return np.full(count, value, dtype=np.float32)

    def sum(self, vector: Any) -> Any:
        import numpy as np

        total = np.empty_like(vector)
        self._world.Allreduce(vector, total)
        return total

    def extremes(self, vector: Any) -> tuple[float, float]:
        return float(vector.min()), float(vector.max())


def torch_reducer(rank: Rank, seconds: float) -> TensorReducer:
    """Sums by torch.distributed: NCCL where this rank sees a GPU, Gloo elsewhere."""
    import datetime

    import torch
    from torch import distributed as dist

    gpus = torch.cuda.device_count()
    device = torch.device("cuda", rank.local_rank % gpus) if gpus else torch.device("cpu")
    if not dist.is_initialized():
        dist.init_process_group(
            "nccl" if gpus else "gloo",
            rank=rank.rank,
            world_size=rank.size,
            timeout=datetime.timedelta(seconds=seconds),
        )

    def summed(vector: Any) -> Any:
        total = vector.clone()
        dist.all_reduce(total)
        return total

    return TensorReducer("torch.distributed with " + dist.get_backend(), device, summed)
