"""One pass over every sample of a data set: what each is, what is wrong with it, and a description of its patterns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import cbed_stack
from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.crystals.duplicates import Compound, duplicates
from benchmark.crystals.materials import MaterialEntry, cells_are_primitive, read_entry, split_of
from benchmark.crystals.near_copies import NOISELESS_DOSE_ELECTRONS, descriptor
from benchmark.crystals.sample_checks import SAMPLE_CHECKS, Expected, OpenSample
from benchmark.data import layout
from benchmark.data.faults import READING_ERRORS, DataFault
from benchmark.data.manifest import Manifest
from benchmark.foundation.progress import progress


@dataclass
class Survey:
    """What was seen of a data set.

    Attributes
    ----------
    samples : each sample that says what it is of, in the order of the shards.
    descriptors : (len(samples), d) of their patterns, NaN where they cannot be described.
    counts : samples found of each shard, by its path in the manifest; a shard that cannot be read has none.
    """

    samples: list[MaterialEntry] = field(default_factory=list)
    descriptors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    counts: dict[str, int] = field(default_factory=dict)
    faults: list[DataFault] = field(default_factory=list)

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
    return Expected(pixels, frozenset(space_groups_of(manifest)), ours, complete=ours)


def survey(manifest: Manifest) -> Survey:
    """Look at every sample of every shard that the manifest lists. Faults are collected; none ends the survey.

    Memory: a shard's attributes, one stack, and under 2 kB per sample.
    """
    import h5py

    seen, expected = Survey(), expected_of(manifest)
    dose = (manifest.values.get("recipe") or {}).get("optics", {}).get("dose_electrons") or NOISELESS_DOSE_ELECTRONS
    primitive = cells_are_primitive(manifest)
    descriptors: list[NDArray[np.float32]] = []
    compounds: dict[Compound, Compound] = {}  # the energies of a material share one
    with progress("Verifying", len(manifest.shards), "shards") as advance:
        for done, shard in enumerate(manifest.shards, start=1):
            path = manifest.folder / shard["path"]
            try:
                with h5py.File(path, "r") as opened:
                    if (found := opened.attrs.get("recipe_sha256", manifest.recipe_sha256)) != manifest.recipe_sha256:
                        seen.faults.append(
                            DataFault(
                                "recipe", str(path), "the shard is of other data", manifest.recipe_sha256, str(found)
                            )
                        )
                    names = layout.sample_names(opened)
                    seen.counts[shard["path"]] = len(names)
                    for name in names:
                        sample = opened[name]
                        where = f"{path}: {name}"
                        patterns = _patterns(sample, where, seen.faults)
                        if expected.pixels is None and patterns is not None:  # then all must be like the first
                            expected = replace(expected, pixels=patterns.shape[-1])
                        seen.faults += _faults(OpenSample(sample, where, patterns), expected)
                        try:
                            entry = read_entry(sample, split_of(shard["path"]), shard["path"], primitive)
                        except READING_ERRORS as error:
                            seen.faults += _unless_said(where, error, seen.faults)
                            continue
                        compound = compounds.setdefault(entry.compound, entry.compound)
                        seen.samples.append(replace(entry, compound=compound))
                        descriptors.append(_described(patterns, dose))
            except READING_ERRORS as error:
                if path.is_file():  # a missing one is a fault of its hash
                    seen.faults.append(DataFault("layout", str(path), "the shard cannot be read", "", _said(error)))
            advance(done)
    size = max((len(one) for one in descriptors), default=0)
    seen.descriptors = np.array(
        [one if len(one) == size else np.full(size, np.nan, dtype=np.float32) for one in descriptors], dtype=np.float32
    ).reshape(len(descriptors), size)
    return seen


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
