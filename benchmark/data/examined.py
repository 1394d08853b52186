"""A data set that is being verified, with what its checks share, each made when the first of them asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from benchmark.data.manifest import Manifest

Seen = TypeVar("Seen")


@dataclass
class Data:
    """A data set that is being verified; `table` is what given units were made from, `notes` what is worth saying
    though it is not a fault."""

    manifest: Manifest
    table: Path | None = None
    notes: list[str] = field(default_factory=list)
    _seen: dict[Callable[[Manifest], Any], Any] = field(default_factory=dict)

    def once(self, look: Callable[[Manifest], Seen]) -> Seen:
        """What `look` sees of the data, the same for every check that asks; it looks once."""
        if look not in self._seen:
            self._seen[look] = look(self.manifest)
        seen: Seen = self._seen[look]
        return seen


class Skipped(Exception):
    """A check that these data give nothing to do for; says why."""
