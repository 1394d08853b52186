"""What a sample of a benchmark's data is made of: its fields, and how they lie in classes, units and strata."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.foundation.errors import StemdlError

ITEM_BYTES: Mapping[str, int] = {"float32": 4, "float64": 8, "int64": 8, "uint8": 1}
"""Types that a field can have when it is read, and the bytes of a number."""


@dataclass(frozen=True)
class Field:
    """One array of every sample.

    Attributes
    ----------
    shape : of one sample, without the axis of the batch; () for a single number.
    dtype : of the array when it is read, one of `ITEM_BYTES`. A shard may store it smaller.
    unit : of its numbers; empty for those that have none.

    Raises StemdlError for a name that cannot be a file's, a shape of other than whole numbers from 1, another type.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    unit: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise StemdlError("a field has no name", expected="letters, digits and _", found=self.name)
        if not all(type(length) is int and length > 0 for length in self.shape):
            raise StemdlError(f"the field {self.name} has no shape", expected="whole numbers from 1", found=self.shape)
        if self.dtype not in ITEM_BYTES:
            raise StemdlError(
                f"the field {self.name} has an unknown type", expected=", ".join(ITEM_BYTES), found=self.dtype
            )

    @property
    def bytes(self) -> int:
        """The bytes of one sample's array."""
        return math.prod(self.shape) * ITEM_BYTES[self.dtype]


@dataclass(frozen=True)
class SampleSchema:
    """The fields of a benchmark's samples.

    Attributes
    ----------
    inputs : what a model is given. targets : what it is to find.
    unit : the word for what is made as a whole and stays in one split, such as `specimen`.
    stratum : the word for what splits are balanced by, such as `grade`; empty where they are not.
    classes : of each target that is a class, the labels in the order of their indices. Such a target is an int64 of
        shape (), an index into them.

    Raises StemdlError for a name that two fields share, and for classes of a field that is not such a target.
    """

    inputs: tuple[Field, ...]
    targets: tuple[Field, ...]
    unit: str = "unit"
    stratum: str = ""
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [each.name for each in self.fields]
        if not self.inputs or len(set(names)) != len(names):
            raise StemdlError("samples need inputs, and fields of names of their own", found=", ".join(names))
        indices = {each.name for each in self.targets if (each.shape, each.dtype) == ((), "int64")}
        if stray := sorted(self.classes.keys() - indices):
            raise StemdlError("only a target of shape () and type int64 has classes", found=", ".join(stray))

    @property
    def fields(self) -> tuple[Field, ...]:
        """Inputs, then targets."""
        return (*self.inputs, *self.targets)

    @property
    def bytes(self) -> int:
        """The bytes of one sample in memory."""
        return sum(each.bytes for each in self.fields)

    def to_json(self) -> dict[str, Any]:
        """The schema as a manifest has it."""
        return {
            "inputs": [_said(each) for each in self.inputs],
            "targets": [_said(each) for each in self.targets],
            "unit": self.unit,
            "stratum": self.stratum,
            "classes": {name: list(labels) for name, labels in self.classes.items()},
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SampleSchema:
        """The inverse of `to_json`. Raises StemdlError as the constructor does, KeyError, TypeError and ValueError for
        what is not of its form."""
        inputs, targets = (tuple(_field(each) for each in values[part]) for part in ("inputs", "targets"))
        classes = {str(name): tuple(map(str, labels)) for name, labels in values["classes"].items()}
        return cls(inputs, targets, str(values["unit"]), str(values["stratum"]), classes)


def _said(each: Field) -> dict[str, Any]:
    return {"name": each.name, "shape": list(each.shape), "dtype": each.dtype, "unit": each.unit}


def _field(values: Mapping[str, Any]) -> Field:
    return Field(str(values["name"]), tuple(values["shape"]), str(values["dtype"]), str(values["unit"]))
