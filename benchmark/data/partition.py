"""A partition: which unit belongs to which split, as a file next to the shards, which stay as they lie.

from benchmark.data.partition import partitioned, read_partition
read_partition(manifest, "standard").split_of        # {"mp-149": "train", ...}
partitioned(manifest, "folds_5/fold_0")              # the data, whose dev split is the first of five folds
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data import layout
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_shard
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.files import write_json
from benchmark.foundation.text import typed

FOLDER, FORMAT = "partitions", 1


@dataclass(frozen=True)
class Partition:
    """Units by split.

    Attributes
    ----------
    manifest_sha256 : of the data set that it was made for.
    rule : how it was made, for people.
    splits : units of each split, sorted; each unit once.
    slices : parts of splits by name, sorted.
    samples : the data's units in the order of the shards, each with how many samples of it follow each other; as
        they were when the shards were hashed for it. Empty in files of before, whose shards are read again.
    """

    name: str
    manifest_sha256: str
    rule: str
    splits: Mapping[str, tuple[str, ...]]
    slices: Mapping[str, tuple[str, ...]]
    samples: tuple[tuple[str, int], ...] = field(default=(), compare=False)

    @property
    def split_of(self) -> dict[str, str]:
        """The split of each unit."""
        return {unit: split for split, units in self.splits.items() for unit in units}


@dataclass(frozen=True)
class Divided:
    """What a task's `split(manifest, name)` gives, `name` being a partition's, or None for the task's usual one:
    the partition, and of each unit what splits are balanced by."""

    partition: Partition
    strata: Mapping[str, Any]


def partition_path(manifest: Manifest, name: str) -> Path:
    """Where the partition of that name lies."""
    return manifest.folder / FOLDER / f"{name}.json"


def write_partition(manifest: Manifest, partition: Partition) -> Path:
    """Write a partition next to the shards; where the same one is there already, nothing is done.

    Raises StemdlError where another one of its name is in the way, and where the folder cannot be written to.
    """
    path = partition_path(manifest, partition.name)
    if path.exists():
        if load_partition(path) == partition:
            return path
        raise StemdlError(
            "another partition of that name is in the way",
            where=path,
            expected=f"made for the manifest {partition.manifest_sha256}",
            found=f"made for the manifest {load_partition(path).manifest_sha256}",
            remedy="delete it, if no run needs it any more, and run the command again",
        )
    values = {
        "format": FORMAT,
        "name": partition.name,
        "manifest_sha256": partition.manifest_sha256,
        "rule": partition.rule,
        "splits": dict(partition.splits),
        "slices": dict(partition.slices),
        "samples": [(name, len(list(same))) for name, same in itertools.groupby(units_of_samples(manifest))],
    }
    try:
        write_json(path, values)
    except OSError as error:
        raise StemdlError(
            "the partition cannot be written",
            where=path,
            found=error.strerror or error,
            remedy="make the folder writable, or room on the disk",
        ) from error
    return path


def load_partition(path: Path) -> Partition:
    """A partition from its file. Raises StemdlError where it cannot be read or names a unit twice."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']!r}, not {FORMAT}")
        splits = {str(split): tuple(map(str, units)) for split, units in values["splits"].items()}
        slices = {str(name): tuple(map(str, units)) for name, units in values["slices"].items()}
        samples = tuple((str(unit), int(count)) for unit, count in values.get("samples", ()))
        name, manifest_sha256, rule = (str(values[key]) for key in ("name", "manifest_sha256", "rule"))
        partition = Partition(name, manifest_sha256, rule, splits, slices, samples)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StemdlError(
            "the partition cannot be read",
            where=path,
            found=repr(error),
            remedy="delete it and run stemdl data split again",
        ) from error
    total = sum(map(len, splits.values()))
    if len(partition.split_of) != total:
        raise StemdlError(
            "the partition names a unit twice",
            where=path,
            expected=f"{total} different units",
            found=len(partition.split_of),
        )
    return partition


