"""Where samples lie: a folder for each split, in it shards, in each a group for every sample of every unit.

A shard is `SPLIT/batch_SPLIT_k.h5`; its groups are `sample_<m>_<e>`: unit m, and the sample's turn e within it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path
from benchmark.foundation.text import typed

if TYPE_CHECKING:
    import h5py

SHARD_NAME = re.compile(r"batch_(train|dev|test)_([0-9]{1,9})\.h5\Z")
SAMPLE_NAME = re.compile(r"sample_([0-9]{1,9})_([0-9]{1,9})\Z")
_WHOLE_NUMBER = re.compile(r"[\s\0]*0*([0-9]{1,3})(?:\.0*)?[\s\0]*", re.ASCII)


def shard_path(folder: Path, split: str, number: int) -> Path:
    """Where shard `number` of a split lies."""
    return folder / split / f"batch_{split}_{number}.h5"


def shards_of(folder: Path, split: str) -> list[Path]:
    """The shards of a split in the order of their numbers. Raises StemdlError when there is none."""
    found = [(int(match[2]), path) for path in (folder / split).glob("*.h5") if (match := SHARD_NAME.match(path.name))]
    if not found:
        raise StemdlError(
            f"no shards of the split {split!r}",
            where=folder / split,
            expected=f"batch_{split}_0.h5, ...",
            remedy=f"stemdl data generate RUNG -o {typed(folder)}",
        )
    return [path for _, path in sorted(found)]


def sample_names(shard: h5py.File) -> list[str]:
    """The samples of a shard in the order of their units' numbers and of their own. Raises StemdlError for other
    names."""
    numbers: dict[str, tuple[int, ...]] = {}
    for name in shard:
        match = SAMPLE_NAME.match(name)
        if match is None:
            raise StemdlError(
                "a group of the shard is not a sample", where=shard.filename, expected="sample_<m>_<e>", found=name
            )
        numbers[name] = tuple(map(int, match.groups()))
    return sorted(numbers, key=numbers.__getitem__)


def label_of(stored: object) -> str:
    """The text of a stored label: bytes or text or a number, padded or not; whole numbers as such, 225 for 225.0."""
    if isinstance(stored, np.ndarray) and stored.size == 1:
        stored = stored.item()
    text = stored.decode("utf-8", "replace") if isinstance(stored, bytes) else str(stored)
    match = _WHOLE_NUMBER.fullmatch(text)
    return match[1] if match else text.strip(" \0")


def read_unit(group: h5py.Group, attribute: str) -> str:
    """The identifier of a sample's unit. Raises TypeError where it is neither text nor a whole number, and ValueError
    where its bytes are not UTF-8."""
    raw = group.attrs[attribute]
    if isinstance(raw, np.ndarray) and raw.size == 1:
        raw = raw.item()
    if not isinstance(raw, (bytes, str, int, np.integer)):
        raise TypeError(f"no identifier: {type(raw).__name__}")
    return raw.decode("utf-8") if isinstance(raw, bytes) else str(raw)


@contextmanager
def new_shard(folder: Path, split: str, number: int) -> Iterator[h5py.File]:
    """An open shard to be filled, which stands in its place whole when the block ends well, and not at all otherwise.

    HDF5 crashes the process when it cannot write to a file, so it writes to memory, and a full disk stays an OSError.
    """
    import h5py

    memory = io.BytesIO()
    with h5py.File(memory, "w") as shard:
        yield shard
    with atomic_path(shard_path(folder, split, number)) as temporary:
        temporary.write_bytes(memory.getbuffer())


def iter_samples(folder: Path, split: str) -> Iterator[tuple[Path, str]]:
    """Every sample of a split as (shard, name), in the one order that all ranks agree on."""
    import h5py

    for path in shards_of(folder, split):
        with h5py.File(path, "r") as shard:
            for name in sample_names(shard):
                yield path, name
