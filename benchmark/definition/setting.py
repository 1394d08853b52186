"""One setting of a run: what it is, and which values it may have."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.foundation.errors import StemdlError

MOST = 2**31
"""Whole numbers are below it: tensors and MPI count in 32 bits."""
Value = bool | int | float | str


@dataclass(frozen=True)
class Setting:
    """What one setting is, and what it may be.

    Attributes
    ----------
    default : its value where nobody gives one; other values have its type.
    about : in words.
    free : it says where and for whom a run computes, and changes no result.
    by_gradients : only trainers that learn by gradients have it.
    of_backend : the only one of `settings.BACKENDS` that knows it; empty where all do.
    choices : the only values, where there are any. at_least, below : the bounds of a number.
    """

    name: str
    default: Value
    about: str = ""
    free: bool = False
    by_gradients: bool = False
    of_backend: str = ""
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    below: float | None = None

    def checked(self, value: object, where: str) -> Value:
        """The value in the setting's type: 1 is 1.0 where a number is wanted, and 8.0 is 8 where a whole one is. Raises
        StemdlError with `where` for a value that it may not have."""
        wanted = type(self.default)
        if wanted is float and type(value) is int and abs(value) < MOST:
            value = float(value)
        if wanted is int and type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int and abs(value) >= MOST:
            found = f"{value.bit_length()} bits"
            raise StemdlError(f"{self.name} is too large", where=where, expected=f"below {MOST}", found=found)
        if type(value) is not wanted:
            raise StemdlError(
                f"{self.name} has the wrong type", where=where, expected=wanted.__name__, found=repr(value)
            )
        if isinstance(value, str) and not value.isprintable():
            raise StemdlError(f"{self.name} has characters that cannot be shown", where=where, found=repr(value))
        if self.choices and value not in self.choices:
            expected = " or ".join(self.choices)
            raise StemdlError(f"{self.name} has no such choice", where=where, expected=expected, found=value)
        if isinstance(value, float) and not math.isfinite(value):
            raise StemdlError(f"{self.name} is not a finite number", where=where, found=value)
        if isinstance(value, str):
            return value
        if self.at_least is not None and not value >= self.at_least:
            raise StemdlError(
                f"{self.name} is too small", where=where, expected=f"at least {self.at_least:g}", found=value
            )
        if self.below is not None and not value < self.below:
            raise StemdlError(f"{self.name} is too large", where=where, expected=f"below {self.below:g}", found=value)
        return value


_OF_ONE: Mapping[str, Callable[[object], bool]] = {
    "default": lambda value: type(value) in (bool, int, float, str),
    "about": lambda value: isinstance(value, str),
    "choices": lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    "at_least": lambda value: type(value) in (int, float),
    "below": lambda value: type(value) in (int, float),
}
"""What a task may say of a setting of its own, and whether a value is of its kind."""


def own_setting(name: object, value: object, taken: Collection[str], where: str) -> Setting:
    """A setting of a task's own: a value, or a mapping of `default` and what bounds it. Raises StemdlError for what is
    neither, and for a name that is `taken`."""
    if not isinstance(name, str) or not name.isidentifier() or name in taken:
        raise StemdlError("a setting has no name of its own", where=where, expected="letters, digits and _", found=name)
    said: dict[str, Any] = dict(value) if isinstance(value, Mapping) else {"default": value}
    for key, each in ({"default": None} | said).items():
        if key not in _OF_ONE:
            raise StemdlError(f"unknown key {key!r}", where=where, expected=", ".join(_OF_ONE))
        if not _OF_ONE[key](each):
            raise StemdlError(f"{name}: {key} has the wrong type", where=where, found=each)
    setting = Setting(name, **said | {"choices": tuple(said.get("choices", ()))})
    setting.checked(setting.default, where)
    return setting
