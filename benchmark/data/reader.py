"""Reads a rank's own part of a split: disjoint from the other ranks' parts, nothing padded or repeated.

A part is opened in no time and holds no patterns: a shard is read and hashed when its first sample is asked for, and at
most `OPEN_FILES` are open at once. Reading takes the memory of a shard per thread, whatever the size of the data set.
"""

from __future__ import annotations

import math
import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.data.manifest import Manifest
from benchmark.data.sealed import read_sealed
from benchmark.data.shard_file import Seal, ShardFile
from benchmark.data.shard_index import ShardIndex, index_shard, stored_stacks
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError

OPEN_FILES = 128
THREADS = 4
"""That read at the same time where much is read: a parallel file system answers several as soon as one."""


@dataclass(frozen=True)
class Shard:
    """A shard as its manifest has it, and the place of its first sample, counted through all shards."""

    path: Path
    bytes: int
    sha256: str
    samples: int
    first: int


def samples_of(manifest: Manifest, split: str) -> int:
    """How many samples a split has. Raises StemdlError where the data have no such split, or nothing in it."""
    if not (samples := manifest.samples.get(split, 0)):
        raise StemdlError(
            f"the data have no split {split!r}",
            where=manifest.folder,
            expected=f"samples of {', '.join(SPLITS)}",
            found=", ".join(f"{count} of {name}" for name, count in manifest.samples.items()) or "none",
        )
    return samples


def shards_of_part(
    manifest: Manifest, split: str, rank: int = 0, size: int = 1
) -> tuple[NDArray[np.int64], list[Shard]]:
    """A rank's samples of a split by their places, rising, counted through all shards; and the shards they are in.

    Ranks get neighbouring samples, the first ranks one more where they do not divide evenly: so a rank needs few shards
    and a node's disk holds few. Shards hold all classes mixed, as they are made; and so do parts.

    Raises StemdlError where the manifest has no such split, counts it wrongly, or leaves this rank without a sample.
    """
    expected = samples_of(manifest, split)
    shards: list[Shard] = []
    in_folder: list[range] = [range(0)]
    first = 0
    for entry in manifest.shards:
        shards.append(Shard(manifest.folder / entry["path"], entry["bytes"], entry["sha256"], entry["samples"], first))
        if entry["path"].startswith(f"{split}/"):
            in_folder.append(range(first, first + entry["samples"]))
        first += entry["samples"]
    places = np.concatenate(in_folder).astype(np.int64) if manifest.places is None else manifest.places[split]
    if len(places) != expected:
        raise StemdlError(
            f"the shards of {split!r} are not those that the manifest counts",
            where=manifest.folder,
            expected=f"{expected} samples",
            found=len(places),
        )
    share, more = divmod(len(places), size)
    start = rank * share + min(rank, more)
    part = places[start : start + share + (rank < more)]
    if not len(part):
        raise StemdlError(
            f"rank {rank} of {size} has no sample of {split!r}",
            where=manifest.folder,
            found=f"{len(places)} samples",
            remedy="use fewer ranks",
        )
    counts = np.diff(np.searchsorted(part, [shard.first for shard in shards] + [first]))
    return part, [shard for shard, count in zip(shards, counts, strict=True) if count]


