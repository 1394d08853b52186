"""One pass over every sample of a data set: what each is, what is wrong with it, and a description of its patterns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import cbed_stack
from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.crystals.duplicates import Compound, duplicates
from benchmark.crystals.materials import MaterialEntry, cells_are_primitive, read_entry, split_of
from benchmark.crystals.near_copies import NOISELESS_DOSE_ELECTRONS, descriptor
from benchmark.crystals.sample_checks import SAMPLE_CHECKS, Expected, OpenSample
from benchmark.data import layout
from benchmark.data.examined import ReadShard
from benchmark.data.faults import READING_ERRORS, DataFault
from benchmark.data.manifest import Manifest

if TYPE_CHECKING:
    import h5py


class Survey:
    """What was seen of a data set. Faults are collected; none ends the survey.

    Memory: a shard, and under 2 kB per sample.

    Attributes
    ----------
    samples : each sample that says what it is of, in the order of the shards.
    counts : samples found of each shard, by its path in the manifest; a shard that cannot be read has none.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.samples: list[MaterialEntry] = []
        self.counts: dict[str, int] = {}
        self.faults: list[DataFault] = []
        self._recipe_sha256, self._expected = manifest.recipe_sha256, expected_of(manifest)
        optics = (manifest.values.get("recipe") or {}).get("optics", {})
        self._dose = optics.get("dose_electrons") or NOISELESS_DOSE_ELECTRONS
        self._primitive = cells_are_primitive(manifest)
        self._descriptors: list[NDArray[np.float32]] = []
        self._compounds: dict[Compound, Compound] = {}  # the energies of a material share one

    def shard(self, shard: ReadShard) -> None:
        """Look at every sample of a shard."""
        try:
            with shard.opened() as opened:
                found = opened.attrs.get("recipe_sha256", self._recipe_sha256)
                if found != self._recipe_sha256:
                    said = self._recipe_sha256, str(found)
                    self.faults.append(DataFault("recipe", str(shard.path), "the shard is of other data", *said))
                names = layout.sample_names(opened)
                self.counts[shard.entry["path"]] = len(names)
                for name in names:
                    self._look(shard, opened[name], f"{shard.path}: {name}")
        except READING_ERRORS as error:
            if shard.path.is_file():  # a missing one is a fault of its hash
                self.faults.append(DataFault("layout", str(shard.path), "the shard cannot be read", "", _said(error)))

    def _look(self, shard: ReadShard, sample: h5py.Group, where: str) -> None:
        patterns = _patterns(sample, where, self.faults)
        if self._expected.pixels is None and patterns is not None:  # then all must be like the first
            self._expected = replace(self._expected, pixels=patterns.shape[-1])
        self.faults += _faults(OpenSample(sample, where, patterns), self._expected)
        try:
            entry = read_entry(sample, split_of(shard.entry["path"]), shard.entry["path"], self._primitive)
        except READING_ERRORS as error:
            self.faults += _unless_said(where, error, self.faults)
            return
        compound = self._compounds.setdefault(entry.compound, entry.compound)
        self.samples.append(replace(entry, compound=compound))
        self._descriptors.append(_described(patterns, self._dose))

    @cached_property
    def descriptors(self) -> NDArray[np.float32]:
        """(len(samples), d) of their patterns, NaN where they cannot be described."""
        size = max((len(one) for one in self._descriptors), default=0)
        return np.array(
            [one if len(one) == size else np.full(size, np.nan, dtype=np.float32) for one in self._descriptors],
            dtype=np.float32,
        ).reshape(len(self._descriptors), size)

    @cached_property
    def materials(self) -> dict[str, MaterialEntry]:
        """The first sample of each material."""
        found: dict[str, MaterialEntry] = {}
        for entry in self.samples:
            found.setdefault(entry.compound.identifier, entry)
        return found

    @cached_property
    def alike(self) -> list[list[str]]:
        """Materials that are one compound of one lattice, by two and more."""
        compounds = [entry.compound for entry in self.materials.values()]
        sets: dict[int, list[str]] = defaultdict(list)
        for compound, first in zip(compounds, duplicates(compounds), strict=True):
            sets[first].append(compound.identifier)
        return [names for names in sets.values() if len(names) > 1]


def expected_of(manifest: Manifest) -> Expected:
    """What a manifest lets its samples be."""
    recipe = manifest.values.get("recipe") or manifest.values
    pixels = (recipe.get("storage") or {}).get("pixels") or (recipe.get("optics") or {}).get("pixels")
    ours = not cells_are_primitive(manifest)
    schema = manifest.schema
    arrays = tuple(sorted(each.name for each in schema.fields if each.name not in schema.classes))
    return Expected(pixels, frozenset(space_groups_of(manifest)), ours, ours, arrays)


def _patterns(sample: object, where: str, faults: list[DataFault]) -> NDArray[np.float32] | None:
    try:
        return cbed_stack.read_patterns(sample)
    except READING_ERRORS as error:
        faults.append(DataFault("layout", where, "the stack cannot be read", "", _said(error)))
        return None


def _faults(sample: OpenSample, expected: Expected) -> Iterator[DataFault]:
    for name, check in SAMPLE_CHECKS.items():
        try:
            yield from check(sample, expected)
        except READING_ERRORS as error:
            yield DataFault(name, sample.where, "the sample cannot be checked", "", _said(error))


def _unless_said(where: str, error: Exception, faults: list[DataFault]) -> list[DataFault]:
    """The fault that keeps a sample from being told apart, where no check of the sample has found it."""
    said = any(fault.file == where and fault.check in ("label", "layout") for fault in faults[-20:])
    return (
        []
        if said
        else [DataFault("layout", where, getattr(error, "what", "the sample cannot be read"), "", _said(error))]
    )


def _described(patterns: NDArray[np.float32] | None, dose: float) -> NDArray[np.float32]:
    if patterns is None or patterns.ndim != 3 or patterns.shape[1] != patterns.shape[2] or not patterns.size:
        return np.zeros(0, dtype=np.float32)
    return descriptor(patterns, dose)


def _said(error: Exception) -> str:
    """The first line of what an error says."""
    text = str(getattr(error, "found", None) or error) or type(error).__name__
    return text.splitlines()[0]
