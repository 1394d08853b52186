"""Which process works in a folder of data, and on what: one at a time, the same recipe always, said before the first
shard is written. A claim of a folder without any shard holds nothing: what failed or was stopped so early does not
keep others out."""

from __future__ import annotations

import errno
import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmark.data.layout import SHARD_NAME
from benchmark.data.manifest import MANIFEST
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import Busy, exclusive, write_json
from benchmark.foundation.progress import progress

RECIPE, LOCK = "recipe.json", ".lock"
SECONDS_BETWEEN_LOOKS = 0.5


def hold(folder: Path, shards: int | None, held: ExitStack) -> None:
    """Be the one process that works in `folder` until `held` is closed. While another one does, wait for it and show
    how many of its `shards` it has made; None where their number is not known."""
    lock = folder / LOCK
    with suppress(Busy):
        held.enter_context(exclusive(lock))
        return
    print(f"another process is making data in {folder}: waiting until it is done", file=sys.stderr, flush=True)

    def made() -> int:
        return sum(1 for _ in folder.rglob("*.h5"))

    before = made()
    with progress("Waiting for the other process", max(0, (shards or before + 1) - before), "shards") as advance:
        while True:
            with suppress(Busy):
                held.enter_context(exclusive(lock))
                return
            advance(made() - before)
            time.sleep(SECONDS_BETWEEN_LOOKS)


def refuse_other_data(folder: Path, recipe_sha256: str) -> bool:
    """Whether the folder is for data of this recipe already; raises StemdlError where it is for others, or cannot be
    read."""
    path = folder / RECIPE
    if not path.exists():
        return False
    try:
        found: object = json.loads(path.read_text(encoding="utf-8"))["recipe_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise StemdlError(
            "what the folder is for cannot be read",
            where=path,
            found=repr(error),
            remedy="choose another folder with -o",
        ) from error
    if found != recipe_sha256 and _holds_data(folder):
        raise StemdlError(
            "the folder holds other data",
            where=folder,
            expected=f"recipe {recipe_sha256}",
            found=f"recipe {found}",
            remedy="choose another folder with -o",
        )
    return found == recipe_sha256


def claim(folder: Path, recipe: dict[str, Any], recipe_sha256: str) -> None:
    """Write what the folder is for, or refuse a folder that holds something else, with a StemdlError."""
    if not refuse_other_data(folder, recipe_sha256):
        write_json(folder / RECIPE, {"recipe_sha256": recipe_sha256, **recipe})


def refuse_other_shard(path: Path, found: Mapping[str, object], identity: Mapping[str, object]) -> None:
    """Raises StemdlError where a shard that is there, with the attributes `found`, is not one of `identity`."""
    if found != identity:
        raise StemdlError(
            "a shard of other data is in the way",
            where=path,
            expected=identity,
            found=found,
            remedy="choose another folder with -o",
        )


@contextmanager
def data_written(folder: Path) -> Iterator[None]:
    """A block that writes data to `folder`: raises StemdlError where a worker dies or the disk refuses. Of MPI ranks
    all raise the same where they would all have raised the error behind it."""
    try:
        yield
    except BrokenProcessPool as error:
        raise StemdlError(
            "a worker process died",
            where=folder,
            found=error,
            remedy="run the same command again: finished shards are kept (is memory short?)",
        ) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        told = StemdlError(
            "the data cannot be written",
            where=error.filename or folder,
            found=error.strerror or error,
            remedy="make room and run the same command again: finished shards are kept"
            if full
            else "choose another folder with -o, or have it made writable: finished shards are kept",
        )
        told.on_all_ranks = getattr(error, "on_all_ranks", False)
        raise told from error


def _holds_data(folder: Path) -> bool:
    return (folder / MANIFEST).exists() or any(SHARD_NAME.match(path.name) for path in folder.glob("*/*.h5"))
