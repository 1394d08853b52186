"""What is wrong with data, as a value: where, what was expected and found, and what to do."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from benchmark.foundation.errors import StemdlError

READING_ERRORS = (OSError, StemdlError, KeyError, ValueError, TypeError, RuntimeError)
"""What h5py, numpy and this project raise for files that are not what they should be."""


@dataclass(frozen=True)
class DataFault:
    """One fault of a data set.

    Attributes
    ----------
    check : the name of the check that found it.
    file : the file, and the sample in it where it is of one.
    message : the fault in a few words; `expected`, `found` and `hint` are empty where they would say nothing.
    """

    check: str
    file: str
    message: str
    expected: str = ""
    found: str = ""
    hint: str = ""

    @property
    def line(self) -> str:
        """All of it in one line."""
        values = ", ".join(
            f"{word} {value}" for word, value in (("expected", self.expected), ("found", self.found)) if value
        )
        return " ".join(
            f"{self.file}: {self.message}{f' ({values})' if values else ''}"
            f"{f'; {self.hint}' if self.hint else ''} [{self.check}]".split()
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, by the attributes' names."""
        return dataclasses.asdict(self)
