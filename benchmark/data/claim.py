"""Which process works in a folder of data, and on what: one at a time, the same recipe always, said before the first
shard is written. A claim of a folder without any shard holds nothing: what failed or was stopped so early does not
keep others out."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack, suppress
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


def _holds_data(folder: Path) -> bool:
    return (folder / MANIFEST).exists() or any(SHARD_NAME.match(path.name) for path in folder.glob("*/*.h5"))
