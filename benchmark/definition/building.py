"""Frozen values from what a file says, with the place of whatever is wrong in it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from benchmark.foundation.errors import StemdlError, nearest

_T = TypeVar("_T")


def frozen(value: Any) -> Any:
    return tuple(frozen(item) for item in value) if isinstance(value, list) else value


def build(cls: type[_T], where: str, values: Any, **more: Any) -> _T:
    """A dataclass from a mapping, with unknown and missing keys named by their place in the file."""
    if not isinstance(values, Mapping):
        raise StemdlError("a mapping is missing", where=where, found=values)
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    needed = {
        field.name
        for field in dataclasses.fields(cls)  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    given = {key: frozen(value) for key, value in values.items()} | more
    for key in given.keys() - names:
        raise StemdlError(f"unknown key {key!r}", where=where, remedy=nearest(key, names))
    if missing := needed - given.keys():
        raise StemdlError(f"missing: {', '.join(sorted(missing))}", where=where)
    kinds = {field.name: str(field.type) for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key, value in given.items():
        if kinds[key] in _KINDS and not _KINDS[kinds[key]](value):
            raise StemdlError(f"{key} has the wrong type", where=where, expected=kinds[key], found=value)
    return cls(**given)


def is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


_KINDS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: type(value) is int,
    "float": is_number,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "tuple[str, ...]": lambda value: isinstance(value, tuple) and all(isinstance(each, str) for each in value),
    "tuple[float, float]": lambda value: isinstance(value, tuple) and len(value) == 2 and all(map(is_number, value)),
}
"""Whether a value is of a field's type; what has another type is looked at where it is used."""


def mapping(where: str, values: Any, key: str) -> dict[str, Any]:
    """The mapping under a key; raises StemdlError where it is missing or something else."""
    if not isinstance(values, Mapping):
        raise StemdlError("a mapping is missing", where=where, found=values)
    if key not in values:
        raise StemdlError(f"missing: {key}", where=where)
    if not isinstance(values[key], Mapping):
        raise StemdlError(f"{key} is not a mapping", where=where, found=values[key])
    return dict(values[key])
