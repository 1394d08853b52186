"""Where the samples of one shard lie and what their labels are: found in its bytes once they are proven to be the
manifest's, so that patterns are read past HDF5.

HDF5 does one thing at a time in a process, and opening a sample takes it longer than reading one of the mini rung. But
patterns without a filter lie in one piece, so that their place is all one needs: the kernel reads them from there, in
as many threads as one likes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.data import schema
from benchmark.data.sealed import opened_image
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

    def name(self, sample: int) -> str:
        return self.names[sample].decode()


def index_shard(content: bytes, path: Path, samples: int, classes: Mapping[int, int]) -> ShardIndex:
    """The index of a shard, by the bytes that were read from `path`; it should hold `samples` samples of the space
    groups in `classes` (to class index).

    Takes 0.1 ms per sample. Raises StemdlError where it holds other ones, or HDF5 cannot read it.
    """
    try:
        with opened_image(content, path) as shard:
            names = schema.sample_names(shard)
            if len(names) != samples or not names:
                raise StemdlError(
                    "a shard does not hold what the manifest says",
                    where=path,
                    expected=f"{samples} samples",
                    found=len(names),
                )
            first = shard[names[0]][schema.STACK]
            if len(first.shape) != 3 or first.shape[0] != schema.PROJECTIONS or first.shape[1] != first.shape[2]:
                raise StemdlError(
                    "a sample is no stack of patterns",
                    where=f"{path}: {names[0]}",
                    expected=f"({schema.PROJECTIONS}, pixels, pixels)",
                    found=first.shape,
                )
            labels = np.array([_class_of(shard, name, classes) for name in names], dtype=np.int64)
            return ShardIndex(
                np.array(names, dtype=np.bytes_),
                labels,
                first.shape,
                coding_of(shard),
                first.dtype,
                _offsets(shard, names, first),
            )
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
        raise StemdlError(
            "a label is none of the data set's space groups",
            where=where,
            found=group,
            expected=", ".join(map(str, classes)),
        )
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
            raise StemdlError(
                "a sample has another size than those before it",
                where=f"{shard.filename}: {name}",
                expected=f"{stack_bytes} bytes",
                found=found,
            )
        offsets[number] = stack.get_offset()
    return offsets


def stored_stacks(
    content: bytes, path: Path, index: ShardIndex, samples: Iterable[int]
) -> Iterator[NDArray[np.generic]]:
    """The stored numbers of some samples, each of the index's shape and type, from the bytes that the index is of.

    Raises StemdlError where HDF5 cannot read one, or it has another size or type.
    """
    if index.offsets is not None:
        for sample in samples:
            yield np.frombuffer(content, index.stored, math.prod(index.shape), int(index.offsets[sample])).reshape(
                index.shape
            )
        return
    with opened_image(content, path) as opened:
        for sample in samples:
            yield stack_through_hdf5(opened, path, index, sample)


def stack_through_hdf5(opened: h5py.File, path: Path, index: ShardIndex, sample: int) -> NDArray[np.generic]:
    """What is stored of a sample behind a filter. Read by HDF5's own calls: h5py's take three times as long."""
    import h5py

    name, stored = index.name(sample), np.empty(index.shape, index.stored)
    try:
        stack = h5py.h5d.open(opened.id, f"{name}/{schema.STACK}".encode())
        if (stack.shape, stack.dtype) != (index.shape, index.stored):  # it would be written past the array's end
            raise StemdlError(
                "a sample has another size or type than those before it",
                where=f"{path}: {name}",
                expected=f"{index.shape} {index.stored}",
                found=f"{stack.shape} {stack.dtype}",
            )
        stack.read(h5py.h5s.ALL, h5py.h5s.ALL, stored)
    except (RuntimeError, KeyError, OSError) as error:
        raise StemdlError("a shard cannot be read", where=f"{path}: {name}", found=error) from error
    return stored
