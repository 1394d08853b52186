"""Files that are either whole or absent, and their hashes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from benchmark.foundation.errors import StemdlError


class Busy(StemdlError):
    """Another process holds a lock."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path next to `path`; renamed to it when the block ends well, removed when it does not.

    The rename is atomic on POSIX, so a reader sees the old file or the new one, never a part. The temporary name
    carries the process id, so that two writers do not share one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        with open(temporary, "rb") as handle:
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove the temporary files that writers of `atomic_path` left in a folder when they were killed. For when none is
    at work there."""
    for path in folder.glob(".*.part"):
        path.unlink(missing_ok=True)


@contextmanager
def exclusive(path: Path, passing: bool = False) -> Iterator[None]:
    """Holds a lock file while the block runs; the kernel drops it with the process. Not held where the file system
    has no locks. A folder that was made for it and into which nothing else came is gone when the block is left, and the
    file of a `passing` lock is in any case. Raises Busy when another process holds it."""
    made = [above for above in (path.parent, *path.parent.parents) if not above.exists()]
    while (handle := _locked(path)) is None:
        pass
    with handle:
        try:
            yield
        finally:
            with suppress(OSError):
                if passing or (made and [each.name for each in path.parent.iterdir()] == [path.name]):
                    path.unlink()  # whoever had opened it before sees that, and makes another
                    for folder in made:
                        folder.rmdir()  # fails where it holds anything, which stays


def _locked(path: Path) -> IO[str] | None:
    """The file, locked; None where whoever held it has removed it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = open(path, "a")
    except FileNotFoundError:  # the folder has just gone
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            handle.close()
            if not isinstance(error, BlockingIOError):
                raise
            remedy = "wait for it, or choose another folder"
            raise Busy("another process is at work here", where=path.parent, remedy=remedy) from error
    with suppress(FileNotFoundError):
        if os.path.samestat(os.fstat(handle.fileno()), os.stat(path)):
            return handle
    handle.close()
    return None


def require_place(folder: Path) -> None:
    """Raises StemdlError where a folder is not there and cannot be made, is something else, or cannot be written to."""
    above = folder.absolute()
    try:
        while not above.exists():
            if above.is_symlink():
                raise StemdlError("this is a link to nothing", where=above)
            above = above.parent
        if not above.is_dir():
            raise StemdlError("this is not a folder", where=above)
    except OSError as error:  # such as a name that is too long, a loop of links, a folder that may not be entered
        raise StemdlError("there can be no folder here", where=folder, found=error.strerror or error) from error
    if len(os.fsencode(folder.name)) > os.pathconf(above, "PC_NAME_MAX"):
        raise StemdlError("there can be no folder here", where=folder, found=os.strerror(errno.ENAMETOOLONG))
    if not os.access(above, os.W_OK | os.X_OK):
        raise StemdlError(
            "the folder cannot be written to",
            where=above,
            found=os.strerror(errno.EACCES),
            remedy="choose another, or have it made writable",
        )


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically, as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, NaN refused; what hashes are taken of. A value that was
    written as JSON and read again has the same: keys that are numbers are sorted as the text that JSON makes of
    them."""
    as_read = json.loads(json.dumps(value, allow_nan=False))
    return json.dumps(as_read, sort_keys=True, separators=(",", ":"))


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON for people and machines, atomically; raises ValueError on NaN and infinity."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def sha256_of_text(text: str) -> str:
    """Hexadecimal SHA-256 of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces so that its size does not matter."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _sha256(handle)


def _sha256(handle: Any) -> str:
    """`hashlib.file_digest` for Python 3.10."""
    digest = hashlib.sha256()
    while block := handle.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def is_file_name(name: str) -> bool:
    """Whether a name that may be of something shipped is that of a YAML file of the user's instead."""
    return "/" in name or name.endswith((".yaml", ".yml"))


def shipped_yaml(path: Path) -> Any:
    """What a YAML file of this package holds, by PyYAML's loader in C where it has one: six times as fast. Deep nesting
    crashes that one, so files of others never go by it. Raises OSError and yaml.YAMLError."""
    import yaml

    return yaml.load(path.read_text(encoding="utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def read_yaml_mapping(path: Path, what: str) -> dict[Any, Any]:
    """The mapping in a user's YAML file; messages call it `what`. Raises StemdlError where it holds anything else."""
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise StemdlError(
            f"{what} cannot be read", where=path, found=getattr(error, "strerror", None) or error
        ) from error
    if not isinstance(values, dict):
        raise StemdlError(f"{what} is not a mapping", where=path, expected="lines of key: value")
    return values


@contextmanager
def fresh_folder(folder: Path, of: str) -> Iterator[None]:
    """Lets the block fill a folder that is absent or empty; it is so again when the block ends in an error or is
    interrupted, so that the same command can be typed again. Raises StemdlError where it holds anything, cannot be
    written to, or is being filled by another process."""
    require_place(folder)
    lock = folder / f".{of}.lock"
    with exclusive(lock, passing=True):
        if any(path != lock for path in folder.iterdir()):
            raise StemdlError(f"the folder for the {of} is not empty", where=folder, remedy="-o ANOTHER_FOLDER")
        try:
            yield
        except BaseException as error:
            error.kept = "nothing is kept"  # type: ignore[attr-defined]
            with suppress(OSError):
                for path in folder.iterdir():
                    if path != lock:
                        path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)
            raise
