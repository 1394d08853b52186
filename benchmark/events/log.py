"""The writer of MLLOG events: rank 0 writes through mlperf-logging, every rank waits where a time is taken."""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmark.events import keys
from benchmark.foundation.errors import StemdlError, nearest

_POINT, _MARK, _BLOCK = 3, 4, 5
"""How many frames above mllog's own method the caller of ours stands, whose file and line an event carries."""

_ROOT = f"(?:{re.escape(str(Path(__file__).parents[2]))}|.*)"
"""What mllog cuts from a caller's file (it reads it as a regular expression): the project's folder, or else every
folder, so that no log tells where somebody's home is."""


class EventLog:
    """One run's log file. Use as a context manager, or call `close`.

    Parameters
    ----------
    path : the file; its folder is made. It must not exist yet, lest two runs share a log, unless `resume` is true.
    rank : only rank 0 writes; on the others the same calls do nothing but wait at barriers.
    barrier : returns when all ranks have called it.
    resume : go on with a log that the same run began.

    Raises StemdlError when the file cannot be begun, or an event cannot be written whole.
    """

    def __init__(self, path: Path, rank: int, barrier: Callable[[], None], *, resume: bool = False) -> None:
        self._barrier = barrier
        self._file: _File | None = None
        if rank == 0:
            from mlperf_logging.mllog.mllog import MLLogger

            self._file = _File(path, resume)
            self._mllog = MLLogger(self._file, root_dir=_ROOT)

    def point(self, key: str, value: Any = None, **metadata: Any) -> None:
        """A value that JSON can hold (numpy's numbers too), at this time. Not a NaN: that is not JSON."""
        self._write("event", key, value, metadata, _POINT)

    def start(self, interval: str, sync: bool = False, **metadata: Any) -> None:
        """`<interval>_start`, for one of `keys.INTERVALS`; with `sync`, once all ranks are here."""
        self._mark("start", interval, sync, metadata, _MARK)

    def stop(self, interval: str, sync: bool = False, **metadata: Any) -> None:
        """`<interval>_stop`, for one of `keys.INTERVALS`; with `sync`, once all ranks are here."""
        self._mark("stop", interval, sync, metadata, _MARK)

    @contextmanager
    def interval(self, interval: str, sync: bool = False, **metadata: Any) -> Iterator[None]:
        """The block between its start and its stop. When the block raises, no stop is written."""
        self._mark("start", interval, sync, metadata, _BLOCK)
        yield
        self._mark("stop", interval, sync, metadata, _BLOCK)

    def close(self) -> None:
        """Nothing can be written from now on."""
        if self._file:
            self._file.handle.close()

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _mark(self, edge: str, interval: str, sync: bool, metadata: dict[str, Any], depth: int) -> None:
        if interval not in keys.INTERVALS:
            raise StemdlError(f"there is no interval {interval!r}", remedy=nearest(interval, keys.INTERVALS))
        if sync:
            self._barrier()
        self._write("end" if edge == "stop" else edge, f"{interval}_{edge}", None, metadata, depth)

    def _write(self, method: str, key: str, value: Any, metadata: dict[str, Any], depth: int) -> None:
        if self._file:
            getattr(self._mllog, method)(key, value, metadata=metadata, stack_offset=depth)


class _File(logging.Logger):
    """What mllog writes through, in place of the process-wide logger that prints to stdout and keeps every file.

    It has no handlers and no parents: runs one after another in one process each reach their own file alone.
    """

    def __init__(self, path: Path, resume: bool) -> None:
        super().__init__("benchmark.events")
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if resume and path.exists() and not _ends_with_a_line(path):
                raise StemdlError("the log breaks off within a line", where=path, remedy="remove that last line")
            self.handle = open(path, "ab" if resume else "xb", buffering=0)
            _hold(self.handle.fileno(), path)
        except OSError as error:
            if isinstance(error, FileExistsError) and path.exists():  # and not a file in place of its folder
                raise StemdlError(
                    "this log exists already",
                    where=path,
                    expected="a new file for each run",
                    remedy="move it away, or choose another folder for the results",
                ) from error
            raise StemdlError("the log cannot be begun", where=path, found=error) from error

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        """Append one line, whole or not at all.

        mllog catches what is raised here and then reports it by a line at a higher level; we raise at that one, since
        a log with a hole is worse than a run that stops.
        """
        if level > logging.INFO:
            raise StemdlError("the event cannot be logged", where=self.path, found=sys.exc_info()[1] or msg)
        json.loads(str(msg)[len(keys.PREFIX) :], parse_constant=_refuse)
        line, size = f"{msg}\n".encode(), os.fstat(self.handle.fileno()).st_size
        try:
            written = self.handle.write(line)
            if written != len(line):  # as much as the disk would take
                written += self.handle.write(line[written:])  # raises, and says why
        except OSError:
            with suppress(OSError):  # what is not a plain file, such as /dev/full, keeps nothing
                os.ftruncate(self.handle.fileno(), size)
                os.lseek(self.handle.fileno(), size, os.SEEK_SET)
            raise


def is_being_written(path: Path) -> bool | None:
    """Whether a process has a log open for writing, which is a run in progress: the kernel lets go of its lock with the
    process, whatever ends it. None where the file system has no locks, or there is no log that can be opened: a pipe
    would be waited for."""
    try:
        if not path.is_file():
            return None
        with open(path, "rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    return False


def _hold(descriptor: int, path: Path) -> None:
    """Lock a log for as long as it is open, where the file system has locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StemdlError(
            "another process writes this log: its run is in progress",
            where=path,
            remedy="wait for it, or choose another folder for the results",
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


def _ends_with_a_line(path: Path) -> bool:
    with open(path, "rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        handle.seek(max(size - 1, 0))
        return handle.read(1) in (b"", b"\n")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
