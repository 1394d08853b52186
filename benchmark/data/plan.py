"""What a rung's data will be: which material lies in which shard, with how many samples, and how large it all gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.schema import PROJECTIONS
from benchmark.data.split import split_counts
from benchmark.definition.rung import SPLITS, WHOLE, Rung, Storage
from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal

SAMPLES_PER_SHARD = 50
"""Of a full shard: small enough that a shard is made in minutes and held in memory while it is."""
BYTES_BESIDE_PATTERNS = 3300
"""Of one sample in a shard: its attributes and HDF5's own."""
_ITEM_BYTES = {"float32": 4, "float16": 2, "log_uint8": 1}


@dataclass(frozen=True)
class Material:
    """One material to be simulated.

    Attributes
    ----------
    number : in the data set.
    crystal : None where it is to be drawn.
    samples : how many of the rung's energies it has, from the first one on.
    """

    number: int
    identifier: str
    space_group: int
    crystal: Crystal | None
    samples: int


@dataclass(frozen=True)
class ShardPlan:
    """One file to be written: its place in the data set, and what it holds."""

    split: str
    number: int
    materials: tuple[Material, ...]

    @property
    def samples(self) -> int:
        return sum(material.samples for material in self.materials)


@dataclass(frozen=True)
class Size:
    """How much data there are. `bytes` is of unfiltered patterns: lossless filters make less of them."""

    materials: int
    samples: int
    shards: int
    bytes: int


def drawn(rung: Rung) -> dict[int, list[tuple[str, None]]]:
    """The materials of a rung whose crystals are drawn, by group: their names, without the crystals."""
    return {
        group: [(f"drawn-{group}-{index:05d}", None) for index in range(sum(rung.materials(group).values()))]
        for group in rung.space_groups
    }


def plan_shards(
    rung: Rung, crystals: Mapping[int, Sequence[tuple[str, Crystal | None]]], split: bool = True
) -> list[ShardPlan]:
    """Every shard of every split, from each group's crystals with their identifiers; all in `test` where not `split`.

    The groups are spread evenly over a split, each at its own density, so that shards are alike in what they hold and
    in what they cost. Raises StemdlError where a group has too few crystals to split.
    """
    energies = len(rung.energies_kev)
    queues: dict[str, list[tuple[float, int, str, Crystal | None, int]]] = {split: [] for split in SPLITS}
    for place, group in enumerate(rung.space_groups):
        if split:
            samples = rung.samples(group)
            counts = split_counts(len(crystals[group]), rung.materials(group), f"space group {group}")
        else:
            counts = {**dict.fromkeys(SPLITS, 0), WHOLE: len(crystals[group])}
            samples = {part: count * energies for part, count in counts.items()}
        start = 0
        for part in SPLITS:
            for turn, (identifier, crystal) in enumerate(crystals[group][start : start + counts[part]]):
                left = min(energies, samples[part] - turn * energies)
                queues[part].append(((turn + 0.5) / counts[part], place, identifier, crystal, left))
            start += counts[part]
    plans: list[ShardPlan] = []
    number = 0
    per_shard = max(1, SAMPLES_PER_SHARD // energies)
    for part in SPLITS:
        materials = []
        for _, place, identifier, crystal, count in sorted(queues[part], key=lambda one: one[:2]):
            materials.append(Material(number, identifier, rung.space_groups[place], crystal, count))
            number += 1
        plans += [
            ShardPlan(part, shard, tuple(materials[first : first + per_shard]))
            for shard, first in enumerate(range(0, len(materials), per_shard))
        ]
    return plans


def size_of(rung: Rung, plans: Iterable[ShardPlan]) -> Size:
    """How much the planned shards hold."""
    plans = list(plans)
    samples = sum(plan.samples for plan in plans)
    return Size(sum(len(plan.materials) for plan in plans), samples, len(plans), samples * sample_bytes(rung))


def wanted_size(rung: Rung) -> Size:
    """How much a rung's data are to hold, imported ones included."""
    return size_of(rung, plan_shards(rung, drawn(rung)))


def sample_bytes(rung: Rung) -> int:
    """Of one stored sample, unfiltered."""
    return PROJECTIONS * rung.pixels**2 * _ITEM_BYTES[rung.storage.encoding] + BYTES_BESIDE_PATTERNS


def free_bytes(folder: Path) -> int:
    """What the file system has left where a folder is or will be."""
    while not folder.exists():
        folder = folder.absolute().parent
    return shutil.disk_usage(folder).free


def require_room(rung: Rung, folder: Path, todo: Iterable[ShardPlan]) -> None:
    """Raises StemdlError where the shards that are still to be made do not fit on the disk.

    A filter makes them smaller, by how much nobody knows before; then the disk is trusted.
    """
    needed, free = size_of(rung, todo).bytes, free_bytes(folder)
    if rung.storage.filter == Storage.filter and needed > free:
        raise StemdlError(
            "the disk has too little room",
            where=folder,
            expected=f"{needed / 1e9:.2f} GB",
            found=f"{free / 1e9:.2f} GB free",
            remedy="make room, or choose another folder with -o",
        )
