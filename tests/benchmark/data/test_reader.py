"""What each rank reads of a split, from any storage and thread, and what it says of shards that are not as they were."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import HANG_SECONDS

from benchmark.data import reader, schema
from benchmark.data.manifest import MANIFEST, Manifest, read_manifest
from benchmark.data.reader import Part, shards_of_part
from benchmark.definition.rung import Storage
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file

FIRST = {"train": 0, "dev": 11, "test": 16}
TOTAL = {"train": 11, "dev": 5, "test": 3}
STORAGES = [
    Storage(),
    Storage(encoding="float16"),
    Storage(encoding="log_uint8"),
    Storage(filter="gzip"),
    Storage(encoding="log_uint8", filter="gzip"),
    Storage(pixels=4),
]
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


def open_shards() -> list[str]:
    """The shards that this process has open now."""
    links = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return [target for target in map(os.readlink, links) if target.endswith(".h5")]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(1, 40))
def test_parts_are_neighbours_that_cover_a_split_once_in_the_fewest_shards(sizes: list[int], ranks: int) -> None:
    shards = tuple({"path": f"train/{k}", "bytes": 1, "sha256": "", "samples": size} for k, size in enumerate(sizes))
    manifest = SimpleNamespace(folder=Path("x"), samples={"train": sum(sizes)}, shards=shards, places=None)
    seen: list[int] = []
    for rank in range(ranks):
        if rank >= sum(sizes):
            with pytest.raises(StemdlError, match=f"rank {rank} of {ranks} has no sample"):
                shards_of_part(manifest, "train", rank, ranks)
            continue
        own, needed = shards_of_part(manifest, "train", rank, ranks)
        assert len(own) == len(range(rank, sum(sizes), ranks))  # what `steps_per_epoch` reckons with
        assert all(set(own) & set(range(shard.first, shard.first + shard.samples)) for shard in needed)
        assert set(own) <= {place for shard in needed for place in range(shard.first, shard.first + shard.samples)}
        seen += own.tolist()
    assert seen == list(range(sum(sizes)))


@pytest.mark.parametrize("storage", STORAGES, ids=lambda each: f"{each.pixels}-{each.encoding}-{each.filter}")
def test_every_storage_is_read_as_hdf5_reads_it(write_uneven: Callable, tmp_path: Path, storage: Storage) -> None:
    folder = write_uneven(tmp_path, storage)
    expected = []
    for path, name in schema.iter_samples(folder, "train"):
        with h5py.File(path) as shard:
            expected.append(schema.read_patterns(shard[name]))
    patterns, labels = part_of(folder).read_whole()
    assert patterns.dtype == np.float32
    np.testing.assert_array_equal(patterns, np.stack(expected))
    assert labels.tolist() == [number % 3 for number in range(11)]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("split", ["train", "dev"])
def test_the_parts_of_all_ranks_hold_the_patterns_of_a_split(
    uneven: Path, stack_of: Callable, size: int, split: str
) -> None:
    parts = [part_of(uneven, split, rank, size) for rank in range(size)]
    patterns = np.concatenate([part.read_whole()[0] for part in parts])
    np.testing.assert_array_equal(
        patterns, np.stack([stack_of(FIRST[split] + i).patterns for i in range(TOTAL[split])])
    )
    assert [part.bytes_in_memory() for part in parts] == [len(part) * 3 * 256 * 4 for part in parts]


def test_samples_come_in_the_order_asked_for(uneven: Path, stack_of: Callable) -> None:
    part = part_of(uneven, "train", 1, 2)  # samples 6 to 10
    chosen = np.array([4, 0, 3, 0, 1])
    out = np.empty((5, 3, 16, 16), dtype=np.float32)
    labels = part.read(chosen, out)
    assert labels.tolist() == [(6 + number) % 3 for number in chosen]
    np.testing.assert_array_equal(out, np.stack([stack_of(6 + number).patterns for number in chosen]))


def test_no_shard_is_opened_before_it_is_asked_for_and_few_at_once(
    uneven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    read = reader.read_sealed
    monkeypatch.setattr(reader, "read_sealed", lambda path, sha256: opened.append(path) or read(path, sha256))
    monkeypatch.setattr(reader, "OPEN_FILES", 2)
    part = part_of(uneven)
    assert opened == []
    out = np.empty((1, 3, 16, 16), dtype=np.float32)
    part.read(np.array([5]), out)
    assert [path.name for path in opened] == ["batch_train_1.h5"]
    for number in (0, 5, 10, 0, 5, 10):
        part.read(np.array([number]), out)
        assert 1 <= len(open_shards()) <= 2
    assert len(opened) == 3  # each was read whole once, however often it was opened
    del part
    assert open_shards() == []


def test_threads_that_share_a_part_do_not_disturb_each_other(
    uneven: Path, stack_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "OPEN_FILES", 1)  # files are closed under the threads' hands
    part = part_of(uneven)
    expected = np.stack([stack_of(number).patterns for number in range(11)])

    def read(seed: int) -> bool:
        chosen = np.random.default_rng(seed).permutation(11)
        out = np.empty((11, 3, 16, 16), dtype=np.float32)
        part.read(chosen, out)
        return np.array_equal(out, expected[chosen])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(200)))


@pytest.mark.parametrize("storage", [Storage(), Storage(filter="gzip")], ids=["plain", "gzip"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_after_a_fork_the_child_opens_its_own_files(write_uneven: Callable, tmp_path: Path, storage: Storage) -> None:
    part = part_of(write_uneven(tmp_path, storage))
    before, _ = part.read_whole()
    parents = list(part._files.values())
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def child() -> None:
        again, _ = part.read_whole()
        shared = [one for one in part._files.values() if any(one is other for other in parents)]
        answers.put((np.array_equal(again, before), shared == []))

    process = context.Process(target=child)
    process.start()
    assert answers.get(timeout=HANG_SECONDS) == (True, True)
    process.join()
    after, _ = part.read_whole()
    np.testing.assert_array_equal(after, before)


# ---- faults: one message, that names rank, host and file


def test_a_missing_split_is_named(uneven: Path) -> None:
    manifest = read_manifest(uneven)
    gone = Manifest(**{**vars(manifest), "samples": {"train": 11, "test": 3}})
    with pytest.raises(StemdlError, match="the data have no split 'dev'\n.*\n.*11 of train, 3 of test"):
        Part(gone, "dev")
    with pytest.raises(StemdlError, match="the shards of 'dev' are not those .*\n.*: 6 samples\n.*: 5"):
        Part(Manifest(**{**vars(manifest), "samples": {**manifest.samples, "dev": 6}}), "dev")


def test_more_ranks_than_samples_is_one_clear_error(uneven: Path) -> None:
    assert len(part_of(uneven, "test", 2, 4)) == 1
    with pytest.raises(StemdlError, match="rank 3 of 4 has no sample of 'test'.*\n.*3 samples"):
        part_of(uneven, "test", 3, 4)


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
    shard["sample_9_0"][schema.STACK][1] *= 3


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


WAYS_TO_READ = {
    "whole": lambda part: part.read_whole(),
    "streamed": lambda part: part.read(np.arange(len(part)), np.empty((len(part), 3, 16, 16), np.float32)),
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
    path, out = write_uneven(tmp_path / "data", storage) / "train" / "batch_train_2.h5", np.empty((1, 3, 16, 16), "f4")
    part = part_of(tmp_path / "data")
    part.read(np.array([7]), out)  # the shard is hashed now, and sample 9 of it not read yet
    part._files.clear()  # as if others had been read since
    before = path.stat()
    in_place(scaled)(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(StemdlError, match="sample_9_0: a shard changed while it was in use"):
        part.read(np.array([9]), out)


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
            "the label is no space group",
        ),
        (lambda shard: shard["sample_1_0"].attrs.__setitem__("space_group", "231"), "the label is no space group"),
        (
            lambda shard: shard["sample_1_0"].attrs.__setitem__("space_group", np.bytes_("14")),
            "a label is none of the data set's space groups\n  expected: 2, 62, 225\n  found: 14",
        ),
        (lambda shard: shard["sample_1_0"].attrs.__delitem__("space_group"), "a shard cannot be read"),
        (
            lambda shard: shard["sample_1_0/cbed_stack"].__setitem__((1, 3, 4), np.nan),
            "sample_1_0: intensities are not finite\n.*\n.*1 of 768",
        ),
        (lambda shard: shard["sample_1_0/cbed_stack"].__setitem__((0, 0, 0), -np.inf), "intensities are not finite"),
        (lambda shard: shard.__delitem__("sample_1_0"), "does not hold what the manifest says\n.*4 samples\n.*3"),
        (lambda shard: shard.move("sample_1_0", "something"), "a group of the shard is no sample"),
        (lambda shard: replace_stack(shard, np.zeros((3, 4, 4), np.float32)), "has another size than those before it"),
        (lambda shard: replace_stack(shard, None), "a shard cannot be read"),
        (
            lambda shard: [replace_stack(shard, np.zeros((2, 16, 16), np.float32), name) for name in list(shard)],
            "a sample is no stack of patterns",
        ),
        (
            lambda shard: [replace_stack(shard, np.zeros((3, 4, 4), np.float32), name) for name in list(shard)],
            "a shard has patterns of another size",
        ),
        (lambda shard: shard.attrs.__setitem__("encoding", "jpeg"), "the encoding of a shard is not known"),
    ],
)
def test_what_a_shard_holds_wrongly_is_one_error_that_says_where(uneven: Path, change: Callable, message: str) -> None:
    path = uneven / "train" / "batch_train_0.h5"
    rewrite(path, change)
    part = part_of(uneven)
    part.read(np.array([4]), np.empty((1, 3, 16, 16), dtype=np.float32))  # its neighbour is sound
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
        del shard["sample_1_0"][schema.STACK]
        shard["sample_1_0"].create_dataset(schema.STACK, data=other, chunks=other.shape, compression="gzip")

    rewrite(folder / "train" / "batch_train_0.h5", replace_filtered)
    with pytest.raises(StemdlError, match="sample_1_0: a sample has another size or type than those before it"):
        part_of(folder).read_whole()


def test_filters_of_a_plugin_are_there_in_a_process_that_wrote_nothing(
    write_uneven: Callable, tmp_path: Path, environment: dict[str, str], stack_of: Callable
) -> None:
    pytest.importorskip("hdf5plugin")
    folder = write_uneven(tmp_path / "data", Storage(filter="lz4"))
    program = (
        "from pathlib import Path; from benchmark.data.manifest import read_manifest; "
        "from benchmark.data import reader; import sys; "
        "print(reader.Part(read_manifest(Path(sys.argv[1])), 'dev').read_whole()[0].tobytes().hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, folder],
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = np.stack([stack_of(FIRST["dev"] + number).patterns for number in range(TOTAL["dev"])])
    assert done.stdout.strip() == expected.tobytes().hex()


def replace_stack(shard: h5py.File, stack: np.ndarray | None, name: str = "sample_1_0") -> None:
    del shard[name][schema.STACK]
    if stack is not None:
        shard[name][schema.STACK] = stack


def test_a_shard_that_changes_while_it_is_in_use_is_noticed(uneven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "OPEN_FILES", 1)
    path, out = uneven / "train" / "batch_train_0.h5", np.empty((1, 3, 16, 16), dtype=np.float32)
    part = part_of(uneven)
    part.read(np.array([0]), out)
    part.read(np.array([10]), out)  # another shard: the first is closed
    shutil.copyfile(uneven / "train" / "batch_train_2.h5", path)  # the same size, and later
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 10**9))
    with pytest.raises(StemdlError, match="a shard changed while it was in use"):
        part.read(np.array([0]), out)
    part = part_of(uneven)
    part.read(np.array([5]), out)
    os.truncate(uneven / "train" / "batch_train_1.h5", 100)
    with pytest.raises(StemdlError, match="was cut off while it was in use"):
        part.read(np.array([5]), out)
