"""Generation on processes and MPI ranks that are killed, run into a full disk or lose a worker."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hashes import hashes
from patience import HANG_SECONDS, wait_until

from benchmark.data.manifest import read_manifest
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.launch.launchers import Job, get_launcher

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("generation_script.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
MANY = ("--train", "30")
SHARDS_OF_MANY = 24


def on_processes(folder: Path, *options: str) -> list[str]:
    return [sys.executable, str(SCRIPT), str(folder), *options]


def on_ranks(folder: Path, *options: str, ranks: int = 2) -> list[str]:
    return get_launcher("mpirun").argv(Job(ranks, tuple(on_processes(folder, "--mpi", *options))))


def finish(argv: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(argv, env=ENVIRONMENT, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)


def many(folder: Path) -> None:
    done = finish(on_processes(folder, *MANY, "--processes", "2"))
    assert done.returncode == 0, done.stderr


def few(folder: Path) -> None:
    done = finish(on_processes(folder))
    assert done.returncode == 0, done.stderr


def _alive(pid: int) -> bool:
    """Whether a process runs; one that has ended but that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _workers(pid: int) -> list[int]:
    """The processes that a generation has begun to work for it, and not the one that tracks its resources."""
    children = psutil.Process(pid).children()
    return [child.pid for child in children if "resource_tracker" not in " ".join(child.cmdline())]


def _ranks_of(folder: Path) -> list[int]:
    """The processes that run the script for a folder under MPI, but for the launcher."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0") if entry.name.isdigit() else []
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if words[:2] == [sys.executable, str(SCRIPT)] and str(folder) in words:
            found.append(int(entry.name))
    return found


def kept(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.h5")}


@pytest.mark.slow
def test_a_killed_generation_is_finished_to_the_same_bytes(tmp_path: Path, once: Callable) -> None:
    folder = tmp_path / "killed"
    process = subprocess.Popen(
        on_processes(folder, *MANY, "--processes", "2"), env=ENVIRONMENT, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: len(kept(folder)) >= 3)
    workers = _workers(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(workers) == 2
    wait_until(lambda: not any(map(_alive, workers)))  # no worker outlives a killed parent
    there = kept(folder)
    assert 3 <= len(there) < SHARDS_OF_MANY, "the kill came too late to show anything"
    with pytest.raises(StemdlError, match="not finished"):
        read_manifest(folder)
    (folder / "train" / ".batch_train_9.h5.1.part").write_bytes(b"what a kill leaves")
    done = finish(on_processes(folder, *MANY, "--processes", "2"))
    assert done.returncode == 0, done.stderr
    assert there.items() <= kept(folder).items(), "finished shards were made again"
    assert hashes(folder) == hashes(once("generated_many", many))


@pytest.mark.mpi
@pytest.mark.slow
def test_mpi_ranks_killed_at_random_are_finished_by_others_to_the_same_bytes(tmp_path: Path, once: Callable) -> None:
    """One rank is killed with SIGKILL after some shards, and again; at the end three ranks finish the work of two."""
    folder = tmp_path / "killed"
    chance = random.Random(20260101)
    for least in (chance.randint(2, 4), chance.randint(8, 12)):
        process = subprocess.Popen(
            on_ranks(folder, *MANY),
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        ranks = wait_until(lambda: len(found := _ranks_of(folder)) == 2 and found)
        wait_until(lambda least=least: len(kept(folder)) >= least)
        os.kill(chance.choice(ranks), signal.SIGKILL)
        assert process.wait(timeout=HANG_SECONDS) != 0
        wait_until(lambda ranks=ranks: not any(map(_alive, ranks)))
    there = kept(folder)
    assert 8 <= len(there) < SHARDS_OF_MANY, "the kill came too late to show anything"
    done = finish(on_ranks(folder, *MANY, ranks=3))
    assert done.returncode == 0, done.stderr
    assert there.items() <= kept(folder).items(), "finished shards were made again"
    assert hashes(folder) == hashes(once("generated_many", many))


@pytest.mark.mpi
def test_two_mpi_ranks_make_the_same_bytes(tmp_path: Path, once: Callable) -> None:
    """One worker process made the reference; the second call of each rank only reads."""
    one, two = once("generated_few", few), tmp_path / "data"
    done = finish(on_ranks(two))
    assert done.returncode == 0, done.stderr
    digest = sha256_of_file(one / "manifest.json")
    assert f"rank 0 of 2: {digest}" in done.stdout and f"rank 1 of 2: {digest}" in done.stdout
    assert hashes(two) == hashes(one)


@pytest.mark.mpi
def test_a_full_disk_stops_all_mpi_ranks_with_one_message(tmp_path: Path) -> None:
    done = finish(on_ranks(tmp_path / "data", "--limit-bytes", "40000"))
    assert done.returncode == 2
    assert done.stderr.count("the data cannot be written") == 1 and "stemdl: rank 0: " in done.stderr
    assert "make room and run the same command again" in done.stderr and "Traceback" not in done.stderr
    assert not any(".h5." in path or path.startswith(".claims") for path in hashes(tmp_path / "data"))


@pytest.mark.parametrize("limit_bytes", [20_000, 40_000])
def test_a_full_disk_is_one_clear_error_and_leaves_no_part_of_a_shard(
    tmp_path: Path, once: Callable, limit_bytes: int
) -> None:
    """A limit on the size of files stands for the full disk: the same failed write, of the same system call."""
    folder = tmp_path / "data"
    done = finish(on_processes(folder, "--limit-bytes", str(limit_bytes)))
    message = done.stdout.splitlines()
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert len(message) == 3 and "the data cannot be written" in message[0] and "make room" in message[2]
    left = hashes(folder)
    assert "train/batch_train_0.h5" not in left and "manifest.json" not in left
    # The shards that fitted are whole, and nothing else is there.
    assert left.items() <= hashes(once("generated_few", few)).items()


def test_a_worker_that_dies_is_one_clear_error(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    argv = on_processes(folder, "--train", "200", "--processes", "2")
    process = subprocess.Popen(argv, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_until(lambda: kept(folder))
    os.kill(_workers(process.pid)[-1], signal.SIGKILL)
    output, _ = process.communicate(timeout=HANG_SECONDS)
    assert "a worker process died" in output and "run the same command again" in output
