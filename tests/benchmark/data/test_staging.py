"""Copies on a node's own disk: each shard once per node, proven, only while they are needed; and clear faults."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from patience import HANG_SECONDS

from benchmark.data import staging
from benchmark.data.manifest import Manifest, read_manifest
from benchmark.data.reader import Part
from benchmark.data.staging import staged
from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import ALONE, Rank

SPLITS = ("train", "dev")


def alone(manifest: Manifest, disk: Path, token: int = 1):
    return staged(manifest, SPLITS, disk, ALONE, token, lambda: None)


def files_of(disk: Path) -> set[str]:
    return {path.name for path in disk.rglob("*.h5")}


def test_what_is_read_from_the_copies_is_what_the_data_hold_and_they_do_not_stay(uneven: Path, tmp_path: Path) -> None:
    manifest, disk = read_manifest(uneven), tmp_path / "disk" / "mine"
    with alone(manifest, disk) as copies:
        assert files_of(disk) == {path.name for split in SPLITS for path in (uneven / split).iterdir()}
        assert copies.manifest.folder.parent == disk and copies.manifest.sha256 == manifest.sha256
        assert copies.shards == 5
        assert copies.bytes == sum(path.stat().st_size for split in SPLITS for path in (uneven / split).iterdir())
        for split in SPLITS:
            for one, other in zip(
                Part(copies.manifest, split).read_whole().values(),
                Part(manifest, split).read_whole().values(),
                strict=True,
            ):
                np.testing.assert_array_equal(one, other)
        assert (uneven / "train").is_dir()
    assert list(disk.iterdir()) == []


def test_the_ranks_of_a_node_share_the_work_and_each_shard_is_copied_once(uneven: Path, tmp_path: Path) -> None:
    """Two nodes of three ranks each; the nodes' disks are two folders."""
    manifest, gate, results, failures = read_manifest(uneven), threading.Barrier(6), {}, []

    def run(number: int) -> None:
        disk = tmp_path / f"node{number // 3}"
        try:
            with staged(manifest, SPLITS[:1], disk, Rank(number, 6, number % 3, 3, "mpirun"), 7, gate.wait) as copies:
                patterns, _ = Part(copies.manifest, "train", number, 6).read_whole().values()
                results[number] = (patterns, copies.shards, files_of(disk))
                gate.wait()
        except BaseException as error:  # noqa: BLE001 - the test looks at them
            failures.append(error)
            gate.abort()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG_SECONDS)
    assert failures == []
    for number, (patterns, _, _) in results.items():
        np.testing.assert_array_equal(patterns, Part(manifest, "train", number, 6).read_whole()["cbed_stack"])
    # 11 samples in shards of 4, 3 and 4: the first three ranks have 2 each, which is the first two shards.
    assert results[0][2] == {"batch_train_0.h5", "batch_train_1.h5"}
    assert results[3][2] == {"batch_train_1.h5", "batch_train_2.h5"}
    assert [sum(results[number][1] for number in node) for node in (range(3), range(3, 6))] == [2, 2]
    assert [list((tmp_path / node).iterdir()) for node in ("node0", "node1")] == [[], []]


def test_a_changed_shard_is_refused_while_it_is_copied(uneven: Path, tmp_path: Path) -> None:
    path = uneven / "dev" / "batch_dev_0.h5"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(StemdlError, match="has changed since the manifest was written") as caught:
        with alone(read_manifest(uneven), tmp_path / "disk"):
            pytest.fail("it was let through")
    assert caught.value.where == f"rank 0 on {socket.gethostname()}: {path}"
    assert files_of(tmp_path / "disk") == set()


def test_a_disk_without_room_is_refused_before_anything_is_copied(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[object] = []
    monkeypatch.setattr(staging, "_copy", lambda *arguments: copied.append(arguments))
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(StemdlError, match=f"rank 0 on {socket.gethostname()}: .*do not fit on the node's own disk"):
        with alone(read_manifest(uneven), tmp_path / "disk"):
            pytest.fail("it was let through")
    assert copied == [] and list((tmp_path / "disk").iterdir()) == []


def test_a_disk_that_fills_up_is_one_error_and_is_left_clean(
    uneven: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, mode: str, buffering: int = -1):
        handle = open(path, mode, buffering=buffering)
        if mode != "xb":
            return handle
        with handle:
            handle.write(b"some")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(staging, "open", full, raising=False)
    with pytest.raises(StemdlError, match="cannot be copied to the node's own disk\n.*No space left") as caught:
        with alone(read_manifest(uneven), tmp_path / "disk"):
            pytest.fail("it was let through")
    assert f"rank 0 on {socket.gethostname()}" in str(caught.value)
    assert list((tmp_path / "disk").iterdir()) == []


def test_a_disk_that_is_a_file_is_refused(uneven: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").write_text("")
    with pytest.raises(StemdlError, match="cannot be copied to the node's own disk"):
        with alone(read_manifest(uneven), tmp_path / "disk"):
            pytest.fail("it was let through")


@pytest.fixture
def killed(uneven: Path, tmp_path: Path) -> Iterator[Path]:
    """What a run leaves behind that was killed: nobody holds its lock."""
    left = tmp_path / "disk" / "stemdl-stage-99" / "train"
    left.mkdir(parents=True)
    (left.parent / ".lock").touch()
    (left / "batch_train_0.h5").write_bytes(b"x")
    yield left.parent


def test_the_next_run_removes_what_a_killed_one_left_but_no_living_one_s(
    uneven: Path, tmp_path: Path, killed: Path
) -> None:
    manifest, disk = read_manifest(uneven), tmp_path / "disk"
    (disk / "other").mkdir()
    with ExitStack() as living:
        first = living.enter_context(alone(manifest, disk, token=1))
        assert not killed.exists() and (disk / "other").is_dir()
        with alone(manifest, disk, token=2) as second:
            assert first.manifest.folder != second.manifest.folder
            assert first.manifest.folder.is_dir()
        assert first.manifest.folder.is_dir() and not second.manifest.folder.exists()
    assert [path.name for path in disk.iterdir()] == ["other"]
