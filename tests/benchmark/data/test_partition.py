"""Partitions: stable as data grow, stratified, whole compounds; files made for one data set and not replaced."""

from __future__ import annotations

import json
import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealing import seal

from benchmark.crystals.cbed_stack import space_groups_of
from benchmark.crystals.duplicates import Compound, duplicates
from benchmark.crystals.materials import read_materials
from benchmark.crystals.partitions import UNSEEN_TYPES, make_partition
from benchmark.crystals.split import STANDARD_SHARES, folds, of_unseen_types, standard_split
from benchmark.data.manifest import read_manifest
from benchmark.data.partition import partitioned, read_partition, units_of_samples, write_partition
from benchmark.data.reader import Part
from benchmark.data.staging import staged
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import Rank

VERSION_1 = "test train train dev train dev dev train dev train train train"


def compound(number: int, group: int = 225, name: str = "", edge: float = 5.0) -> Compound:
    return Compound(
        name or f"m{group}-{number}",
        ((11, 1 + number % 40), (17, 1 + number // 40)),
        group,
        (edge, edge, edge),
        (90.0, 90.0, 90.0),
    )


def test_the_shares_of_a_group_are_those_promised_within_chance() -> None:
    for group in (2, 62, 225):
        compounds = [compound(number, group) for number in range(2000)]
        counts = Counter(map(standard_split, compounds))
        for split, share in STANDARD_SHARES.items():
            sigma = math.sqrt(2000 * share * (1 - share))
            assert abs(counts[split] - 2000 * share) < 4 * sigma, (group, split)


def test_version_1_is_what_it_was() -> None:
    """A partition published under version 1 must come out the same for ever."""
    assert [standard_split(compound(number)) for number in range(12)] == VERSION_1.split()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from((2, 225)), st.floats(4.9, 5.2)), min_size=2, max_size=30))
def test_duplicates_share_a_split_and_a_fold(drawn: list[tuple[int, int, float]]) -> None:
    compounds = {
        f"m{place}": compound(number, group, f"m{place}", edge) for place, (number, group, edge) in enumerate(drawn)
    }
    listed = list(compounds.values())
    fold_of = folds(compounds, 3)
    for one, first in zip(listed, duplicates(listed, 0.05), strict=True):
        assert standard_split(one) == standard_split(listed[first])
        assert fold_of[one.identifier] == fold_of[listed[first].identifier]


def test_folds_are_even_in_every_group_and_leave_the_test_split_alone() -> None:
    compounds = {one.identifier: one for group in (1, 2, 62) for one in (compound(n, group) for n in range(53))}
    fold_of = folds(compounds, 5)
    assert fold_of.keys() == compounds.keys()
    per_group: dict[int, Counter] = defaultdict(Counter)
    for name, fold in fold_of.items():
        assert (fold == "test") == (standard_split(compounds[name]) == "test")
        if fold != "test":
            per_group[compounds[name].space_group][fold] += 1
    for counts in per_group.values():
        assert len(counts) == 5 and max(counts.values()) - min(counts.values()) <= 1
    assert folds(dict(reversed(compounds.items())), 5) == fold_of
    with pytest.raises(StemdlError, match="at least two folds"):
        folds(compounds, 1)


def test_the_slice_of_unseen_types_shares_none_with_training() -> None:
    split_of = {"a": "train", "b": "test", "c": "test", "d": "dev", "e": "test"}
    type_of = {"a": "AB", "b": "AB", "c": "AB2", "d": "AB3", "e": "AB3"}
    assert of_unseen_types(split_of, type_of) == ["c"]


def test_a_partition_is_read_as_it_was_written(written: Path) -> None:
    manifest = read_manifest(written)
    entries = read_materials(manifest)
    partition = make_partition(manifest, entries)
    path = write_partition(manifest, partition)
    before = path.stat().st_mtime_ns
    assert write_partition(manifest, partition) == path and path.stat().st_mtime_ns == before
    split_of = read_partition(manifest, "standard").split_of
    assert split_of == {name: standard_split(entry.compound) for name, entry in entries.items()}
    types = {name: entry.structure_type for name, entry in entries.items()}
    unseen = set(json.loads(path.read_text())["slices"][UNSEEN_TYPES])
    assert unseen and {types[name] for name in unseen}.isdisjoint(
        types[name] for name, split in split_of.items() if split != "test"
    )
    assert [part.name for part in path.parent.iterdir()] == ["standard.json"]


