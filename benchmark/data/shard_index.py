"""Where the samples of one shard lie and what their classes are: found in its bytes once they are proven to be the
manifest's, so that arrays are read past HDF5.

HDF5 does one thing at a time in a process, and opening a sample takes it longer than reading one of the mini rung. But
arrays without a filter lie in one piece, so that their place is all one needs: the kernel reads them from there, in as
many threads as one likes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.data import layout
from benchmark.data.sealed import opened_image
from benchmark.data.storage import Coding, coding_of
from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    import h5py

Classes = Mapping[str, Mapping[str, int]]
"""The index of each label of each target that is a class."""


@dataclass(frozen=True, eq=False)
class StoredField:
    """How one field of a shard's samples lies there.

    Attributes
    ----------
    coding : how the stored numbers stand for the field's; None where they are these. stored : their type.
    offsets : (n,) bytes from the start of the file to each sample's stored numbers; None where a filter is between.
    """

    field: Field
    coding: Coding | None
    stored: np.dtype[Any]
    offsets: NDArray[np.int64] | None

    @property
    def plain(self) -> bool:
        """Whether what is stored is what is wanted."""
        return self.stored == np.dtype(self.field.dtype) and (self.coding is None or self.coding.encoding == "float32")

    def decode(self, stored: NDArray[Any]) -> NDArray[Any]:
        """The field's numbers, of its type."""
        return stored.astype(self.field.dtype, copy=False) if self.coding is None else self.coding.decode(stored)


@dataclass(frozen=True, eq=False)
class ShardIndex:
    """The samples of a shard, in the order of their numbers.

    Attributes
    ----------
    names : (n,) bytes, of their groups.
    classes : of each target that is a class, (n,) class indices.
    fields : how all other fields lie, in the schema's order.
    """

    names: NDArray[np.bytes_]
    classes: Mapping[str, NDArray[np.int64]]
    fields: Mapping[str, StoredField]

    def name(self, sample: int) -> str:
        """The name of the group of a sample, by its place in the shard."""
        return bytes(self.names[sample]).decode()


def indices_of(samples: SampleSchema) -> Classes:
    """The index of each label of each class target."""
    return {name: {label: index for index, label in enumerate(labels)} for name, labels in samples.classes.items()}


def index_shard(content: bytes, path: Path, count: int, samples: SampleSchema, classes: Classes) -> ShardIndex:
    """The index of a shard, by the bytes that were read from `path`; it should hold `count` samples of the schema,
    whose labels have indices in `classes`.

    Takes 0.1 ms per sample. Raises StemdlError where it holds other ones, or HDF5 cannot read it.
    """
    try:
        with opened_image(content, path) as shard:
            names = layout.sample_names(shard)
            if len(names) != count or not names:
                raise StemdlError(
                    "a shard does not hold what the manifest says",
                    where=path,
                    expected=f"{count} samples",
                    found=len(names),
                )
            coding = coding_of(shard)
            labels = {
                target: np.array([_class_of(shard, name, target, indices) for name in names], dtype=np.int64)
                for target, indices in classes.items()
            }
            fields = {
                each.name: _stored(
                    shard, names, each, coding if each in samples.inputs and each.dtype == "float32" else None
                )
                for each in samples.fields
                if each.name not in classes
            }
            return ShardIndex(np.array(names, dtype=np.bytes_), labels, fields)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise StemdlError("a shard cannot be read", where=path, found=error) from error


def _class_of(shard: h5py.File, name: str, target: str, indices: Mapping[str, int]) -> int:
    """The class of a sample. Read by HDF5's own calls: h5py's attributes take four times as long."""
    import h5py

    where = f"{shard.filename}: {name}"
    attribute = h5py.h5a.open(shard.id, target.encode(), obj_name=name.encode())
    stored = np.empty(attribute.shape, attribute.dtype)
    attribute.read(stored)
    label = layout.label_of(stored[()])
    if label not in indices:
        raise StemdlError(
            f"a label is not one of the data set's {target.replace('_', ' ')}s",
            where=where,
            found=ascii(label)[1:-1][:40],
            expected=", ".join(indices),
        )
    return indices[label]


def _stored(shard: h5py.File, names: list[str], field: Field, coding: Coding | None) -> StoredField:
    """How a field lies. Raises StemdlError where the first sample has it in another shape, or a later one in another
    size than the first."""
    import h5py

    first = shard[names[0]][field.name]
    if first.shape != field.shape:
        raise StemdlError(
            f"{field.name} has another shape than the data set's",
            where=f"{shard.filename}: {names[0]}",
            expected=field.shape,
            found=first.shape,
        )
    if first.chunks is not None:
        return StoredField(field, coding, first.dtype, None)
    stored_bytes = first.size * first.dtype.itemsize
    offsets = np.empty(len(names), dtype=np.int64)
    for number, name in enumerate(names):
        array = h5py.h5d.open(shard.id, f"{name}/{field.name}".encode())
        if (found := array.get_storage_size()) != stored_bytes:
            raise StemdlError(
                "a sample has another size than those before it",
                where=f"{shard.filename}: {name}",
                expected=f"{stored_bytes} bytes",
                found=found,
            )
        offsets[number] = array.get_offset()
    return StoredField(field, coding, first.dtype, offsets)


def stored_arrays(
    content: bytes, path: Path, index: ShardIndex, lying: StoredField, samples: Iterable[int]
) -> Iterator[NDArray[Any]]:
    """The stored numbers of one field of some samples, from the bytes that the index is of.

    Raises StemdlError where HDF5 cannot read one, or it has another size or type.
    """
    shape = lying.field.shape
    if lying.offsets is not None:
        for sample in samples:
            yield np.frombuffer(content, lying.stored, math.prod(shape), int(lying.offsets[sample])).reshape(shape)
        return
    with opened_image(content, path) as opened:
        for sample in samples:
            yield array_through_hdf5(opened, path, index, lying, sample)


def array_through_hdf5(
    opened: h5py.File, path: Path, index: ShardIndex, lying: StoredField, sample: int
) -> NDArray[Any]:
    """What is stored of a sample's field behind a filter. Read by HDF5's own calls: h5py's take three times as long."""
    import h5py

    name, stored = index.name(sample), np.empty(lying.field.shape, lying.stored)
    try:
        array = h5py.h5d.open(opened.id, f"{name}/{lying.field.name}".encode())
        if (array.shape, array.dtype) != (stored.shape, stored.dtype):  # it would be written past the array's end
            raise StemdlError(
                "a sample has another size or type than those before it",
                where=f"{path}: {name}",
                expected=f"{stored.shape} {stored.dtype}",
                found=f"{array.shape} {array.dtype}",
            )
        if array.get_create_plist().get_layout() != h5py.h5d.CHUNKED:  # it may lie in a file that nobody hashed
            raise StemdlError(
                "a sample does not lie in its shard as those before it", where=f"{path}: {name}", expected="chunks"
            )
        array.read(h5py.h5s.ALL, h5py.h5s.ALL, stored)
    except (RuntimeError, KeyError, OSError) as error:
        raise StemdlError("a shard cannot be read", where=f"{path}: {name}", found=error) from error
    return stored
