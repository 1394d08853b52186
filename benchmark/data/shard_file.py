"""A shard that stays open for streaming: any sample at any time, each proven to be what it was when the shard was
hashed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data.shard_index import ShardIndex, StoredField, array_through_hdf5, stored_arrays
from benchmark.data.storage import coding_of
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True, eq=False)
class Seal:
    """What the bytes of a shard held when they were hashed: `index`, and of each field the SHA-256 of each sample's
    stored array."""

    index: ShardIndex
    digests: Mapping[str, tuple[bytes, ...]]

    @classmethod
    def of(cls, content: bytes, index: ShardIndex, path: Path) -> Seal:
        """The seal of a shard's bytes, which were read from `path`. Raises as `stored_arrays` does."""
        samples = range(len(index.names))
        return cls(
            index,
            {
                name: tuple(
                    hashlib.sha256(array.data).digest() for array in stored_arrays(content, path, index, lying, samples)
                )
                for name, lying in index.fields.items()
            },
        )


class ShardFile:
    """An open shard, closed with the last reference to it. Raises StemdlError for another array than the sealed one."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self.index = seal.index
        self._digests, self._path = seal.digests, path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._filtered: h5py.File | None = None

    def read_cached(self, sample: int, name: str, out: NDArray[Any]) -> bool:
        """Read a sample's field of that name into `out`, of the field's shape and type, if the page cache holds it. If
        not, storage begins to fetch it: it answers many requests sooner than one after the other."""
        lying = self.index.fields[name]
        if lying.offsets is None:
            return False
        offset = int(lying.offsets[sample])
        stored, left = _room(lying, out)
        try:
            done = os.preadv(self._descriptor, [left.data], offset, os.RWF_NOWAIT)
        except OSError:  # not cached, or a file system that cannot tell: what is really wrong `read` will meet again
            done = 0
        if done < len(left):
            os.posix_fadvise(self._descriptor, offset, len(left), os.POSIX_FADV_WILLNEED)
            return False
        self._keep(lying, sample, stored, out)
        return True

    def read(self, sample: int, name: str, out: NDArray[Any]) -> None:
        """A sample's field of that name into `out`, of the field's shape and type."""
        lying = self.index.fields[name]
        if lying.offsets is None:
            stored = array_through_hdf5(self._through_filter(), self._path, self.index, lying, sample)
            self._keep(lying, sample, stored, out)
            return
        stored, left = _room(lying, out)
        offset = int(lying.offsets[sample])
        while len(left):  # a file system may give less than it is asked for
            done = os.preadv(self._descriptor, [left.data], offset)
            if not done:
                raise StemdlError(
                    "a shard was cut off while it was in use",
                    found=f"{len(left)} bytes missing",
                    where=f"{self._path}: {self.index.name(sample)}",
                    expected=f"{stored.nbytes} bytes",
                )
            left, offset = left[done:], offset + done
        self._keep(lying, sample, stored, out)

    def _keep(self, lying: StoredField, sample: int, stored: NDArray[Any], out: NDArray[Any]) -> None:
        """Decode what was read, once it is proven."""
        expected = self._digests[lying.field.name][sample]
        if (found := hashlib.sha256(stored.data)).digest() != expected:
            raise StemdlError(
                "a shard changed while it was in use",
                where=f"{self._path}: {self.index.name(sample)}",
                expected=f"{lying.field.name} of sha256 {expected.hex()}",
                found=found.hexdigest(),
            )
        if stored is not out:
            out[...] = lying.decode(stored)

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


def _room(lying: StoredField, out: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Where the stored numbers go, and the same as bytes: `out` itself where they are what is wanted."""
    stored = out if lying.plain else np.empty(lying.field.shape, lying.stored)
    return stored, stored.reshape(-1).view(np.uint8)
