"""Reads a rank's own part of a split into memory: disjoint from the other ranks' parts, nothing padded or repeated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.data import schema
from benchmark.data.manifest import Manifest
from benchmark.foundation.errors import StemdlError


@dataclass(frozen=True)
class Part:
    """A part of a split: `patterns` (n, 3, pixels, pixels) float32, `labels` (n,) class indices, `materials`."""

    patterns: NDArray[np.float32]
    labels: NDArray[np.int64]
    materials: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def read_part(manifest: Manifest, split: str, rank: int = 0, size: int = 1) -> Part:
    """The samples rank, rank + size, rank + 2 size, ... of a split.

    Raises StemdlError where a shard is missing, cannot be read, or does not hold what the manifest says.
    """
    import h5py

    classes = {group: index for index, group in enumerate(manifest.space_groups)}
    patterns, labels, materials = [], [], []
    position = 0
    for entry in manifest.shards:
        if not entry["path"].startswith(f"{split}/"):
            continue
        path = manifest.folder / entry["path"]
        try:
            with h5py.File(path, "r") as shard:
                names = schema.sample_names(shard)
                if len(names) != entry["samples"]:
                    raise StemdlError("a shard does not hold what the manifest says", where=path,
                                      expected=f"{entry['samples']} samples", found=len(names))
                for name in names[(rank - position) % size::size]:
                    group = shard[name]
                    patterns.append(group[schema.STACK][()])
                    labels.append(classes[schema.read_label(group)])
                    materials.append(schema.read_material(group))
        except OSError as error:
            raise StemdlError("a shard cannot be read", where=path, found=error,
                              remedy=f"stemdl data verify {manifest.folder}") from error
        position += entry["samples"]
    if not patterns:
        raise StemdlError(f"rank {rank} of {size} has no sample of {split!r}", where=manifest.folder,
                          found=f"{position} samples", remedy="use fewer ranks")
    return Part(np.stack(patterns), np.array(labels, dtype=np.int64), tuple(materials))
