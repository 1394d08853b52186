"""The index says what the shards say, or is not asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.data import reader
from benchmark.data.index_file import INDEX, read_index
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.data.shard_index import index_shard
from benchmark.data.verify import verify
from benchmark.definition.rung import Storage
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file

STORAGES = [Storage(), Storage(encoding="float16"), Storage(encoding="log_uint8", filter="gzip")]


def searched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the shards that readers search from now on."""
    names: list[str] = []
    find = reader.index_shard
    monkeypatch.setattr(reader, "index_shard", lambda path, *more: names.append(path.name) or find(path, *more))
    return names


@pytest.mark.parametrize("storage", STORAGES, ids=lambda each: f"{each.encoding}-{each.filter}")
def test_the_index_holds_what_a_search_finds_and_spares_it(write_uneven: Callable, tmp_path: Path, storage: Storage,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = read_manifest(write_uneven(tmp_path, storage))
    _, known = read_index(tmp_path, manifest.sha256, manifest.shards)
    assert len(known) == 6
    for shard in manifest.shards:
        path = tmp_path / shard["path"]
        assert known[path] == index_shard(path, shard["samples"], {2: 0, 62: 1, 225: 2})
    names = searched(monkeypatch)
    with_index, without = Part(manifest, "train").read_whole(), None
    assert names == []
    (tmp_path / INDEX).unlink()
    without = Part(manifest, "train").read_whole()
    assert sorted(names) == ["batch_train_0.h5", "batch_train_1.h5", "batch_train_2.h5"]
    for one, other in zip(with_index, without, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_same_data_have_the_same_index(write_uneven: Callable, tmp_path: Path) -> None:
    first, second = (write_uneven(tmp_path / name) / INDEX for name in "ab")
    os.utime(first, ns=(0, 0))
    assert sha256_of_file(first) == sha256_of_file(second)


def test_a_shard_that_is_newer_than_the_index_is_searched(uneven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, manifest = uneven / "train" / "batch_train_1.h5", read_manifest(uneven)
    bytes_before = path.stat().st_size
    with h5py.File(path, "a") as shard:
        shard["sample_5_0"].attrs.modify("space_group", np.bytes_("62"))
    assert path.stat().st_size == bytes_before  # the manifest's sizes all hold
    os.utime(path, ns=(0, (uneven / INDEX).stat().st_mtime_ns + 10**9))
    names = searched(monkeypatch)
    _, labels = Part(manifest, "train").read_whole()
    assert names == ["batch_train_1.h5"] and labels[5] == 1


def test_an_index_of_another_manifest_is_not_asked(uneven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(uneven / "manifest.json", "a") as handle:
        handle.write("\n")
    names = searched(monkeypatch)
    Part(read_manifest(uneven), "dev").read_whole()
    assert sorted(names) == ["batch_dev_0.h5", "batch_dev_1.h5"]


@pytest.mark.parametrize("content", [b"", b"PK", b"{}"])
def test_an_index_that_is_none_is_named_with_what_to_do(uneven: Path, content: bytes) -> None:
    (uneven / INDEX).write_bytes(content)
    with pytest.raises(StemdlError, match="the index of the shards cannot be read") as caught:
        Part(read_manifest(uneven), "train")
    assert caught.value.remedy.startswith(f"rm {uneven / INDEX}")


def test_verify_finds_an_index_that_says_something_else(written: Path) -> None:
    with np.load(written / INDEX) as arrays:
        values = dict(arrays)
    assert verify(written).faults == []
    values["labels"][3] = (values["labels"][3] + 1) % 3
    np.savez(written / INDEX, **values)
    (fault,) = verify(written).faults
    assert fault.check == "index" and "batch_train_0.h5" in fault.message
