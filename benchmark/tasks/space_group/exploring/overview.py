"""One pass over a data set that keeps what its figures need: counts, histograms and samples of bounded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals import cbed_stack
from benchmark.crystals.duplicates import Compound, parsed_formula
from benchmark.crystals.leaks import composition_features
from benchmark.crystals.materials import cells_are_primitive, read_entry, split_of
from benchmark.crystals.near_copies import descriptor
from benchmark.data import layout
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_shard
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import progress
from benchmark.foundation.text import typed
from benchmark.simulation.crystal import CRYSTAL_SYSTEMS, cell_from_parameters

if TYPE_CHECKING:
    import h5py

MOST_STACKS_LOOKED_AT = 20_000
"""Stacks whose patterns are looked at: of a larger data set those of every n-th stack; all are counted."""
MOST_MATERIALS_KEPT = 20_000
MOST_PATTERNS_KEPT = 4_000
REDUCED_PIXELS = 32
THUMBNAIL_PIXELS = 96
LOG_FLOOR, LOG_BINS_PER_DECADE = -12, 40
PATTERN_FLOOR = 1e-6
"""Added to intensities before their logarithm: one electron of a million."""
SYSTEM_COLOURS = dict(
    zip(
        (name for _, name in CRYSTAL_SYSTEMS),
        ("#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#777777"),
        strict=True,
    )
)
"""Paul Tol's bright scheme, which colour-blind readers tell apart."""
Real = Mapping[int, int]
"""Stacks of each space group in the real set."""


class Reservoir:
    """At most `capacity` of the items offered, each as likely as any other (Vitter's algorithm R); repeatable."""

    def __init__(self, capacity: int) -> None:
        self.items: list[Any] = []
        self._capacity, self._offered, self._generator = capacity, 0, np.random.default_rng(0)

    def offer(self, item: Any) -> None:
        """Keep the item, or not."""
        self._offered += 1
        if len(self.items) < self._capacity:
            self.items.append(item)
        elif (place := int(self._generator.integers(self._offered))) < self._capacity:
            self.items[place] = item


