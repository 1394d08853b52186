"""Reads a rank's own part of a split: disjoint from the other ranks' parts, nothing padded or repeated.

A part is opened in no time and holds no patterns: a shard is opened when its first sample is asked for, and at most
`OPEN_FILES` are open at once. So the memory that reading takes does not grow with the data set.
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

from benchmark.data import schema
from benchmark.data.index_file import read_index
from benchmark.data.manifest import Manifest
from benchmark.data.shard_index import ShardIndex, index_shard
from benchmark.data.storage import coding_of
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file

OPEN_FILES = 128
THREADS = 4
"""That read at the same time where much is read: a parallel file system answers several as soon as one."""
SAMPLES_AT_ONCE = 32


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
        raise StemdlError(f"the data have no split {split!r}", where=manifest.folder,
                          expected=f"samples of {', '.join(SPLITS)}",
                          found=", ".join(f"{count} of {name}" for name, count in manifest.samples.items()) or "none")
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
        raise StemdlError(f"the shards of {split!r} are not those that the manifest counts", where=manifest.folder,
                          expected=f"{expected} samples", found=len(places))
    share, more = divmod(len(places), size)
    start = rank * share + min(rank, more)
    part = places[start:start + share + (rank < more)]
    if not len(part):
        raise StemdlError(f"rank {rank} of {size} has no sample of {split!r}", where=manifest.folder,
                          found=f"{len(places)} samples", remedy="use fewer ranks")
    counts = np.diff(np.searchsorted(part, [shard.first for shard in shards] + [first]))
    return part, [shard for shard, count in zip(shards, counts, strict=True) if count]


class Part:
    """A rank's part of a split, read when asked for; by any number of threads, and after a fork by the child too.

    Raises StemdlError, naming rank and host, where a shard is missing or has not the manifest's size. Whatever else is
    wrong with a shard is raised where it is met: one that changes while it is in use, that HDF5 cannot read or that
    holds other samples, a label that is no class, intensities that are not finite.
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
        with self._placed():
            self._versions = [_version_of(shard) for shard in self.shards]
            written_ns, known = read_index(manifest.folder, manifest.sha256, manifest.shards)
        self._indices = [known.get(shard.path) if changed_ns <= written_ns else None
                         for shard, (_, changed_ns) in zip(self.shards, self._versions, strict=True)]

    def __len__(self) -> int:
        return len(self._own)

    def stack_shape(self) -> tuple[int, ...]:
        """(3, pixels, pixels) of a sample. Opens the first shard."""
        with self._placed():
            return self._index(0).shape

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
                index, file, sample = self._index(which), self._file(which), int(places[row]) - self.shards[which].first
                labels[row] = index.labels[sample]
                if not file.read_cached(index, sample, out[row]):
                    waiting.append((row, index, file, sample))
            for row, index, file, sample in waiting:
                file.read(index, sample, out[row])
            for row in np.flatnonzero(~self._is_finite[chosen]).tolist():
                which = int(shards[row])
                self._require_finite(which, int(places[row]) - self.shards[which].first, out[row])
                self._is_finite[chosen[row]] = True
        return labels

    def read_whole(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """All patterns (n, 3, pixels, pixels) and labels (n,) of the part, in order."""
        patterns = np.empty((len(self), *self.stack_shape()), dtype=np.float32)
        starts = range(0, len(self), SAMPLES_AT_ONCE)
        with ThreadPoolExecutor(THREADS) as pool:
            labels = list(pool.map(
                lambda start: self.read(np.arange(start, min(start + SAMPLES_AT_ONCE, len(self))),
                                        patterns[start:start + SAMPLES_AT_ONCE]), starts))
        return patterns, np.concatenate(labels)

    def check_hashes(self) -> None:
        """Read the part's shards through and hold their SHA-256 against the manifest's. Raises StemdlError."""
        with self._placed(), ThreadPoolExecutor(THREADS) as pool:
            for shard, found in zip(self.shards, pool.map(sha256_of_file, (each.path for each in self.shards)),
                                    strict=True):
                if found != shard.sha256:
                    raise StemdlError("a shard has changed since the manifest was written", where=shard.path,
                                      expected=f"sha256 {shard.sha256}", found=found)

    @contextmanager
    def _placed(self) -> Iterator[None]:
        """Errors of the block say which rank met them, on which host, and how to find out more."""
        try:
            yield
        except StemdlError as error:
            raise StemdlError(error.what, where=f"{self._place}: {error.where}", expected=error.expected,
                              found=error.found, remedy=error.remedy or self._remedy) from error
        except OSError as error:
            raise StemdlError("a shard cannot be read", where=f"{self._place}: {error.filename}",
                              found=error.strerror or error, remedy=self._remedy) from error

    def _index(self, which: int) -> ShardIndex:
        index = self._indices[which]
        if index is None:
            with self._lock:
                index = self._indices[which]
                if index is None:
                    shard = self.shards[which]
                    index = index_shard(shard.path, shard.samples, self._classes)
                    known = next((each for each in self._indices if each is not None), index)
                    if index.shape != known.shape:
                        raise StemdlError("a shard has patterns of another size", where=shard.path,
                                          expected=known.shape, found=index.shape)
                    self._indices[which] = index
        return index

    def _file(self, which: int) -> _File:
        """The open shard. One that is put out of the cache stays open until the last thread has done with it."""
        with self._lock:
            if self._process != os.getpid():  # a file must not be shared with the process that this one came from
                self._files, self._process = OrderedDict(), os.getpid()
            if which not in self._files:
                if _version_of(self.shards[which]) != self._versions[which]:
                    raise StemdlError("a shard changed while it was in use", where=self.shards[which].path)
                self._files[which] = _File(self.shards[which].path)
                if len(self._files) > OPEN_FILES:
                    self._files.popitem(last=False)
            self._files.move_to_end(which)
            return self._files[which]

    def _require_finite(self, which: int, sample: int, stack: NDArray[np.float32]) -> None:
        if not np.isfinite(stack.sum()) and (bad := np.count_nonzero(~np.isfinite(stack))):
            raise StemdlError("intensities are not finite", expected="finite numbers",
                              where=f"{self.shards[which].path}: {self._index(which).name(sample)}",
                              found=f"{bad} of {stack.size} are NaN or infinite")


def _version_of(shard: Shard) -> tuple[int, int]:
    """Size in bytes and time of change in ns of a shard. Raises StemdlError where the size is not the manifest's."""
    try:
        found = shard.path.stat()
    except FileNotFoundError as error:
        raise StemdlError("a shard is missing", where=shard.path) from error
    if found.st_size != shard.bytes:
        raise StemdlError("a shard has changed since the manifest was written, or was cut off", where=shard.path,
                          expected=f"{shard.bytes} bytes", found=found.st_size)
    return found.st_size, found.st_mtime_ns


class _File:
    """An open shard; closed with the last reference to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._filtered = None

    def read_cached(self, index: ShardIndex, sample: int, out: NDArray[np.float32]) -> bool:
        """Read a sample if the page cache holds it. If not, storage begins to fetch it: it answers many requests sooner
        than one after the other."""
        if index.offsets is None:
            return False
        offset = int(index.offsets[sample])
        stored, left = self._room(index, out)
        try:
            done = os.preadv(self._descriptor, [left], offset, os.RWF_NOWAIT)
        except OSError:  # not cached, or a file system that cannot tell: what is really wrong `read` will meet again
            done = 0
        if done < len(left):
            os.posix_fadvise(self._descriptor, offset, len(left), os.POSIX_FADV_WILLNEED)
            return False
        if stored is not out:
            out[:] = index.coding.decode(stored)
        return True

    def read(self, index: ShardIndex, sample: int, out: NDArray[np.float32]) -> None:
        """A sample's intensities into `out`, (3, pixels, pixels)."""
        if index.offsets is None:
            out[:] = index.coding.decode(self._through_hdf5(index, index.name(sample)))
            return
        stored, left = self._room(index, out)
        offset = int(index.offsets[sample])
        while len(left):  # a file system may give less than it is asked for
            done = os.preadv(self._descriptor, [left], offset)
            if not done:
                raise StemdlError("a shard was cut off while it was in use", found=f"{len(left)} bytes missing",
                                  where=f"{self._path}: {index.name(sample)}", expected=f"{stored.nbytes} bytes")
            left, offset = left[done:], offset + done
        if stored is not out:
            out[:] = index.coding.decode(stored)

    @staticmethod
    def _room(index: ShardIndex, out: NDArray[np.float32]) -> tuple[NDArray, NDArray[np.uint8]]:
        """Where the stored numbers go, and the same as bytes: `out` itself where they are what is wanted."""
        plain = index.stored == np.float32 and index.coding.encoding == "float32"
        stored = out if plain else np.empty(index.shape, index.stored)
        return stored, stored.reshape(-1).view(np.uint8)

    def _through_hdf5(self, index: ShardIndex, name: str) -> NDArray:
        """What is stored of a sample behind a filter. Read by HDF5's own calls: h5py's take three times as long."""
        import h5py

        stored = np.empty(index.shape, index.stored)
        try:
            if self._filtered is None:
                opened = h5py.File(self._path, "r")
                coding_of(opened)  # has HDF5 know the filter, which an index from its file has not
                self._filtered = opened  # other threads may read from here on
            stack = h5py.h5d.open(self._filtered.id, f"{name}/{schema.STACK}".encode())
            if (stack.shape, stack.dtype) != (index.shape, index.stored):  # it would be written past the array's end
                raise StemdlError("a sample has another size or type than those before it",
                                  where=f"{self._path}: {name}", expected=f"{index.shape} {index.stored}",
                                  found=f"{stack.shape} {stack.dtype}")
            stack.read(h5py.h5s.ALL, h5py.h5s.ALL, stored)
        except (RuntimeError, KeyError, OSError) as error:
            raise StemdlError("a shard cannot be read", where=f"{self._path}: {name}", found=error) from error
        return stored

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)
