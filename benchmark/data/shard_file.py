"""A shard that stays open for streaming: any sample at any time, each proven to be what it was when the shard was
hashed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.data.shard_index import ShardIndex, stack_through_hdf5, stored_stacks
from benchmark.data.storage import coding_of
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True, eq=False)
class Seal:
    """What the bytes of a shard held when they were hashed: `index`, and the SHA-256 of each stored stack."""

    index: ShardIndex
    digests: tuple[bytes, ...]

    @classmethod
    def of(cls, content: bytes, index: ShardIndex, path: Path) -> Seal:
        """Of the bytes of a shard, which were read from `path`. Raises as `stored_stacks` does."""
        stacks = stored_stacks(content, path, index, range(len(index.names)))
        return cls(index, tuple(hashlib.sha256(stack).digest() for stack in stacks))


class ShardFile:
    """An open shard; closed with the last reference to it. Raises StemdlError for a stack that is not the sealed one."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self.index = seal.index
        self._digests, self._path = seal.digests, path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._filtered: h5py.File | None = None

    def read_cached(self, sample: int, out: NDArray[np.float32]) -> bool:
        """Read a sample's intensities into `out`, (3, pixels, pixels), if the page cache holds them. If not, storage
        begins to fetch them: it answers many requests sooner than one after the other."""
        if self.index.offsets is None:
            return False
        offset = int(self.index.offsets[sample])
        stored, left = self._room(out)
        try:
            done = os.preadv(self._descriptor, [left], offset, os.RWF_NOWAIT)
        except OSError:  # not cached, or a file system that cannot tell: what is really wrong `read` will meet again
            done = 0
        if done < len(left):
            os.posix_fadvise(self._descriptor, offset, len(left), os.POSIX_FADV_WILLNEED)
            return False
        self._keep(sample, stored, out)
        return True

    def read(self, sample: int, out: NDArray[np.float32]) -> None:
        """A sample's intensities into `out`, (3, pixels, pixels)."""
        if self.index.offsets is None:
            self._keep(sample, stack_through_hdf5(self._through_filter(), self._path, self.index, sample), out)
            return
        stored, left = self._room(out)
        offset = int(self.index.offsets[sample])
        while len(left):  # a file system may give less than it is asked for
            done = os.preadv(self._descriptor, [left], offset)
            if not done:
                raise StemdlError(
                    "a shard was cut off while it was in use",
                    found=f"{len(left)} bytes missing",
                    where=f"{self._path}: {self.index.name(sample)}",
                    expected=f"{stored.nbytes} bytes",
                )
            left, offset = left[done:], offset + done
        self._keep(sample, stored, out)

    def _keep(self, sample: int, stored: NDArray, out: NDArray[np.float32]) -> None:
        """Decode what was read, once it is proven."""
        if (found := hashlib.sha256(stored)).digest() != self._digests[sample]:
            raise StemdlError(
                "a shard changed while it was in use",
                where=f"{self._path}: {self.index.name(sample)}",
                expected=f"a stack of sha256 {self._digests[sample].hex()}",
                found=found.hexdigest(),
            )
        if stored is not out:
            out[:] = self.index.coding.decode(stored)

    def _room(self, out: NDArray[np.float32]) -> tuple[NDArray, NDArray[np.uint8]]:
        """Where the stored numbers go, and the same as bytes: `out` itself where they are what is wanted."""
        plain = self.index.stored == np.float32 and self.index.coding.encoding == "float32"
        stored = out if plain else np.empty(self.index.shape, self.index.stored)
        return stored, stored.reshape(-1).view(np.uint8)

    def _through_filter(self) -> h5py.File:
        import h5py

        try:
            if self._filtered is None:
                opened = h5py.File(self._path, "r")
                coding_of(opened)  # has HDF5 know the filter
                self._filtered = opened  # other threads may read from here on
        except OSError as error:
            raise StemdlError("a shard cannot be read", where=self._path, found=error) from error
        return self._filtered

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)