class Part:
    """A rank's part of a split, read when asked for; by any number of threads, and after a fork by the child too.

    A shard is read whole before anything of it is used, and the bytes that are used are those whose SHA-256 was the
    manifest's: patterns and labels are taken from the very bytes that were hashed, or, in streams, from reads that give
    the same stack again.

    Raises StemdlError, naming rank and host, where a shard is missing or has not the manifest's size. Whatever else is
    wrong with a shard is raised where it is met: other bytes than the manifest's, a change while it is in use, what
    HDF5 cannot read, other samples, a label that is no class, intensities that are not finite.
    """

    def __init__(self, manifest: Manifest, split: str, rank: int = 0, size: int = 1) -> None:
        self._place = f"rank {rank} on {socket.gethostname()}"
        self._remedy = f"stemdl data verify {manifest.folder}"
        self._classes = {group: index for index, group in enumerate(manifest.space_groups)}
        self._own, self.shards = shards_of_part(manifest, split, rank, size)
        self._firsts = np.array([shard.first for shard in self.shards])
        self._is_finite = np.zeros(len(self._own), dtype=bool)
        self._files: OrderedDict[int, _File] = OrderedDict()
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._shape: tuple[int, ...] | None = None
        self._seals: list[Seal | None] = [None] * len(self.shards)
        self._shard_locks = [threading.Lock() for _ in self.shards]
        with self._placed():
            for shard in self.shards:
                _require_size(shard)

    def __len__(self) -> int:
        return len(self._own)

    def stack_shape(self) -> tuple[int, ...]:
        """(3, pixels, pixels) of a sample. Reads the first shard."""
        if self._shape is None:
            with self._placed():
                self._load(0)
        return self._shape

    def bytes_in_memory(self) -> int:
        """Of all patterns of the part, as `read_whole` gives them."""
        return len(self) * math.prod(self.stack_shape()) * np.dtype(np.float32).itemsize

    def read(self, chosen: NDArray[np.int64], out: NDArray[np.float32]) -> NDArray[np.int64]:
        """Samples by their numbers within the part: intensities into `out`, (n, 3, pixels, pixels) float32 in one
        piece; returns their labels (n,), class indices."""
        labels = np.empty(len(chosen), dtype=np.int64)
        places = self._own[chosen]
        shards = np.searchsorted(self._firsts, places, side="right") - 1
        with self._placed():
            waiting = []
            for row in np.argsort(chosen).tolist():  # neighbours in a file one after the other
                which = int(shards[row])
                file, sample = self._file(which), int(places[row]) - self.shards[which].first
                labels[row] = file.index.labels[sample]
                if not file.read_cached(sample, out[row]):
                    waiting.append((row, file, sample))
            for row, file, sample in waiting:
                file.read(sample, out[row])
            for row in np.flatnonzero(~self._is_finite[chosen]).tolist():
                which = int(shards[row])
                self._require_finite(
                    which, self._seal(which).index, int(places[row]) - self.shards[which].first, out[row]
                )
                self._is_finite[chosen[row]] = True
        return labels

    def read_whole(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """All patterns (n, 3, pixels, pixels) and labels (n,) of the part, in order. Each shard is read once."""
        with self._placed():
            first = self._load(0)
        patterns = np.empty((len(self), *first[1].shape), dtype=np.float32)
        labels = np.empty(len(self), dtype=np.int64)

        def take(which: int) -> None:
            content, index = first if which == 0 else self._load(which)
            shard = self.shards[which]
            start, stop = np.searchsorted(self._own, [shard.first, shard.first + shard.samples])
            samples = self._own[start:stop] - shard.first
            labels[start:stop] = index.labels[samples]
            for row, stored in enumerate(stored_stacks(content, shard.path, index, samples), start=start):
                patterns[row] = index.coding.decode(stored)
                self._require_finite(which, index, int(samples[row - start]), patterns[row])

        with self._placed(), ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(take, range(len(self.shards))))
        return patterns, labels

    @contextmanager
    def _placed(self) -> Iterator[None]:
        """Errors of the block say which rank met them, on which host, and how to find out more."""
        try:
            yield
        except StemdlError as error:
            raise StemdlError(
                error.what,
                where=f"{self._place}: {error.where}",
                expected=error.expected,
                found=error.found,
                remedy=error.remedy or self._remedy,
            ) from error
        except OSError as error:
            raise StemdlError(
                "a shard cannot be read",
                where=f"{self._place}: {error.filename}",
                found=error.strerror or error,
                remedy=self._remedy,
            ) from error

    def _load(self, which: int) -> tuple[bytes, ShardIndex]:
        """The bytes of a shard, proven to be the manifest's, and the index of these bytes."""
        shard = self.shards[which]
        content = read_sealed(shard.path, shard.sha256)
        with self._lock:  # HDF5 does one thing at a time: threads that wait for it in Python's lock take twice as long
            index = index_shard(content, shard.path, shard.samples, self._classes)
            self._shape = self._shape or index.shape
        if index.shape != self._shape:
            raise StemdlError(
                "a shard has patterns of another size", where=shard.path, expected=self._shape, found=index.shape
            )
        return content, index

    def _seal(self, which: int) -> Seal:
        """What a shard must give whenever a sample of it is read; found when the first one is."""
        with self._shard_locks[which]:
            seal = self._seals[which]
            if seal is None:
                seal = self._seals[which] = Seal.of(*self._load(which), self.shards[which].path)
        return seal

    def _file(self, which: int) -> ShardFile:
        """The open shard. One that is put out of the cache stays open until the last thread has done with it."""
        seal = self._seal(which)
        with self._lock:
            if self._process != os.getpid():  # a file must not be shared with the process that this one came from
                self._files, self._process = OrderedDict(), os.getpid()
            if which not in self._files:
                self._files[which] = ShardFile(self.shards[which].path, seal)
                if len(self._files) > OPEN_FILES:
                    self._files.popitem(last=False)
            self._files.move_to_end(which)
            return self._files[which]

    def _require_finite(self, which: int, index: ShardIndex, sample: int, stack: NDArray[np.float32]) -> None:
        if not np.isfinite(stack.sum()) and (bad := np.count_nonzero(~np.isfinite(stack))):
            raise StemdlError(
                "intensities are not finite",
                expected="finite numbers",
                where=f"{self.shards[which].path}: {index.name(sample)}",
                found=f"{bad} of {stack.size} are NaN or infinite",
            )


def _require_size(shard: Shard) -> None:
    """Raises StemdlError where a shard is missing, or its size is not the manifest's."""
    try:
        found = shard.path.stat().st_size
    except FileNotFoundError as error:
        raise StemdlError("a shard is missing", where=shard.path) from error
    if found != shard.bytes:
        raise StemdlError(
            "a shard has changed since the manifest was written, or was cut off",
            where=shard.path,
            expected=f"{shard.bytes} bytes",
            found=found,
        )
