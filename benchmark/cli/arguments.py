"""What words on the command line stand for; wrong ones are refused by the parser."""

from __future__ import annotations

import errno
import os
import stat
from argparse import ArgumentTypeError
from pathlib import Path

from benchmark.foundation.text import printable

LATEST = "latest"
RUNS = Path("runs")
"""Where runs are by default."""
MOST = 2**31
"""What counts and seeds are below."""


def count(text: str) -> int:
    """A whole number above 0."""
    if not _whole(text) or not 0 < int(text) < MOST:
        raise ArgumentTypeError(f"{printable(text)!r} is not a whole number above 0")
    return int(text)


def counts(text: str) -> list[int]:
    """Such numbers with commas, rising and each once."""
    return sorted({count(each) for each in text.split(",")})


def number(text: str) -> int:
    """A whole number of 31 bits, such as a seed."""
    if not _whole(text) or int(text) >= MOST:
        raise ArgumentTypeError(f"{printable(text)!r} is not a whole number from 0 to {MOST - 1}")
    return int(text)


def place(text: str) -> Path:
    """A file or a folder that is there and may be read, or the place for a new one. What would be waited for (a pipe, a
    device) is refused, and so is what no system call takes (a loop of links, a name that is too long)."""
    if not text:
        raise ArgumentTypeError("the name of a file or folder is empty")
    try:
        mode = Path(text).stat().st_mode
    except FileNotFoundError:
        return Path(text)
    except (OSError, ValueError) as error:  # ValueError: a zero byte
        raise ArgumentTypeError(f"{printable(text)}: {getattr(error, 'strerror', None) or error}") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise ArgumentTypeError(f"{printable(text)} is not a file and not a folder")
    if not os.access(text, os.R_OK | os.X_OK if stat.S_ISDIR(mode) else os.R_OK):
        raise ArgumentTypeError(f"{printable(text)}: {os.strerror(errno.EACCES)}")
    return Path(text)


def run_path(text: str) -> Path:
    """The same for runs: `latest` is the newest of the folder `runs`, or the set that it is of, where there is one and
    nothing here has that name. A name that is nearly right is answered with the right one."""
    if text != LATEST or Path(text).exists():
        path = place(text)
        if not path.exists() and (near := _meant(path)):
            raise ArgumentTypeError(f"there is no {printable(text)}; did you mean {near!r}?")
        return path
    from benchmark.submission.run_record import newest

    return newest(RUNS) or Path(text)


def _meant(path: Path) -> str | None:
    """The name that was probably meant by one that does not exist: `latest`, or a run in the same folder."""
    from benchmark.foundation.errors import closest

    beside = [printable(str(each)) for each in path.parent.iterdir()] if path.parent.is_dir() else []
    return closest(str(path), [LATEST, *beside], alike=0.8)


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10
