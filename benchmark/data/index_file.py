"""`index.npz` beside a manifest: what `index_shard` finds in every shard, so that nobody has to search them again.

On a parallel file system the search costs several small reads a sample, and so more than the samples of a small rung.
The file is made with the manifest, carries its hash, and holds nothing that the shards do not say themselves: where it
is missing, of another manifest, or older than a shard, the shards are searched.
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.data.shard_index import ShardIndex, index_shard
from benchmark.data.storage import Coding
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path

INDEX = "index.npz"


def write_index(
    folder: Path, manifest_sha256: str, shards: Sequence[Mapping[str, Any]], space_groups: Sequence[int]
) -> None:
    """Search the shards of a manifest and write down what they hold; nothing where they are not all stored alike.

    Raises StemdlError as `index_shard` does.
    """
    classes = {group: number for number, group in enumerate(space_groups)}
    found = [index_shard(folder / shard["path"], shard["samples"], classes) for shard in shards]
    if len({(each.shape, each.coding, each.stored, each.offsets is None) for each in found}) != 1:
        return
    first = found[0]
    arrays = {
        "manifest_sha256": np.array(manifest_sha256),
        "shape": np.array(first.shape),
        "stored": np.array(first.stored.str),
        "coding": np.array(json.dumps(dataclasses.asdict(first.coding))),
        "names": np.concatenate([each.names for each in found]),
        "labels": np.concatenate([each.labels for each in found]),
    }
    if first.offsets is not None:
        arrays["offsets"] = np.concatenate([each.offsets for each in found])
    with atomic_path(folder / INDEX) as temporary, open(temporary, "wb") as handle:
        np.savez(handle, **arrays)


def read_index(
    folder: Path, manifest_sha256: str, shards: Sequence[Mapping[str, Any]]
) -> tuple[int, Mapping[Path, ShardIndex]]:
    """When the index was written, in ns, and what it says of each shard of a manifest, by its path. It says nothing of
    shards that were written to since, and nothing at all of another manifest's.

    Raises StemdlError where the file cannot be read.
    """
    path = folder / INDEX
    if not path.is_file():
        return 0, {}
    try:
        written_ns = path.stat().st_mtime_ns
        with np.load(path, allow_pickle=False) as arrays:
            if str(arrays["manifest_sha256"]) != manifest_sha256:
                return 0, {}
            names, labels, shape = arrays["names"], arrays["labels"], tuple(map(int, arrays["shape"]))
            stored, coding = np.dtype(str(arrays["stored"])), Coding(**json.loads(str(arrays["coding"])))
            offsets = arrays["offsets"] if "offsets" in arrays else None
        if not len(names) == len(labels) == sum(shard["samples"] for shard in shards):
            raise ValueError(f"{len(names)} samples")
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise StemdlError("the index of the shards cannot be read", where=path, found=error,
                          remedy=f"rm {path}: it saves time and nothing else") from error
    known, first = {}, 0
    for shard in shards:
        own = slice(first, first + shard["samples"])
        first = own.stop
        known[folder / shard["path"]] = ShardIndex(names[own], labels[own], shape, coding, stored,
                                                   None if offsets is None else offsets[own])
    return written_ns, known
