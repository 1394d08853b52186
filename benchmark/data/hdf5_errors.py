"""What stands behind HDF5's errors, in words: another process's lock, a filter not installed, a file cut short."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.foundation.errors import StemdlError

if TYPE_CHECKING:
    import h5py

FILTERS = {
    307: "bzip2",
    32000: "lzf",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32026: "blosc2",
}
"""Registered filters that others write with (https://github.com/HDFGroup/hdf5_plugins), by their numbers."""


def why_unreadable(error: Exception) -> str:
    """Why a file could not be opened or read, for people."""
    text = str(error)
    if "truncated" in text:
        return "it is truncated"
    return "it is not an HDF5 file" if "signature" in text else f"it cannot be read ({text})"


def require_unlocked(paths: Iterable[Path]) -> None:
    """Raises StemdlError for the first of these HDF5 files that another process has locked. What else is wrong with one
    is left to whoever reads it."""
    import h5py

    for path in paths:
        try:
            h5py.File(path, "r").close()
        except OSError as error:
            refuse_locked(error, path)


def refuse_locked(error: Exception, path: Path) -> None:
    """Raises StemdlError where an error in reading a file is of another process's lock: the file may be sound."""
    if _is_lock(error):
        raise StemdlError(
            "another process has this file open for writing",
            where=path,
            remedy="wait until it is done; on a file system whose locks do not work, set HDF5_USE_FILE_LOCKING=FALSE",
        ) from error


def require_filters(dataset: h5py.Dataset, where: str) -> None:
    """Raises StemdlError, naming it, for a filter that the dataset is stored behind and that is not installed."""
    import h5py

    properties = dataset.id.get_create_plist()
    for place in range(properties.get_nfilters()):
        number, _, _, name = properties.get_filter(place)
        if h5py.h5z.filter_avail(number) or _is_plugged_in(number):
            continue
        name = FILTERS.get(number) or "".join(filter(str.isprintable, name.decode("ascii", "replace")))[:60]
        raise StemdlError(
            "the patterns need an HDF5 filter that is not installed",
            where=where,
            found=f"filter {number}" + (f" ({name})" if name else ""),
            remedy="pip install 'stemdl-benchmark[storage]'",
        )


def _is_plugged_in(number: int) -> bool:
    """Whether a filter is there once the library of filters is loaded, where it is installed."""
    import h5py

    try:
        import hdf5plugin  # noqa: F401
    except ImportError:
        return False
    return bool(h5py.h5z.filter_avail(number))


def _is_lock(error: Exception) -> bool:
    return getattr(error, "errno", None) in (errno.EAGAIN, errno.EACCES) and "lock" in str(error)
