"""Files looked for in a folder and below it. A folder that may not be entered is never passed over in silence."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.text import printable


def say_unread(error: OSError) -> None:
    """One line on stderr, for a search that may go on without the folder."""
    print(f"not looked into: {printable(str(error.filename))}: {error.strerror}", file=sys.stderr, flush=True)


def refuse_unread(error: OSError) -> None:
    """Raises StemdlError, for a search whose answer has to be whole."""
    raise StemdlError(
        "a folder cannot be read",
        where=error.filename,
        found=error.strerror,
        remedy="have it made readable, or move it elsewhere",
    ) from error


def files_below(folder: Path, unread: Callable[[OSError], None] = say_unread) -> Iterator[Path]:
    """Every file in a folder and below it, each folder's sorted by name; links to folders are not followed. `unread`
    hears of each folder that cannot be read. Nothing where there is no such folder."""
    if not folder.is_dir():
        return
    for base, folders, files in os.walk(folder, onerror=unread):
        folders.sort()
        yield from (Path(base, name) for name in sorted(files))
