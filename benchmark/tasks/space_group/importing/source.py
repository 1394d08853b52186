"""What is to be imported: which form the source has, and which of its files belongs to which split.

Forms. `olcf`, the real set as published: HDF5 files batch_<split>_<rank>.h5, one for each MPI rank of the simulation,
in folders train/ dev/ test/, in one folder or alone. `npz`, what the public preprocessing makes of it (MLCommons and
STFC): one file sample-<i>.npz a stack, in folders train/ test/ dev/ or training/ validation/ testing/ inference/.
`own`, a data set of ours with its manifest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.data.layout import SHARD_NAME
from benchmark.data.manifest import MANIFEST, Manifest, read_manifest
from benchmark.data.sealed import opened_image, read_sealed
from benchmark.definition.rung import SPLITS
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.search import files_below, refuse_unread

if TYPE_CHECKING:
    import h5py

SPLIT_OF_FOLDER = {
    "train": "train",
    "training": "train",
    "dev": "dev",
    "validation": "dev",
    "val": "dev",
    "test": "test",
    "testing": "test",
    "inference": "test",
}
"""STFC halved the real set's test split into testing/ and inference/."""
NPZ_NAME = re.compile(r"sample-([0-9]{1,9})\.npz\Z")


@dataclass(frozen=True)
class SourceFile:
    """One file: `name` is its path below the source, by which it is reported; `number` is in its own name."""

    path: Path
    name: str
    split: str
    number: int
    sha256: str | None = None

    def opened(self) -> h5py.File:
        """The HDF5 file. Raises OSError where it is not one, and StemdlError where its hash is not the one in its data
        set's manifest."""
        import h5py

        if self.sha256 is None:
            return h5py.File(self.path, "r")
        return opened_image(read_sealed(self.path, self.sha256), self.path)


@dataclass(frozen=True)
class Source:
    """The files of a source in the order of splits and numbers.

    Attributes
    ----------
    form : olcf, npz or own. name : of the folder or file.
    strangers : files with the form's suffix whose names or folders tell no split.
    manifest : of a data set of ours; None for the others.
    """

    form: str
    name: str
    files: tuple[SourceFile, ...]
    strangers: tuple[str, ...]
    manifest: Manifest | None = None


def find_source(path: Path) -> Source:
    """Find out which form a folder or file has. Raises StemdlError where there is nothing of a known form."""
    if not path.exists():
        raise StemdlError("there is no such folder or file", where=path)
    base = path if path.is_dir() else path.parent
    name = path.resolve().name
    if path.is_dir() and (path / MANIFEST).is_file():
        manifest = read_manifest(path)
        hashes = {path / shard["path"]: shard["sha256"] for shard in manifest.shards}
        files, strangers = _sorted_out(base, hashes, _of_shard)
        files = tuple(replace(file, sha256=hashes[file.path]) for file in files)
        return Source("own", name, files, strangers, manifest)
    for form, suffix, tell in (("olcf", ".h5", _of_shard), ("npz", ".npz", _of_npz)):
        files, strangers = _sorted_out(base, _files(path, suffix), tell)
        if files:
            return Source(form, name, files, strangers)
    raise StemdlError(
        "nothing here can be imported",
        where=path,
        expected="batch_<train|dev|test>_<rank>.h5 of the real set, <train|test|dev>/sample-<i>.npz of its "
        "NPZ form, or a data set of ours with its manifest",
    )


def _files(path: Path, suffix: str) -> Iterator[Path]:
    """The files of a suffix in the order of their names, but none that is hidden, as unfinished ones are. Raises
    StemdlError where a folder cannot be read."""
    if path.is_file():
        yield from [path] if path.suffix == suffix else []
    else:
        found = (each for each in files_below(path, refuse_unread) if each.suffix == suffix)
        yield from sorted(each for each in found if not each.name.startswith("."))


def _sorted_out(
    base: Path, paths: Iterable[Path], tell: Callable[[Path, Path], tuple[str, int] | None]
) -> tuple[tuple[SourceFile, ...], tuple[str, ...]]:
    """The files that tell their split and number, in that order, and the names of those that do not."""
    told = [(path, path.relative_to(base).as_posix(), tell(base, path)) for path in paths]
    files = [SourceFile(path, name, *at) for path, name, at in told if at is not None]
    files.sort(key=lambda file: (SPLITS.index(file.split), file.number, file.name))
    return tuple(files), tuple(name for _, name, at in told if at is None)


def _of_shard(_base: Path, path: Path) -> tuple[str, int] | None:
    match = SHARD_NAME.match(path.name)
    return (match[1], int(match[2])) if match else None


def _of_npz(base: Path, path: Path) -> tuple[str, int] | None:
    """The split of the nearest folder with a known name, up to the source itself."""
    match = NPZ_NAME.match(path.name)
    folders = (base.resolve().name, *path.relative_to(base).parts[:-1])
    split = next((SPLIT_OF_FOLDER[folder] for folder in reversed(folders) if folder in SPLIT_OF_FOLDER), None)
    return (split, int(match[1])) if match and split else None