def test_data_that_grow_move_no_material(written: Path) -> None:
    """Half of the shards first, then all of them: what was in a split stays there."""
    entries = read_materials(read_manifest(written))
    few = dict(list(entries.items())[::2])
    manifest = read_manifest(written)
    small, large = make_partition(manifest, few).split_of, make_partition(manifest, entries).split_of
    assert {name: large[name] for name in small} == small and len(large) == 2 * len(small)


def test_another_partition_is_not_replaced(written: Path) -> None:
    manifest = read_manifest(written)
    partition = make_partition(manifest, read_materials(manifest))
    path = write_partition(manifest, partition)
    text = path.read_text().replace(manifest.sha256, "f" * 64)
    path.write_text(text)
    with pytest.raises(StemdlError, match="another partition of that name is in the way"):
        write_partition(manifest, partition)
    assert path.read_text() == text
    with pytest.raises(StemdlError, match="made for other data"):
        read_partition(manifest, "standard")


def test_what_is_not_there_is_one_clear_error(written: Path) -> None:
    manifest = read_manifest(written)
    with pytest.raises(StemdlError, match="no partition 'standard' of these data") as caught:
        read_partition(manifest, "standard")
    assert f"stemdl data split {written}" in caught.value.remedy
    entries = read_materials(manifest)
    with pytest.raises(StemdlError, match="did you mean 'standard'"):
        make_partition(manifest, entries, "standart")
    for name in ("mlcommons_ds1", "stfc_ds1a"):
        with pytest.raises(StemdlError, match="cannot be reproduced.*(\n.*)*published"):
            make_partition(manifest, entries, name)
    with pytest.raises(StemdlError, match="not the real set"):
        make_partition(manifest, entries, "olcf")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_one_clear_error(written: Path) -> None:
    manifest = read_manifest(written)
    partition = make_partition(manifest, read_materials(manifest))
    written.chmod(0o555)
    try:
        with pytest.raises(StemdlError, match="cannot be written"):
            write_partition(manifest, partition)
    finally:
        written.chmod(0o755)


def test_a_folder_that_cannot_be_made_is_one_clear_error(written: Path) -> None:
    """A file where the folder of partitions should be: root cannot write there either."""
    manifest = read_manifest(written)
    partition = make_partition(manifest, read_materials(manifest))
    (written / "partitions").write_text("in the way")
    with pytest.raises(StemdlError, match="the partition cannot be written"):
        write_partition(manifest, partition)
    assert (written / "partitions").read_text() == "in the way"


def test_the_real_sets_own_partition_is_its_folders(written: Path) -> None:
    values = json.loads((written / "manifest.json").read_text())
    values["source"] = {"kind": "imported", "form": "olcf"}
    (written / "manifest.json").write_text(json.dumps(values))
    manifest = read_manifest(written)
    entries = read_materials(manifest)
    partition = make_partition(manifest, entries, "olcf")
    assert partition.split_of == {name: entry.split for name, entry in entries.items()}
    values["splits"]["dev"]["samples"] = 20_401
    (written / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(StemdlError, match="not the real set"):
        make_partition(read_manifest(written), entries, "olcf")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space_group": np.bytes_("0")}, "the label is not a space group"),
        ({"space_group": np.bytes_("231")}, "the label is not a space group"),
        ({"formula": "water"}, "does not say what it is of"),
        ({"abc_angstrom": np.array([4.0, np.nan, 4.0])}, "abc_angstrom is out of range for a cell"),
        ({"material": np.bytes_("mp-40")}, "the material mp-40 lies in two splits"),
    ],
    ids=["label 0", "label 231", "formula", "cell", "two splits"],
)
def test_samples_that_cannot_be_split_are_one_clear_error(written: Path, change: dict, message: str) -> None:
    with h5py.File(written / "train" / "batch_train_0.h5", "r+") as shard:
        for name, value in change.items():
            shard["sample_1_0"].attrs[name] = value
    with pytest.raises(StemdlError, match="has changed since the manifest"):
        read_materials(read_manifest(written))
    seal(written)
    with pytest.raises(StemdlError, match=message):
        read_materials(read_manifest(written))


def test_a_shard_that_cannot_be_read_is_named(written: Path) -> None:
    (written / "dev" / "batch_dev_0.h5").write_bytes(b"no HDF5")
    seal(written)
    with pytest.raises(StemdlError, match="batch_dev_0.h5: a shard cannot be read"):
        read_materials(read_manifest(written))


# ---- trained by


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
