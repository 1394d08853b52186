"""How a sample lies in a shard: a group with a data set for each field, an attribute for each class and for its unit.

Inputs of type float32 are stored as the rung's storage says, everything else as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.data.recipe import Sample, Unit
from benchmark.data.storage import write_stored
from benchmark.definition.rung import Storage
from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    import h5py


def write_sample(
    shard: h5py.File, name: str, sample: Sample, unit: Unit, samples: SampleSchema, storage: Storage
) -> None:
    """Add a sample of a unit to an open shard. Raises StemdlError where it is not of the schema, or the storage cannot
    hold it."""
    group = shard.create_group(name)
    for each in samples.fields:
        if each.name not in sample.arrays:
            raise _other(f"a sample has no {each.name}", unit, each, "nothing")
        value = sample.arrays[each.name]
        if each.name in samples.classes:
            if value not in samples.classes[each.name]:
                raise _other(f"a label is not one of {each.name}", unit, each, value)
            group.attrs[each.name] = np.bytes_(str(value).encode())
        else:
            _write_field(group, each, np.asarray(value), unit, storage if each in samples.inputs else Storage())
    group.attrs[samples.unit] = np.bytes_(unit.identifier.encode())
    if samples.stratum and samples.stratum not in samples.classes:
        group.attrs[samples.stratum] = np.bytes_(unit.stratum.encode())
    for attribute, content in sample.attributes.items():
        try:
            group.attrs[attribute] = content
        except (TypeError, ValueError, RuntimeError, OSError) as error:  # of h5py, for what HDF5 has no form for
            raise StemdlError(
                f"the attribute {attribute} of a sample cannot be stored",
                where=unit.identifier,
                expected="a number, a text, or an array of numbers, below 64 kB",
                found=f"{type(content).__name__}: {error}",
            ) from error


def _write_field(group: h5py.Group, field: Field, array: np.ndarray, unit: Unit, storage: Storage) -> None:
    if array.dtype != field.dtype:
        raise _other(f"{field.name} has another type than its schema", unit, field, array.dtype)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise _other(f"{field.name} is not finite", unit, field, f"{(~np.isfinite(array)).sum()} of {array.size}")
    if field.dtype == "float32" and field.shape:
        write_stored(group, field.name, array, storage)
    else:
        group.create_dataset(field.name, data=array)
    if (found := group[field.name].shape) != field.shape:
        raise _other(f"{field.name} has another shape than its schema", unit, field, found)


def _other(what: str, unit: Unit, field: Field, found: object) -> StemdlError:
    return StemdlError(what, where=unit.identifier, expected=f"{field.shape} {field.dtype}", found=found)
