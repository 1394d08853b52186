"""What a rung's data will be: which unit lies in which shard, with how many samples, and how large it all gets."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.data.recipe import Recipe, Unit, recipe_of
from benchmark.definition.finder import find_task
from benchmark.definition.rung import SPLITS, Rung, Storage
from benchmark.definition.sample import ITEM_BYTES, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import make_metric

SAMPLES_PER_SHARD = 50
"""Samples of a full shard: so few that a shard is made in minutes and held in memory while it is."""
BYTES_BESIDE_ARRAYS = 3300
"""What one sample takes in a shard besides its arrays: its attributes and HDF5's own."""
_ENCODED_BYTES = {"float32": 4, "float16": 2, "log_uint8": 1}


@dataclass(frozen=True)
class ShardPlan:
    """One file to be written: its place in the data set, and what it holds. `first` is the number of its first unit,
    counted through all shards."""

    split: str
    number: int
    first: int
    units: tuple[Unit, ...]

    @property
    def samples(self) -> int:
        """How many samples the shard has."""
        return sum(unit.samples for unit in self.units)

    def numbered(self) -> Iterator[tuple[int, Unit]]:
        """Its units with their numbers."""
        return enumerate(self.units, start=self.first)


@dataclass(frozen=True)
class Size:
    """How much data there are. `bytes` is of unfiltered arrays: lossless filters make less of them."""

    units: int
    samples: int
    shards: int
    bytes: int


def plan_shards(units: Sequence[Unit]) -> list[ShardPlan]:
    """Every shard of every split, the units in their order. Raises StemdlError for units that cannot be made."""
    names = [unit.identifier for unit in units]
    if (
        not units
        or len(set(names)) < len(names)
        or not all(unit.samples > 0 and unit.split in SPLITS for unit in units)
    ):
        raise StemdlError(
            "these units cannot be made",
            expected=f"samples, names of their own, a split of {', '.join(SPLITS)}",
            found=f"{len(units)} units of {len(set(names))} names",
        )
    per_shard = max(1, SAMPLES_PER_SHARD // max(unit.samples for unit in units))
    plans: list[ShardPlan] = []
    first = 0
    for split in SPLITS:
        of_split = [unit for unit in units if unit.split == split]
        for number, start in enumerate(range(0, len(of_split), per_shard)):
            plans.append(ShardPlan(split, number, first, tuple(of_split[start : start + per_shard])))
            first += len(plans[-1].units)
    return plans


def size_of(recipe: Recipe, storage: Storage, plans: Iterable[ShardPlan]) -> Size:
    """How much the planned shards hold."""
    plans = list(plans)
    samples = sum(plan.samples for plan in plans)
    stored = samples * sample_bytes(recipe.schema(), storage)
    return Size(sum(len(plan.units) for plan in plans), samples, len(plans), stored)


def wanted_size(rung: Rung) -> Size:
    """How much a rung's own data are to hold, imported ones included. Raises StemdlError where its recipe plans other
    numbers of samples than the definition has."""
    recipe = recipe_of(rung)
    units = recipe.units()
    planned = {split: sum(unit.samples for unit in units if unit.split == split) for split in SPLITS}
    if planned != (wanted := {split: rung.total(split) for split in SPLITS}):
        raise StemdlError(
            f"the recipe of the task {rung.task} makes other numbers of samples than the rung {rung.name} has",
            where=find_task(rung.task).definition,
            expected=wanted,
            found=planned,
        )
    return size_of(recipe, rung.storage, plan_shards(units))


def require_measurable(rung: Rung) -> None:
    """Raises StemdlError where the definition's metric is not one of the targets that the rung's recipe gives, before
    data are made that no run could be judged by."""
    place = find_task(rung.task)
    measured = place.benchmark().measured
    try:
        make_metric(measured.metric, recipe_of(rung).schema(), measured.of)
    except StemdlError as error:
        raise StemdlError(
            error.what,
            where=f"{place.definition}: {error.where}",
            expected=error.expected,
            found=error.found,
            remedy=error.remedy,
        ) from error


def wanted_bytes(rung: Rung) -> int:
    """The bytes of `wanted_size`, by the numbers of samples alone: to plan the units of large rungs takes seconds."""
    return sum(rung.total(split) for split in SPLITS) * sample_bytes(recipe_of(rung).schema(), rung.storage)


def sample_bytes(schema: SampleSchema, storage: Storage) -> int:
    """The size of one stored sample, unfiltered."""
    encoded = sum(
        each.bytes // ITEM_BYTES[each.dtype] * _ENCODED_BYTES[storage.encoding]
        for each in schema.inputs
        if each.dtype == "float32"
    )
    plain = [each for each in schema.inputs if each.dtype != "float32"]
    plain += [each for each in schema.targets if each.name not in schema.classes]
    return encoded + sum(each.bytes for each in plain) + BYTES_BESIDE_ARRAYS


def free_bytes(folder: Path) -> int:
    """What the file system has left where a folder is or will be."""
    while not folder.exists():
        folder = folder.absolute().parent
    return shutil.disk_usage(folder).free


def require_room(recipe: Recipe, storage: Storage, folder: Path, todo: Iterable[ShardPlan]) -> None:
    """Raises StemdlError where the shards that are still to be made do not fit on the disk.

    A filter makes them smaller, by how much nobody knows before; then the disk is trusted.
    """
    needed, free = size_of(recipe, storage, todo).bytes, free_bytes(folder)
    if storage.filter == Storage.filter and needed > free:
        raise StemdlError(
            "the disk has too little room",
            where=folder,
            expected=f"{needed / 1e9:.2f} GB",
            found=f"{free / 1e9:.2f} GB free",
            remedy="make room, or choose another folder with -o",
        )
