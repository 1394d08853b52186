"""Reads a rank's own part of a split: disjoint from the other ranks' parts, nothing padded or repeated.

A part is opened in no time and holds no arrays: a shard is read and hashed when its first sample is asked for, and at
most `OPEN_FILES` are open at once. Reading takes the memory of a shard per thread, whatever the size of the data set.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.manifest import Manifest
from benchmark.data.sealed import read_sealed
from benchmark.data.shard_file import Seal, ShardFile
from benchmark.data.shard_index import ShardIndex, index_shard, indices_of, stored_arrays
from benchmark.definition import dealing
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import counted, progress
from benchmark.foundation.text import typed

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
    own = dealing.part(len(places), rank, size)
    part = places[own.start : own.stop]
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
    manifest's: arrays and classes are taken from the very bytes that were hashed, or, in streams, from reads that give
    the same array again.

    Raises StemdlError, naming rank and host, where a shard is missing or has not the manifest's size. Whatever else is
    wrong with a shard is raised where it is met: other bytes than the manifest's, a change while it is in use, what
    HDF5 cannot read, other samples, a label that is not a class, numbers that are not finite.
    """

    def __init__(self, manifest: Manifest, split: str, rank: int = 0, size: int = 1) -> None:
        self._split, self._rank = split, rank
        self._place = f"rank {rank} on {socket.gethostname()}"
        self._remedy = f"stemdl data verify {typed(manifest.folder)}"
        self._own, self.shards = shards_of_part(manifest, split, rank, size)
        self._firsts = np.array([shard.first for shard in self.shards])
        self._is_finite = np.zeros(len(self._own), dtype=bool)
        self._files: OrderedDict[int, ShardFile] = OrderedDict()
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._seals: list[Seal | None] = [None] * len(self.shards)
        self._shard_locks = [threading.Lock() for _ in self.shards]
        with self._placed():
            for shard in self.shards:
                _require_size(shard)
            self.schema = manifest.schema
        self._classes = indices_of(self.schema)
        self._floats = tuple(each.name for each in self.schema.fields if each.dtype.startswith("float"))

    def __len__(self) -> int:
        return len(self._own)

    def bytes_in_memory(self) -> int:
        """The size of all samples of the part, as `read_whole` gives them."""
        return len(self) * self.schema.bytes

    def empty(self, count: int) -> dict[str, NDArray[Any]]:
        """Arrays for so many samples, one for each field of the schema by its name, to be filled."""
        return {each.name: np.empty((count, *each.shape), dtype=each.dtype) for each in self.schema.fields}

    def read(self, chosen: NDArray[np.int64], out: Mapping[str, NDArray[Any]]) -> None:
        """Samples by their numbers within the part, n of them, into `out`: of each field an array of its shape after
        (n,), and of its type, in one piece. Targets that are classes are class indices."""
        places = self._own[chosen]
        shards = np.searchsorted(self._firsts, places, side="right") - 1
        with self._placed():
            waiting = []
            for row in np.argsort(chosen).tolist():  # neighbours in a file one after the other
                which = int(shards[row])
                file, sample = self._file(which), int(places[row]) - self.shards[which].first
                for target, indices in file.index.classes.items():
                    out[target][row] = indices[sample]
                for name in file.index.fields:
                    if not file.read_cached(sample, name, out[name][row, ...]):
                        waiting.append((row, file, sample, name))
            for row, file, sample, name in waiting:
                file.read(sample, name, out[name][row, ...])
            for row in np.flatnonzero(~self._is_finite[chosen]).tolist():
                which = int(shards[row])
                sample = int(places[row]) - self.shards[which].first
                self._require_finite(which, self._seal(which).index, sample, row, out)
                self._is_finite[chosen[row]] = True

    def read_whole(self) -> dict[str, NDArray[Any]]:
        """All samples of the part in order: of each field an array (n, ...), in the schema's order. Each shard is read
        once."""
        whole = self.empty(len(self))

        def take(which: int) -> None:
            content, index = self._load(which)
            shard = self.shards[which]
            start, stop = np.searchsorted(self._own, [shard.first, shard.first + shard.samples])
            samples = self._own[start:stop] - shard.first
            for target, indices in index.classes.items():
                whole[target][start:stop] = indices[samples]
            for name, lying in index.fields.items():
                for row, stored in enumerate(stored_arrays(content, shard.path, index, lying, samples), start=start):
                    whole[name][row] = lying.decode(stored)
            for row in range(start, stop):
                self._require_finite(which, index, int(samples[row - start]), row, whole)

        shards = len(self.shards)
        with (
            self._placed(),
            progress(f"Reading {self._split}", shards, "shards", last=False, rank=self._rank) as advance,
            ThreadPoolExecutor(THREADS) as pool,
        ):
            for _ in counted(pool.map(take, range(shards)), advance):
                pass
        return whole

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
            index = index_shard(content, shard.path, shard.samples, self.schema, self._classes)
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

    def _require_finite(
        self, which: int, index: ShardIndex, sample: int, row: int, arrays: Mapping[str, NDArray[Any]]
    ) -> None:
        """Raises StemdlError where a number of one row of the arrays is not finite."""
        for name in self._floats:
            array = arrays[name][row]
            if not np.isfinite(array.sum()) and (bad := np.count_nonzero(~np.isfinite(array))):
                raise StemdlError(
                    f"{name} is not finite",
                    expected="finite numbers",
                    where=f"{self.shards[which].path}: {index.name(sample)}",
                    found=f"{bad} of {array.size} are NaN or infinite",
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