class RadialHistogram:
    """How often each intensity is met at each distance from the centre of the detector."""

    def __init__(self, pixels: int) -> None:
        y, x = np.indices((pixels, pixels)) - (pixels - 1) / 2
        rings = np.hypot(x, y).astype(np.int64)
        self.inside = np.flatnonzero((rings < pixels // 2).ravel())
        self._bins = -LOG_FLOOR * LOG_BINS_PER_DECADE + 1
        self._first = rings.ravel()[self.inside] * self._bins
        self.counts = np.zeros((pixels // 2, self._bins), dtype=np.int64)

    def add(self, patterns: NDArray[np.float32]) -> None:
        """Count the pixels of a stack (projections, pixels, pixels). Zero and less go below the lowest bin."""
        logs = np.log10(np.maximum(patterns.reshape(len(patterns), -1)[:, self.inside], 1e-30))
        bins = np.clip(np.nan_to_num((logs - LOG_FLOOR) * LOG_BINS_PER_DECADE, nan=0.0), 0, self._bins - 1)
        flat = (self._first + bins.astype(np.int64)).ravel()
        self.counts += np.bincount(flat, minlength=self.counts.size).reshape(self.counts.shape)

    def percentile(self, percent: float) -> NDArray[np.float64]:
        """The intensity below which `percent` of the pixels of each ring lie, (rings,); 0 where those are empty."""
        cumulated = np.cumsum(self.counts, axis=1)
        bins = (cumulated < percent / 100.0 * cumulated[:, -1:]).sum(axis=1)
        return np.where(bins > 0, 10.0 ** (LOG_FLOOR + (bins + 0.5) / LOG_BINS_PER_DECADE), 0.0)


@dataclass
class Overview:
    """What was seen of a data set.

    Attributes
    ----------
    samples : stacks of each (split, group). materials : materials of each group.
    elements : materials that hold each atomic number.
    features : for kept materials (group, `leaks.FEATURES`, lengths, angles).
    radial : of the stacks looked at, None while there are none.
    patterns : kept (group, reduced log patterns (3, 32, 32), coarse descriptor (192,)).
    thumbnails : of each group one stack, its zone axes and formula.
    looked_at : stacks whose patterns were looked at.
    """

    samples: Counter[tuple[str, int]] = field(default_factory=Counter)
    materials: Counter[int] = field(default_factory=Counter)
    elements: Counter[int] = field(default_factory=Counter)
    element_counts: Counter[int] = field(default_factory=Counter)
    features: Reservoir = field(default_factory=lambda: Reservoir(MOST_MATERIALS_KEPT))
    radial: RadialHistogram | None = None
    patterns: Reservoir = field(default_factory=lambda: Reservoir(MOST_PATTERNS_KEPT))
    thumbnails: dict[int, tuple[NDArray[np.float32], str]] = field(default_factory=dict)
    pixels: int = 0
    looked_at: int = 0
    components: Any = None

    @property
    def groups(self) -> list[int]:
        """The space groups that the data hold, rising."""
        return sorted({group for _, group in self.samples})


def look_over(manifest: Manifest) -> Overview:
    """Read every sample's attributes, and the patterns of at most `MOST_STACKS_LOOKED_AT` stacks evenly spread.

    Memory does not grow with the data set. Raises StemdlError where a shard or a sample cannot be read, or holds
    intensities that are not finite.
    """
    from sklearn.decomposition import IncrementalPCA

    seen = Overview()
    total = sum(shard["samples"] for shard in manifest.shards)
    every = max(1, -(-total // MOST_STACKS_LOOKED_AT))
    components = min(12, total // every)
    principal, batch = IncrementalPCA(n_components=components), []
    primitive = cells_are_primitive(manifest)
    with progress("Looking at", total, "stacks") as advance:
        for number, (split, shard, sample, is_new) in enumerate(_samples(manifest)):
            entry = read_entry(sample, split, shard, primitive)
            group = entry.compound.space_group
            seen.samples[split, group] += 1
            if is_new:
                seen.materials[group] += 1
                if entry.compound.formula:  # imported materials may not say theirs, nor their cell
                    _keep_material(seen, sample, entry.compound)
            if number % every == 0:
                batch.append(_look_at(seen, sample, group))
                if len(batch) == 256:
                    principal.partial_fit(np.array(batch))
                    batch = []
            advance(number + 1)
    if len(batch) >= components:  # a shorter rest is less than one batch of many
        principal.partial_fit(np.array(batch))
    seen.components = principal
    return seen


def _samples(manifest: Manifest) -> Iterator[tuple[str, str, h5py.Group, bool]]:
    """Every sample of every shard, and whether it is its material's first."""
    for shard in manifest.shards:
        path = manifest.folder / shard["path"]
        try:
            with opened_shard(manifest, shard) as opened:
                last = None
                for name in layout.sample_names(opened):
                    material = name.rsplit("_", 1)[0]
                    yield split_of(shard["path"]), shard["path"], opened[name], material != last
                    last = material
        except OSError as error:
            raise StemdlError(
                "a shard cannot be read", where=path, found=error, remedy=f"stemdl data verify {typed(manifest.folder)}"
            ) from error


def _keep_material(seen: Overview, sample: h5py.Group, compound: Compound) -> None:
    counts = parsed_formula(read_text(sample, "formula"))
    seen.elements.update(counts.keys())
    seen.element_counts[len(counts)] += 1
    lengths, angles = compound.lengths_angstrom, compound.angles_degrees
    if lengths is not None and angles is not None:
        volume = float(abs(np.linalg.det(cell_from_parameters(np.array(lengths), np.array(angles)))))
        seen.features.offer(
            (compound.space_group, np.array([*composition_features(counts, volume), *lengths, *angles]))
        )


def _look_at(seen: Overview, sample: h5py.Group, group: int) -> NDArray[np.float32]:
    patterns = cbed_stack.read_patterns(sample)
    if not np.isfinite(patterns).all():
        raise StemdlError(
            "intensities are not finite",
            where=f"{sample.file.filename}: {sample.name}",
            remedy="stemdl data verify DIR names all of them",
        )
    if seen.radial is None:
        seen.pixels = patterns.shape[-1]
        seen.radial = RadialHistogram(seen.pixels)
    seen.looked_at += 1
    seen.radial.add(patterns)
    reduced = np.log10(reduced_to(patterns, REDUCED_PIXELS) + PATTERN_FLOOR).astype(np.float32)
    seen.patterns.offer((group, reduced.astype(np.float16), descriptor(patterns, 1e6)))
    if group not in seen.thumbnails:
        thumbnail = reduced_to(patterns, THUMBNAIL_PIXELS).astype(np.float32)
        seen.thumbnails[group] = (thumbnail, read_text(sample, "formula"))
    return reduced.ravel()


def read_text(sample: h5py.Group, name: str) -> str:
    """A text attribute of a sample, empty where it is missing."""
    value = sample.attrs.get(name, "")
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def reduced_to(patterns: NDArray[np.float32], pixels: int) -> NDArray[np.float64]:
    """Patterns (n, p, p) on at most `pixels` x `pixels` larger pixels, each the sum of those it covers."""
    size = patterns.shape[-1]
    if size <= pixels:
        return patterns.astype(np.float64)
    edges = np.linspace(0, size, pixels + 1).astype(int)[:-1]
    return np.add.reduceat(np.add.reduceat(patterns.astype(np.float64), edges, axis=1), edges, axis=2)
