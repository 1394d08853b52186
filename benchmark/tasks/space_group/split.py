"""Which material belongs to which split: by compound, by folds, or as the real set's own folders have it."""

from __future__ import annotations

from benchmark.crystals.materials import read_materials
from benchmark.crystals.partitions import STANDARD, make_partition, require_partition
from benchmark.data.manifest import Manifest
from benchmark.data.partition import Divided


def split(manifest: Manifest, name: str | None) -> Divided:
    """The partition of that name, with the space group of each material. Raises StemdlError as `make_partition` does,
    for a name before a shard is read."""
    name = name or STANDARD
    require_partition(manifest, name)
    entries = read_materials(manifest)
    strata = {material: entry.compound.space_group for material, entry in entries.items()}
    return Divided(make_partition(manifest, entries, name), strata)
