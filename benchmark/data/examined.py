"""A data set that is being verified, with what its checks share, each made when the first of them asks for it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.data.duplicates import duplicates
from benchmark.data.manifest import Manifest
from benchmark.data.materials import Entry
from benchmark.data.survey import Survey, survey


@dataclass
class Data:
    """A data set that is being verified; `table` is where given crystals came from, `notes` what is worth saying though
    it is no fault; `general` is what the general checks saw of the samples."""

    manifest: Manifest
    table: Path | None = None
    notes: list[str] = field(default_factory=list)
    general: Any = None

    @cached_property
    def survey(self) -> Survey:
        return survey(self.manifest)

    @cached_property
    def materials(self) -> dict[str, Entry]:
        """The first sample of each material."""
        found: dict[str, Entry] = {}
        for entry in self.survey.samples:
            found.setdefault(entry.compound.identifier, entry)
        return found

    @cached_property
    def alike(self) -> list[list[str]]:
        """Materials that are one compound of one lattice, by two and more."""
        materials = list(self.materials.values())
        sets: dict[int, list[str]] = defaultdict(list)
        for entry, first in zip(materials, duplicates([one.compound for one in materials]), strict=True):
            sets[first].append(entry.compound.identifier)
        return [names for names in sets.values() if len(names) > 1]


class Skipped(Exception):
    """A check that these data give nothing to do for; says why."""
