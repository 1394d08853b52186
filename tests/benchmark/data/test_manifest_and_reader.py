"""What lies on the disk against what the manifest says, and what each rank reads of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.data import schema
from benchmark.data.manifest import FORMAT, read_manifest
from benchmark.data.reader import read_part
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file

GROUPS = (2, 62, 225)
SAMPLES = {"train": (4, 3, 4), "dev": (2, 3), "test": (3,)}
"""Samples of each shard: lengths that no number of ranks divides."""


def stack_of(number: int) -> schema.Stack:
    generator = np.random.default_rng(number)
    three = np.full(3, float(number))
    return schema.Stack(generator.random((3, 8, 8), dtype=np.float32), GROUPS[number % 3], f"mp-{number}", 100.0,
                        f"Na{number}", np.array([[0, 0, 1], [1, 0, 0], [1, -1, 0]]), generator.random((3, 3)), three,
                        three, three, three, {"thickness_angstrom": np.array(150.0)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set written sample by sample through the schema, with a manifest written here."""
    number, shards = 0, []
    for split, sizes in SAMPLES.items():
        for k, size in enumerate(sizes):
            path = tmp_path / split / f"batch_{split}_{k}.h5"
            path.parent.mkdir(exist_ok=True)
            with h5py.File(path, "w") as shard:
                for _ in range(size):
                    schema.write_stack(shard, number, 0, stack_of(number))
                    number += 1
            shards.append({"path": f"{split}/{path.name}", "sha256": sha256_of_file(path),
                           "bytes": path.stat().st_size, "samples": size})
    (tmp_path / "manifest.json").write_text(json.dumps({
        "format": FORMAT, "rung": "r", "standard": True, "recipe_sha256": "0", "space_groups": GROUPS,
        "splits": {split: {"samples": sum(sizes)} for split, sizes in SAMPLES.items()}, "shards": shards}))
    return tmp_path


@pytest.mark.parametrize(("text", "message"), [
    ("{", "cannot be read"), ("[]", "cannot be read"), ("{}", "cannot be read"), ('{"format": 1}', "cannot be read"),
    ('{"format": 99}', "another format"),
])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(StemdlError, match=message):
        read_manifest(tmp_path)


def test_no_data_and_unfinished_data_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(StemdlError, match="there are no data here"):
        read_manifest(tmp_path)
    (tmp_path / "recipe.json").write_text("{}")
    with pytest.raises(StemdlError, match="not finished"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("split", ["train", "dev"])
def test_the_parts_of_all_ranks_cover_a_split_once(folder: Path, size: int, split: str) -> None:
    manifest = read_manifest(folder)
    first = 0 if split == "train" else 11
    total = sum(SAMPLES[split])
    parts = [read_part(manifest, split, rank, size) for rank in range(size)]
    assert sorted(sum((part.materials for part in parts), ())) == sorted(f"mp-{first + i}" for i in range(total))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    for rank, part in enumerate(parts):
        assert part.patterns.shape == (len(part), 3, 8, 8) and part.patterns.dtype == np.float32
        for index in range(len(part)):
            number = first + rank + size * index
            assert part.materials[index] == f"mp-{number}"
            assert part.labels[index] == number % 3
            np.testing.assert_array_equal(part.patterns[index], stack_of(number).patterns)


def test_more_ranks_than_samples_is_one_clear_error(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert len(read_part(manifest, "test", 2, 4)) == 1
    with pytest.raises(StemdlError, match="rank 3 of 4 has no sample of 'test'.*\n.*3 samples"):
        read_part(manifest, "test", 3, 4)


def test_a_missing_a_cut_and_a_wrong_shard_are_named(folder: Path) -> None:
    manifest = read_manifest(folder)
    path = folder / "dev" / "batch_dev_1.h5"
    content = path.read_bytes()
    path.write_bytes(content[:1000])
    with pytest.raises(StemdlError, match="cannot be read") as caught:
        read_part(manifest, "dev")
    assert caught.value.where == path and "stemdl data verify" in caught.value.remedy
    path.unlink()
    with pytest.raises(StemdlError, match="cannot be read"):
        read_part(manifest, "dev")
    shutil.copy(folder / "dev" / "batch_dev_0.h5", path)
    with pytest.raises(StemdlError, match="does not hold what the manifest says"):
        read_part(manifest, "dev")


def test_samples_and_shards_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 0):
        path = schema.shard_path(tmp_path, "dev", number)
        path.parent.mkdir(exist_ok=True)
        with h5py.File(path, "w") as shard:
            for material, energy in ((10, 0), (9, 1), (9, 0), (100, 0)):
                schema.write_stack(shard, material, energy, stack_of(number))
    assert [path.name for path in schema.shards_of(tmp_path, "dev")] == [
        "batch_dev_0.h5", "batch_dev_2.h5", "batch_dev_10.h5"]
    names = [name for _, name in schema.iter_samples(tmp_path, "dev")]
    assert names == ["sample_9_0", "sample_9_1", "sample_10_0", "sample_100_0"] * 3
    with pytest.raises(StemdlError, match="no shards of the split 'train'"):
        schema.shards_of(tmp_path, "train")


@pytest.mark.parametrize(("label", "read"), [(np.bytes_("225"), 225), ("14", 14), (b"0", None), ("231", None),
                                             (b"P1", None), (b"", None), (b"-1", None)])
def test_a_label_is_read_as_the_real_set_writes_it_and_checked(tmp_path: Path, label: object, read: int | None) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as shard:
        group = shard.create_group("sample_0_0")
        group.attrs["space_group"] = label
        if read is not None:
            assert schema.read_label(group) == read
        else:
            with pytest.raises(StemdlError, match="the label is no space group"):
                schema.read_label(group)
