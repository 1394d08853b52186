"""A data set to be changed for a while, and what is found of it then."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sealing import seal

from benchmark.data.faults import DataFault
from benchmark.data.manifest import read_manifest
from benchmark.data.recognise import recognise
from benchmark.data.recognition import Recognition


@contextmanager
def changed(folder: Path) -> Iterator[None]:
    """What is changed in the folder meanwhile is undone."""
    before = folder.with_name("before")
    shutil.copytree(folder, before)
    try:
        yield
    finally:
        shutil.rmtree(folder)
        before.rename(folder)


def judged(folder: Path) -> tuple[Recognition | None, list[DataFault]]:
    """What is found where the manifest knows of the change."""
    seal(folder)
    return recognise(read_manifest(folder))


def shards(folder: Path) -> list[Path]:
    return [folder / shard["path"] for shard in read_manifest(folder).shards]


def in_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what the manifest says, and no shard."""
    values = json.loads((folder / "manifest.json").read_text())
    change(values)
    (folder / "manifest.json").write_text(json.dumps(values))