def read_partition(manifest: Manifest, name: str) -> Partition:
    """The partition of that name, from its file next to the shards.

    Raises StemdlError where there is none, it cannot be read, or it was made for other data.
    """
    path = partition_path(manifest, name)
    if not path.is_file():
        there = sorted(other.stem for other in path.parent.glob("*.json"))
        raise StemdlError(
            f"there is no partition {name!r} of these data",
            where=path,
            found=", ".join(there) or "none",
            remedy=f"stemdl data split {typed(manifest.folder)} --partition {name}",
        )
    partition = load_partition(path)
    if partition.manifest_sha256 != manifest.sha256:
        raise StemdlError(
            "the partition was made for other data",
            where=path,
            expected=f"manifest {manifest.sha256}",
            found=f"manifest {partition.manifest_sha256}",
            remedy=f"delete it and run stemdl data split {typed(manifest.folder)} --partition {name}",
        )
    return partition


def partitioned(manifest: Manifest, name: str) -> Manifest:
    """The data with the splits of a partition instead of the folders; whose they are not, they are not standard.

    `name` is NAME or NAME/PART. A part is a fold, which becomes `dev` while the other folds become `train`; or a slice
    of the test split, which takes its place. Without a name the data are given back as they are. No shard is read,
    but for a file that does not say which unit each sample is of.

    Raises StemdlError as `read_partition` does, for a part that the partition has not, where it has folds and none is
    named, and where it leaves a unit of the data out.
    """
    if not name:
        return manifest
    name, _, part = name.partition("/")
    partition = read_partition(manifest, name)
    split_of = _with_part(partition, part, partition_path(manifest, name))
    units = [one for unit, count in partition.samples for one in itertools.repeat(unit, count)]
    units = units or units_of_samples(manifest)
    try:
        splits = np.array([split_of[unit] for unit in units])
    except KeyError as error:
        raise StemdlError(
            f"the partition leaves a {manifest.schema.unit} out",
            where=partition_path(manifest, name),
            found=error,
            remedy=f"delete it and run stemdl data split {typed(manifest.folder)} --partition {name}",
        ) from error
    if len(units) != (total := sum(shard["samples"] for shard in manifest.shards)):
        raise StemdlError(
            "the partition is of another number of samples",
            where=partition_path(manifest, name),
            expected=total,
            found=len(units),
            remedy=f"delete it and run stemdl data split {typed(manifest.folder)} --partition {name}",
        )
    places = {split: np.flatnonzero(splits == split) for split in SPLITS}
    return replace(
        manifest, standard=False, places=places, samples={split: len(numbers) for split, numbers in places.items()}
    )


def _with_part(partition: Partition, part: str, path: Path) -> dict[str, str]:
    """The split of each unit where a part has its role: train, dev, test, or none of them."""
    split_of = partition.split_of
    parts = [split for split in partition.splits if split not in SPLITS] or list(partition.slices)
    if part in partition.slices:
        left_out = dict.fromkeys((unit for unit, split in split_of.items() if split == "test"), "")
        return split_of | left_out | dict.fromkeys(partition.slices[part], "test")
    if (part and part not in parts) or (not part and "dev" not in partition.splits):
        known = ", ".join(f"{partition.name}/{each}" for each in parts)
        raise StemdlError(
            f"the partition has no part {part!r}" if part else "which part of the partition?",
            where=path,
            expected=known or partition.name,
            remedy=nearest(part, parts) if part else None,
        )
    if part:
        return {unit: {part: "dev", "test": "test"}.get(split, "train") for unit, split in split_of.items()}
    return split_of


def units_of_samples(manifest: Manifest) -> list[str]:
    """The unit of each sample, in the order of the shards and of the samples in them. Of each unit one sample is read.

    Raises StemdlError where a shard has changed, and where it or a sample cannot be read.
    """
    found: list[str] = []
    for shard in manifest.shards:
        path = manifest.folder / shard["path"]
        try:
            with opened_shard(manifest, shard) as opened:
                for _, names in itertools.groupby(layout.sample_names(opened), lambda name: name.rsplit("_", 1)[0]):
                    first, *others = names
                    found += [layout.read_unit(opened[first], manifest.schema.unit)] * (1 + len(others))
        except (OSError, KeyError) as error:
            raise StemdlError(
                "a shard cannot be read", where=path, found=error, remedy=f"stemdl data verify {typed(manifest.folder)}"
            ) from error
    return found
