"""Data by a partition: which samples each rank reads, and what a partition of other samples comes to."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.crystals.materials import read_materials
from benchmark.crystals.partitions import UNSEEN_TYPES, make_partition
from benchmark.data.manifest import read_manifest
from benchmark.data.partition import partitioned, units_of_samples, write_partition
from benchmark.data.reader import Part
from benchmark.data.staging import staged
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import Rank


@pytest.fixture
def divided(written: Path) -> Path:
    """The data set with two partitions next to its shards."""
    manifest = read_manifest(written)
    entries = read_materials(manifest)
    for name in ("standard", "folds_3"):
        write_partition(manifest, make_partition(manifest, entries, name))
    return written


def numbers_in(divided: Path, file: str, roles: dict[str, str]) -> dict[str, set[int]]:
    """The written stacks of each role, by the partition's own file: `roles` names splits and slices that have one."""
    values = json.loads((divided / "partitions" / f"{file}.json").read_text())
    listed = values["splits"] | values["slices"]
    found: dict[str, set[int]] = defaultdict(set)
    for name, role in roles.items():
        found[role] |= {int(material.removeprefix("mp-")) for material in listed[name]}
    return found


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("standard", {"train": "train", "dev": "dev", "test": "test"}),
        ("standard/test_unseen_types", {"train": "train", "dev": "dev", UNSEEN_TYPES: "test"}),
        ("folds_3/fold_1", {"fold_0": "train", "fold_2": "train", "fold_1": "dev", "test": "test"}),
    ],
)
@pytest.mark.parametrize("on_disk", [False, True], ids=["where it lies", "staged"])
def test_the_ranks_read_the_samples_of_a_partition_once(
    divided: Path, tmp_path: Path, stack_of: Callable, name: str, roles: dict[str, str], on_disk: bool
) -> None:
    manifest = partitioned(read_manifest(divided), name)
    wanted = numbers_in(divided, name.partition("/")[0], roles)
    assert not manifest.standard and manifest.samples == {split: len(wanted[split]) for split in SPLITS}
    with ExitStack() as held:
        if on_disk:
            manifest = held.enter_context(
                staged(manifest, SPLITS, tmp_path / "disk", Rank(0, 1, 0, 1, "none"), 7, lambda: None)
            ).manifest
        for split in SPLITS:
            stacks, labels = [], []
            for rank in range(2):
                patterns, classes = Part(manifest, split, rank, 2).read_whole().values()
                stacks += list(patterns)
                labels += [space_groups_of(manifest)[index] for index in classes]
            numbers = sorted(wanted[split])
            assert len(stacks) == len(numbers)
            for stack, label, number in zip(stacks, labels, numbers, strict=True):  # shards are in their order
                np.testing.assert_array_equal(stack, stack_of(number).patterns)
                assert label == stack_of(number).space_group


def test_a_rank_needs_the_shards_of_its_samples_alone(divided: Path) -> None:
    manifest = partitioned(read_manifest(divided), "folds_3/fold_0")
    parts = [Part(manifest, "dev", rank, 8) for rank in range(8)]
    assert sum(len(part) for part in parts) == manifest.samples["dev"]
    assert all(1 <= len(part.shards) <= 2 for part in parts)


def test_without_a_name_the_data_are_as_they_came(divided: Path) -> None:
    manifest = read_manifest(divided)
    assert partitioned(manifest, "") is manifest


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folds_3", "which part of the partition.*(\n.*)*folds_3/fold_0, folds_3/fold_1, folds_3/fold_2"),
        ("folds_3/fold_3", "no part 'fold_3'"),
        ("folds_3/test", "no part 'test'"),
        ("standard/unseen", "no part 'unseen'(\n.*)*standard/test_unseen_types"),
        ("folds_4", "no partition 'folds_4'"),
    ],
)
def test_parts_that_are_not_there_are_told(divided: Path, name: str, message: str) -> None:
    with pytest.raises(StemdlError, match=message):
        partitioned(read_manifest(divided), name)


def test_a_material_that_the_partition_leaves_out_is_told(divided: Path) -> None:
    path = divided / "partitions" / "standard.json"
    values = json.loads(path.read_text())
    lost = values["splits"]["train"].pop()
    path.write_text(json.dumps(values))
    with pytest.raises(StemdlError, match=f"leaves a material out(\n.*)*{lost}"):
        partitioned(read_manifest(divided), "standard")


def test_samples_of_one_material_follow_it(written: Path, seal: Callable[[Path], None]) -> None:
    """Sample 31 becomes another energy of material 30, and needs no name of its own."""
    with h5py.File(written / "dev" / "batch_dev_0.h5", "r+") as shard:
        shard.move("sample_31_0", "sample_30_1")
        del shard["sample_30_1"].attrs["material"]
    seal(written)
    materials = units_of_samples(read_manifest(written))
    assert materials == [f"mp-{number}" for number in range(31)] + ["mp-30"] + [f"mp-{n}" for n in range(32, 48)]


def without_samples(path: Path) -> None:
    """As it was written before files had them."""
    values = json.loads(path.read_text())
    del values["samples"]
    path.write_text(json.dumps(values))


def test_what_each_sample_is_of_is_as_it_was_when_the_shards_were_hashed(divided: Path) -> None:
    """A shard that is changed later is refused when it is read, and moves no sample into another split before that."""
    manifest, path = read_manifest(divided), divided / "partitions" / "standard.json"
    before = partitioned(manifest, "standard").places
    without_samples(path.with_name("folds_3.json"))
    assert before is not None and partitioned(manifest, "folds_3/fold_0").places is not None
    with h5py.File(divided / "train" / "batch_train_0.h5", "r+") as shard:
        first, other = shard["sample_0_0"].attrs, shard["sample_1_0"].attrs
        first["material"], other["material"] = other["material"], first["material"]
    after = partitioned(manifest, "standard").places
    assert after is not None and all((after[split] == before[split]).all() for split in before)
    with pytest.raises(StemdlError, match="a shard has changed since the manifest was written"):
        partitioned(manifest, "folds_3/fold_0")


def test_a_partition_of_fewer_samples_is_refused(divided: Path) -> None:
    path = divided / "partitions" / "standard.json"
    values = json.loads(path.read_text())
    values["samples"].pop()
    path.write_text(json.dumps(values))
    with pytest.raises(StemdlError, match="another number of samples"):
        partitioned(read_manifest(divided), "standard")
