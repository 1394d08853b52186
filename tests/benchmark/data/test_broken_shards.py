"""What a reader says of shards that are missing, broken, or not as they were: one error that says where."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.data import reader
from benchmark.data.manifest import MANIFEST, read_manifest
from benchmark.data.reader import Part
from benchmark.definition.rung import Storage
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.simulation import cbed_fields

HERE = f"rank 0 on {socket.gethostname()}: "


def part_of(folder: Path, split: str = "train", rank: int = 0, size: int = 1) -> Part:
    return Part(read_manifest(folder), split, rank, size)


def rewrite(path: Path, change: Callable[[h5py.File], None]) -> None:
    """Change a shard by HDF5's own hand and let the manifest agree: what is left is what only reading can find."""
    with h5py.File(path, "a") as shard:
        change(shard)
    manifest = path.parents[1] / MANIFEST
    values = json.loads(manifest.read_text())
    for entry in values["shards"]:
        if entry["path"] == f"{path.parent.name}/{path.name}":
            entry |= {"bytes": path.stat().st_size, "sha256": sha256_of_file(path)}
    manifest.write_text(json.dumps(values))


def test_a_shard_that_is_missing_or_cut_off_is_found_when_a_part_is_opened(uneven: Path) -> None:
    path = uneven / "dev" / "batch_dev_1.h5"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(StemdlError, match="was cut off") as caught:
        part_of(uneven, "dev")
    error = caught.value
    assert error.where == f"{HERE}{path}" and error.remedy == f"stemdl data verify {uneven}"
    assert (error.expected, error.found) == (f"{len(content)} bytes", len(content) - 1)
    path.unlink()
    with pytest.raises(StemdlError, match=f"rank 1 on .*{path}: a shard is missing"):
        part_of(uneven, "dev", 1, 2)
    assert len(part_of(uneven, "dev", 0, 5)) == 1  # needs that shard not


def scaled(shard: h5py.File) -> None:
    shard["sample_9_0"][cbed_fields.STACK][1] *= 3


def other_label(shard: h5py.File) -> None:
    shard["sample_9_0"].attrs.modify("space_group", np.bytes_("6"))


def other_thickness(shard: h5py.File) -> None:
    shard["sample_9_0"].attrs["thickness_angstrom"] = 151.0


