"""What a task's `explore(manifest, output, **options)` gives: `stemdl data explore` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Explored:
    """A page about a data set, or a picture.

    Attributes
    ----------
    numbers : what `--format json` prints: plain values. lines : what is printed otherwise.
    page : the file to open in a browser; None where there is none.
    """

    numbers: Mapping[str, Any]
    lines: tuple[str, ...]
    page: str | None = None
