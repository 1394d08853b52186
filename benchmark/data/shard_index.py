"""Where the samples of one shard lie and what their labels are: found once, so that patterns are read past HDF5.

HDF5 does one thing at a time in a process, and opening a sample takes it longer than reading one of the mini rung. But
patterns without a filter lie in one piece, so that their place is all one needs: the kernel reads them from there, in
as many threads as one likes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.data import schema
from benchmark.data.storage import Coding, coding_of
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """The samples of a shard, in the order of their numbers.

    Attributes
    ----------
    names : (n,) bytes, of their groups. labels : (n,) class indices. shape : (3, pixels, pixels) of every sample.
    coding, stored : how the stored numbers stand for intensities, and their type.
    offsets : (n,) bytes from the start of the file to each sample's stored numbers; None where a filter is between.
    """

    names: NDArray[np.bytes_]
    labels: NDArray[np.int64]
    shape: tuple[int, ...]
    coding: Coding
    stored: np.dtype
    offsets: NDArray[np.int64] | None

    @property
    def stack_bytes(self) -> int:
        """Of a sample as it is stored."""
        return math.prod(self.shape) * self.stored.itemsize

    def name(self, sample: int) -> str:
        return self.names[sample].decode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShardIndex) and all(
            np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))


def index_shard(path: Path, samples: int, classes: Mapping[int, int]) -> ShardIndex:
    """The index of a shard that should hold `samples` samples of the space groups in `classes` (to class index).

    Takes 0.06 ms a sample from the page cache. Raises StemdlError where it holds other ones, or HDF5 cannot read it.
    """
    import h5py

    try:
        with h5py.File(path, "r") as shard:
            names = schema.sample_names(shard)
            if len(names) != samples or not names:
                raise StemdlError("a shard does not hold what the manifest says", where=path,
                                  expected=f"{samples} samples", found=len(names))
            first = shard[names[0]][schema.STACK]
            if len(first.shape) != 3 or first.shape[0] != schema.PROJECTIONS or first.shape[1] != first.shape[2]:
                raise StemdlError("a sample is no stack of patterns", where=f"{path}: {names[0]}",
                                  expected=f"({schema.PROJECTIONS}, pixels, pixels)", found=first.shape)
            labels = np.array([_class_of(shard, name, classes) for name in names], dtype=np.int64)
            return ShardIndex(np.array(names, dtype=np.bytes_), labels, first.shape, coding_of(shard), first.dtype,
                              _offsets(shard, names, first))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise StemdlError("a shard cannot be read", where=path, found=error) from error


def _class_of(shard: h5py.File, name: str, classes: Mapping[int, int]) -> int:
    """The class of a sample. Read by HDF5's own calls: h5py's attributes take four times as long."""
    import h5py

    where = f"{shard.filename}: {name}"
    attribute = h5py.h5a.open(shard.id, b"space_group", obj_name=name.encode())
    label = np.empty(attribute.shape, attribute.dtype)
    attribute.read(label)
    group = schema.space_group_of(label[()], where)
    if group not in classes:
        raise StemdlError("a label is none of the data set's space groups", where=where, found=group,
                          expected=", ".join(map(str, classes)))
    return classes[group]


def _offsets(shard: h5py.File, names: list[str], first: h5py.Dataset) -> NDArray[np.int64] | None:
    """Where each stack lies. Raises StemdlError where one has another size than the first."""
    import h5py

    if first.chunks is not None:
        return None
    stack_bytes = first.size * first.dtype.itemsize
    offsets = np.empty(len(names), dtype=np.int64)
    for number, name in enumerate(names):
        stack = h5py.h5d.open(shard.id, f"{name}/{schema.STACK}".encode())
        if (found := stack.get_storage_size()) != stack_bytes:
            raise StemdlError("a sample has another size than those before it", where=f"{shard.filename}: {name}",
                              expected=f"{stack_bytes} bytes", found=found)
        offsets[number] = stack.get_offset()
    return offsets