def no_more_than_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def in_place(change: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    def changed(path: Path) -> None:
        with h5py.File(path, "r+") as shard:
            change(shard)

    return changed


def read_some(part: Part, chosen: np.ndarray) -> dict[str, np.ndarray]:
    arrays = part.empty(len(chosen))
    part.read(chosen, arrays)
    return arrays


WAYS_TO_READ = {
    "whole": lambda part: part.read_whole(),
    "streamed": lambda part: read_some(part, np.arange(len(part))),
}


@pytest.mark.parametrize("read", WAYS_TO_READ.values(), ids=WAYS_TO_READ)
@pytest.mark.parametrize("storage", [Storage(), Storage(encoding="float16", filter="gzip")], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "change", [in_place(scaled), in_place(other_label), in_place(other_thickness), no_more_than_a_bit]
)
def test_nothing_of_a_shard_that_was_changed_in_place_is_read(
    write_uneven: Callable, tmp_path: Path, storage: Storage, change: Callable, read: Callable
) -> None:
    """The size is the same, and so is the time of the last change."""
    folder = write_uneven(tmp_path / "data", storage)
    path = folder / "train" / "batch_train_2.h5"
    before, found = path.stat(), sha256_of_file(path)
    change(path)
    os.truncate(path, before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StemdlError, match="a shard has changed since the manifest was written") as caught:
        read(part_of(folder))
    assert (caught.value.where, caught.value.expected) == (f"{HERE}{path}", f"sha256 {found}")
    assert caught.value.found == f"sha256 {sha256_of_file(path)}"
    assert f"stemdl data verify {folder}" in caught.value.remedy and f"rm {path} " in caught.value.remedy
    assert len(read(part_of(folder, "train", 0, 2))) > 0  # has no sample of it


@pytest.mark.parametrize("storage", [Storage(), Storage(filter="gzip")], ids=["plain", "gzip"])
def test_a_stack_that_changes_after_it_was_hashed_is_not_read(
    write_uneven: Callable, tmp_path: Path, storage: Storage
) -> None:
    path = write_uneven(tmp_path / "data", storage) / "train" / "batch_train_2.h5"
    part = part_of(tmp_path / "data")
    read_some(part, np.array([7]))  # the shard is hashed now, and sample 9 of it not read yet
    part._files.clear()  # as if others had been read since
    before = path.stat()
    in_place(scaled)(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StemdlError, match="sample_9_0: a shard changed while it was in use"):
        read_some(part, np.array([9]))


def test_bytes_that_are_no_hdf5_are_named(uneven: Path, seal: Callable) -> None:
    path = uneven / "train" / "batch_train_0.h5"
    path.write_bytes(bytes(path.stat().st_size))
    seal(uneven)
    with pytest.raises(StemdlError, match="a shard cannot be read") as caught:
        part_of(uneven).read_whole()
    assert caught.value.where == f"{HERE}{path}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda shard: shard["sample_1_0"].attrs.__setitem__("space_group", np.bytes_("0")),
            "a label is not one of the data set's space groups",
        ),
        (
            lambda shard: shard["sample_1_0"].attrs.__setitem__("space_group", "231"),
            "a label is not one of the data set's space groups",
        ),
        (
            lambda shard: shard["sample_1_0"].attrs.__setitem__("space_group", np.bytes_("14")),
            "a label is not one of the data set's space groups\n  expected: 2, 62, 225\n  found: 14",
        ),
        (lambda shard: shard["sample_1_0"].attrs.__delitem__("space_group"), "a shard cannot be read"),
        (
            lambda shard: shard["sample_1_0/cbed_stack"].__setitem__((1, 3, 4), np.nan),
            "sample_1_0: cbed_stack is not finite\n.*\n.*1 of 768",
        ),
        (lambda shard: shard["sample_1_0/cbed_stack"].__setitem__((0, 0, 0), -np.inf), "cbed_stack is not finite"),
        (lambda shard: shard.__delitem__("sample_1_0"), "does not hold what the manifest says\n.*4 samples\n.*3"),
        (lambda shard: shard.move("sample_1_0", "something"), "a group of the shard is not a sample"),
        (lambda shard: replace_stack(shard, np.zeros((3, 4, 4), np.float32)), "has another size than those before it"),
        (lambda shard: replace_stack(shard, None), "a shard cannot be read"),
        (
            lambda shard: [replace_stack(shard, np.zeros((2, 16, 16), np.float32), name) for name in list(shard)],
            "cbed_stack has another shape than the data set's",
        ),
        (
            lambda shard: [replace_stack(shard, np.zeros((3, 4, 4), np.float32), name) for name in list(shard)],
            "cbed_stack has another shape than the data set's",
        ),
        (lambda shard: shard.attrs.__setitem__("encoding", "jpeg"), "the encoding of a shard is not known"),
    ],
)
def test_what_a_shard_holds_wrongly_is_one_error_that_says_where(uneven: Path, change: Callable, message: str) -> None:
    path = uneven / "train" / "batch_train_0.h5"
    rewrite(path, change)
    part = part_of(uneven)
    read_some(part, np.array([4]))  # its neighbour is sound
    with pytest.raises(StemdlError, match=message) as caught:
        part.read_whole()
    assert str(caught.value).startswith(f"{HERE}{path}")


@pytest.mark.parametrize(
    "other", [np.zeros((3, 32, 32), np.float32), np.zeros((3, 16, 16), np.float64)], ids=["larger", "of another type"]
)
def test_a_filtered_stack_of_another_size_is_told_and_overwrites_nothing(
    write_uneven: Callable, tmp_path: Path, other: np.ndarray
) -> None:
    folder = write_uneven(tmp_path / "data", Storage(filter="gzip"))

    def replace_filtered(shard: h5py.File) -> None:
        del shard["sample_1_0"][cbed_fields.STACK]
        shard["sample_1_0"].create_dataset(cbed_fields.STACK, data=other, chunks=other.shape, compression="gzip")

    rewrite(folder / "train" / "batch_train_0.h5", replace_filtered)
    with pytest.raises(StemdlError, match="sample_1_0: a sample has another size or type than those before it"):
        part_of(folder).read_whole()


def replace_stack(shard: h5py.File, stack: np.ndarray | None, name: str = "sample_1_0") -> None:
    del shard[name][cbed_fields.STACK]
    if stack is not None:
        shard[name][cbed_fields.STACK] = stack


def test_a_shard_that_changes_while_it_is_in_use_is_noticed(uneven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "OPEN_FILES", 1)
    path = uneven / "train" / "batch_train_0.h5"
    part = part_of(uneven)
    read_some(part, np.array([0]))
    read_some(part, np.array([10]))  # another shard: the first is closed
    shutil.copyfile(uneven / "train" / "batch_train_2.h5", path)  # the same size, and later
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 10**9))
    with pytest.raises(StemdlError, match="a shard changed while it was in use"):
        read_some(part, np.array([0]))
    part = part_of(uneven)
    read_some(part, np.array([5]))
    os.truncate(uneven / "train" / "batch_train_1.h5", 100)
    with pytest.raises(StemdlError, match="was cut off while it was in use"):
        read_some(part, np.array([5]))
