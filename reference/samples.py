"""A rank's samples as batches on its device: held in memory where they fit, otherwise streamed, to the same bytes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import psutil
import torch
from numpy.typing import NDArray

from benchmark.data.manifest import Manifest
from benchmark.data.reader import THREADS, Part
from benchmark.data.staging import staged
from benchmark.definition.settings import Settings
from benchmark.launch.rank import Rank
from reference.task import Batch

BATCHES_AHEAD = 3
"""That are read while the network works on another: the memory of streaming is that of this many batches."""

Chosen = range | NDArray[np.int64]
"""Numbers of samples within a rank's part: neighbours, or any."""


class Samples(Protocol):
    """A rank's part of a split. `device` is where its batches are."""

    device: torch.device

    def __len__(self) -> int: ...

    def batches(self, choices: Iterable[Chosen]) -> Iterator[Batch]:
        """The fields of the schema for each choice of n samples. They may be overwritten when the next batch is asked
        for."""


class SamplesInMemory:
    """The whole part on the device. Raises what reading it raises."""

    def __init__(self, part: Part, device: torch.device) -> None:
        self.device = device
        self._count = len(part)
        self._fields = {name: torch.from_numpy(values).to(device) for name, values in part.read_whole().items()}

    def __len__(self) -> int:
        return self._count

    def batches(self, choices: Iterable[Chosen]) -> Iterator[Batch]:
        """Batches of the chosen samples, from memory."""
        for chosen in choices:
            which = (
                slice(chosen.start, chosen.stop)
                if isinstance(chosen, range)
                else torch.from_numpy(chosen).to(self.device)
            )
            yield {name: values[which] for name, values in self._fields.items()}


class SamplesStreamed:
    """The part read batch by batch, by threads that keep ahead of the network."""

    def __init__(self, part: Part, device: torch.device) -> None:
        self.device = device
        self._part = part

    def __len__(self) -> int:
        return len(self._part)

    def batches(self, choices: Iterable[Chosen]) -> Iterator[Batch]:
        """Batches of the chosen samples, read some batches ahead."""
        unused: deque[Batch] = deque()  # memory that the kernel would otherwise have to clear again for every batch
        ahead: deque[Future[Batch]] = deque()
        remaining = iter(choices)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="reader") as pool:
            while True:
                for chosen in islice(remaining, BATCHES_AHEAD + 1 - len(ahead)):
                    ahead.append(pool.submit(self._read, np.asarray(chosen), unused.pop() if unused else None))
                if not ahead:
                    return
                batch = ahead.popleft().result()
                if self.device.type == "cpu":
                    yield batch
                    unused.append(batch)
                else:  # torch keeps pinned memory for reuse by itself, once it has been copied
                    yield {name: values.to(self.device, non_blocking=True) for name, values in batch.items()}

    def _read(self, chosen: NDArray[np.int64], batch: Batch | None) -> Batch:
        if batch is None or any(len(values) != len(chosen) for values in batch.values()):
            # A GPU fetches from pinned memory by itself, while this process goes on.
            pin = self.device.type == "cuda"
            batch = {
                each.name: torch.empty((len(chosen), *each.shape), dtype=getattr(torch, each.dtype), pin_memory=pin)
                for each in self._part.schema.fields
            }
        self._part.read(chosen, {name: values.numpy() for name, values in batch.items()})
        return batch


class InOrder:
    """Every sample once, in batches of neighbours; to be iterated any number of times."""

    def __init__(self, samples: Samples, batch: int) -> None:
        self._samples = samples
        self._choices = [range(at, min(at + batch, len(samples))) for at in range(0, len(samples), batch)]

    def __len__(self) -> int:
        """How many batches there are."""
        return len(self._choices)

    def __iter__(self) -> Iterator[Batch]:
        return self._samples.batches(self._choices)


@dataclass(frozen=True)
class Splits:
    """A rank's parts of the three splits. Of `test` nothing but the sizes of its shards has been looked at."""

    train: Samples
    dev: Samples
    test: Samples
    in_memory: bool
    staged_bytes: int


@contextmanager
def opened_splits(
    manifest: Manifest, settings: Settings, rank: Rank, device: torch.device, token: int, barrier: Callable[[], None]
) -> Iterator[Splits]:
    """This rank's samples while the block lasts, after all that the settings ask for: copies, memory.

    `token` is the same on all ranks and new in each run. Raises StemdlError for shards that are missing, changed or
    unreadable, and for a disk that cannot take the copies.
    """
    test = Part(manifest, "test", rank.rank, rank.size)  # a fault in it should not wait until the end
    staged_bytes = 0
    with ExitStack() as held:
        if settings.stage:
            disk = Path(os.path.expandvars(settings.stage))
            copies = held.enter_context(staged(manifest, ("train", "dev"), disk, rank, token, barrier))
            manifest, staged_bytes = copies.manifest, copies.bytes
        parts = [Part(manifest, split, rank.rank, rank.size) for split in ("train", "dev")]
        in_memory = sum(part.bytes_in_memory() for part in parts) <= _memory_bytes(settings.memory_share, rank, device)
        train, dev = (SamplesInMemory(part, device) if in_memory else SamplesStreamed(part, device) for part in parts)
        yield Splits(train, dev, SamplesStreamed(test, device), in_memory, staged_bytes)


def _memory_bytes(share: float, rank: Rank, device: torch.device) -> float:
    """What this rank may fill with data: its part of that share of its node's memory, and of its GPU's."""
    most = share * psutil.virtual_memory().total / rank.local_size
    if device.type == "cuda":
        most = min(most, share * torch.cuda.get_device_properties(device).total_memory)
    return most
