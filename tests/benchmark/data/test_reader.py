"""What each rank reads of a split, from any storage and thread."""

from __future__ import annotations

import multiprocessing
import os
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

from benchmark.crystals import cbed_stack
from benchmark.data import layout, reader
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.reader import Part, shards_of_part
from benchmark.definition.rung import Storage
from benchmark.foundation.errors import StemdlError

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


def open_shards(folder: Path) -> list[str]:
    """The shards of that folder that this process has open now; an earlier test's may wait to be collected."""
    links = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return [
        target for target in map(os.readlink, links) if target.endswith(".h5") and Path(target).is_relative_to(folder)
    ]


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
    for path, name in layout.iter_samples(folder, "train"):
        with h5py.File(path) as shard:
            expected.append(cbed_stack.read_patterns(shard[name]))
    patterns, labels = part_of(folder).read_whole().values()
    assert patterns.dtype == np.float32
    np.testing.assert_array_equal(patterns, np.stack(expected))
    assert labels.tolist() == [number % 3 for number in range(11)]


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("split", ["train", "dev"])
def test_the_parts_of_all_ranks_hold_the_patterns_of_a_split(
    uneven: Path, stack_of: Callable, size: int, split: str
) -> None:
    parts = [part_of(uneven, split, rank, size) for rank in range(size)]
    patterns = np.concatenate([part.read_whole()["cbed_stack"] for part in parts])
    np.testing.assert_array_equal(
        patterns, np.stack([stack_of(FIRST[split] + i).patterns for i in range(TOTAL[split])])
    )
    assert [part.bytes_in_memory() for part in parts] == [len(part) * (3 * 256 * 4 + 8) for part in parts]


def test_samples_come_in_the_order_asked_for(uneven: Path, stack_of: Callable) -> None:
    part = part_of(uneven, "train", 1, 2)  # samples 6 to 10
    chosen = np.array([4, 0, 3, 0, 1])
    arrays = part.empty(5)
    part.read(chosen, arrays)
    assert arrays["space_group"].tolist() == [(6 + number) % 3 for number in chosen]
    np.testing.assert_array_equal(arrays["cbed_stack"], np.stack([stack_of(6 + number).patterns for number in chosen]))


def test_no_shard_is_opened_before_it_is_asked_for_and_few_at_once(
    uneven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    read = reader.read_sealed
    monkeypatch.setattr(reader, "read_sealed", lambda path, sha256: opened.append(path) or read(path, sha256))
    monkeypatch.setattr(reader, "OPEN_FILES", 2)
    part = part_of(uneven)
    assert opened == []
    out = part.empty(1)
    part.read(np.array([5]), out)
    assert [path.name for path in opened] == ["batch_train_1.h5"]
    for number in (0, 5, 10, 0, 5, 10):
        part.read(np.array([number]), out)
        assert 1 <= len(open_shards(uneven)) <= 2
    assert len(opened) == 3  # each was read whole once, however often it was opened
    del part
    assert open_shards(uneven) == []


def test_threads_that_share_a_part_do_not_disturb_each_other(
    uneven: Path, stack_of: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "OPEN_FILES", 1)  # files are closed under the threads' hands
    part = part_of(uneven)
    expected = np.stack([stack_of(number).patterns for number in range(11)])

    def read(seed: int) -> bool:
        chosen = np.random.default_rng(seed).permutation(11)
        out = part.empty(11)
        part.read(chosen, out)
        return np.array_equal(out["cbed_stack"], expected[chosen])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(200)))


@pytest.mark.parametrize("storage", [Storage(), Storage(filter="gzip")], ids=["plain", "gzip"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_after_a_fork_the_child_opens_its_own_files(write_uneven: Callable, tmp_path: Path, storage: Storage) -> None:
    part = part_of(write_uneven(tmp_path, storage))
    before, _ = part.read_whole().values()
    parents = list(part._files.values())
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def child() -> None:
        again, _ = part.read_whole().values()
        shared = [one for one in part._files.values() if any(one is other for other in parents)]
        answers.put((np.array_equal(again, before), shared == []))

    process = context.Process(target=child)
    process.start()
    assert answers.get(timeout=HANG_SECONDS) == (True, True)
    process.join()
    after, _ = part.read_whole().values()
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


def test_filters_of_a_plugin_are_there_in_a_process_that_wrote_nothing(
    write_uneven: Callable, tmp_path: Path, environment: dict[str, str], stack_of: Callable
) -> None:
    pytest.importorskip("hdf5plugin")
    folder = write_uneven(tmp_path / "data", Storage(filter="lz4"))
    program = (
        "from pathlib import Path; from benchmark.data.manifest import read_manifest; "
        "from benchmark.data import reader; import sys; "
        "print(reader.Part(read_manifest(Path(sys.argv[1])), 'dev').read_whole()['cbed_stack'].tobytes().hex())"
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
