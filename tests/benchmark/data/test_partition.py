"""Partitions: stable as data grow, stratified, whole compounds; files made for one data set and not replaced."""

from __future__ import annotations

import json
import math
import os
from collections import Counter, defaultdict
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealing import seal

from benchmark.crystals.duplicates import Compound, duplicates
from benchmark.crystals.materials import read_materials
from benchmark.crystals.partitions import UNSEEN_TYPES, make_partition
from benchmark.crystals.split import STANDARD_SHARES, folds, of_unseen_types, standard_split
from benchmark.data.manifest import read_manifest
from benchmark.data.partition import read_partition, write_partition
from benchmark.foundation.errors import StemdlError

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
