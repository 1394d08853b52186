"""Copies the shards that a node's ranks need to the node's own disk: each once, by one of them, and proven whole.

Time spent here is part of the run (rules.md, R3.3). The copies lie in a folder of the run's own, which its ranks hold a
lock on while they live. The last rank that lets go of it removes the folder; so does the next run on that disk where
the ranks were killed.
"""

from __future__ import annotations

import dataclasses
import fcntl
import hashlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from benchmark.data.manifest import Manifest
from benchmark.data.reader import THREADS, Part, Shard
from benchmark.data.sealed import changed
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.progress import counted, progress
from benchmark.launch.rank import Rank

FOLDER, LOCK = "stemdl-stage-", ".lock"
BLOCK_BYTES = 16 << 20


@dataclass(frozen=True)
class Staged:
    """What a rank reads from now on: `manifest`, of a folder on the node's disk; and what this rank copied there."""

    manifest: Manifest
    shards: int
    bytes: int


@contextmanager
def staged(
    manifest: Manifest, splits: tuple[str, ...], disk: Path, rank: Rank, token: int, barrier: Callable[[], None]
) -> Iterator[Staged]:
    """The ranks' parts of `splits` on each node's own `disk`, while the block lasts. Called by all ranks.

    Parameters
    ----------
    disk : a folder on the node's own disk, made where it is missing.
    token : the same number on all ranks, another one in each run.
    barrier : returns when all ranks have called it.

    Raises StemdlError naming rank and host where the disk has no room or cannot be written to, and where a shard is
    missing or has not the SHA-256 that the manifest gives.
    """
    place = f"rank {rank.rank} on {socket.gethostname()}"
    # A partition may have samples of several splits in one shard.
    shards = list(
        {shard.path: shard for split in splits for shard in Part(manifest, split, rank.rank, rank.size).shards}.values()
    )
    folder = disk / f"{FOLDER}{token}"
    with ExitStack() as held:
        try:
            held.callback(_leave, folder, _enter(folder))
            if rank.local_rank == 0:
                _remove_left_behind(disk)
            _require_room(shards, folder, rank, place)
            title = "Copying to the node's disk"
            with (
                progress(title, len(shards), "shards", last=False, rank=rank.rank) as advance,
                ThreadPoolExecutor(THREADS) as pool,
            ):
                copies = pool.map(lambda shard: _copy(shard, manifest.folder, folder, place), shards)
                copied = list(counted(copies, advance))
        except OSError as error:
            raise StemdlError(
                "the data cannot be copied to the node's own disk",
                where=f"{place}: {disk}",
                found=error.strerror or error,
                remedy="--set stage=DIR with room and permission, or "
                "leave it out: then the data are read where they are",
            ) from error
        barrier()  # what others of this node copied is whole from here on
        yield Staged(
            dataclasses.replace(manifest, folder=folder, own_schema=manifest.schema),
            sum(map(bool, copied)),
            sum(copied),
        )


def _enter(folder: Path) -> IO[str]:
    """The lock that says that the folder is in use; tried again where another run has just removed it as unused."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = open(folder / LOCK, "a")
            fcntl.flock(lock, fcntl.LOCK_SH)
            if (folder / LOCK).stat().st_ino == os.fstat(lock.fileno()).st_ino:
                return lock
            lock.close()
        except FileNotFoundError:
            continue


def _leave(folder: Path, lock: IO[str]) -> None:
    """Let go of the folder; whoever is the last removes it."""
    with lock:
        fcntl.flock(lock, fcntl.LOCK_UN)
        _remove_unused(folder, lock)


def _remove_unused(folder: Path, lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    shutil.rmtree(folder, ignore_errors=True)


def _remove_left_behind(disk: Path) -> None:
    """Make room: remove what killed runs left here."""
    for path in disk.glob(f"{FOLDER}*/{LOCK}"):
        try:
            with open(path, "a") as lock:
                _remove_unused(path.parent, lock)
        except (FileNotFoundError, PermissionError):  # just gone, or somebody else's
            continue


def _require_room(shards: list[Shard], folder: Path, rank: Rank, place: str) -> None:
    """Refuses a disk that cannot hold what this node's ranks need: each about the same, some of it there already."""
    needed = sum(shard.bytes for shard in shards) * rank.local_size
    room = shutil.disk_usage(folder).free + sum(path.stat().st_size for path in folder.glob("*/*"))
    if needed > room:
        raise StemdlError(
            "the data do not fit on the node's own disk",
            where=f"{place}: {folder.parent}",
            expected=f"{needed / 2**30:.2f} GiB for {rank.local_size} ranks",
            found=f"{room / 2**30:.2f} GiB free",
            remedy="--set stage=DIR on a larger disk, or more nodes",
        )


def _copy(shard: Shard, source: Path, folder: Path, place: str) -> int:
    """The bytes copied: none where another rank of the node has begun with this shard. Read and hashed in one go."""
    target = folder / shard.path.relative_to(source)
    target.parent.mkdir(exist_ok=True)
    try:
        writer = open(target, "xb", buffering=0)
    except FileExistsError:
        return 0
    digest, done = hashlib.sha256(), 0
    with writer, open(shard.path, "rb", buffering=0) as reader:
        while block := reader.read(BLOCK_BYTES):
            digest.update(block)
            view = memoryview(block)
            while view:  # an unbuffered write may be partial
                view = view[writer.write(view) :]
            done += len(block)
    if digest.hexdigest() != shard.sha256:
        raise changed(shard.path, shard.sha256, digest.hexdigest(), f"{place}: ")
    return done
