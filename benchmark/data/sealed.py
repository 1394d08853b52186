"""Shards read whole and held against the manifest's SHA-256: what is hashed is the very bytes that are then used."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.text import typed

if TYPE_CHECKING:
    import h5py

    from benchmark.data.manifest import Manifest


def read_sealed(path: Path, sha256: str) -> bytes:
    """The bytes of a shard whose hash the manifest gives. Raises StemdlError for other ones, OSError where there are
    none."""
    content = path.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise changed(path, sha256, found)
    return content


def changed(path: Path, expected: str, found: str, place: str = "") -> StemdlError:
    """What is said of a shard that is not the manifest's, and what to do; `place` is the rank that met it."""
    folder = path.parents[1]
    return StemdlError(
        "a shard has changed since the manifest was written",
        where=f"{place}{path}",
        expected=f"sha256 {expected}",
        found=f"sha256 {found}",
        remedy=f"stemdl data verify {typed(folder)} names every such shard; to make this one again, "
        f"rm {typed(path)} {typed(folder / 'manifest.json')}, then the command that made the data",
    )


class _Image(io.BytesIO):
    """The bytes of a file, which h5py calls by the file's name."""

    def __init__(self, content: bytes, path: Path) -> None:
        super().__init__(content)
        self._path = path

    def __repr__(self) -> str:
        return str(self._path)


def opened_image(content: bytes, path: Path) -> h5py.File:
    """An HDF5 file that lies in memory, as it was read from `path`. Raises OSError where it is not one."""
    import h5py

    return h5py.File(_Image(content, path), "r")


@contextmanager
def opened_shard(manifest: Manifest, shard: Mapping[str, Any]) -> Iterator[h5py.File]:
    """A shard of a data set, by its entry in the manifest, open while the block lasts. Raises as `read_sealed` and
    `opened_image` do."""
    path = manifest.folder / shard["path"]
    with opened_image(read_sealed(path, shard["sha256"]), path) as opened:
        yield opened
