"""A file that is only added to: JSON lines, each with the SHA-256 of the line before, so that no line can be taken out,
put in or changed without all later ones showing it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json
from benchmark.foundation.reading import Unreadable, parse_json

PREVIOUS = "previous"
FIRST = "0" * 64
"""What the first line has for the hash of the one before."""
_NESTING = 32
"""Brackets within brackets, as many as in a log."""


@dataclass(frozen=True)
class ChainLink:
    """One line: its number from 1, what it says, and its own SHA-256."""

    line: int
    values: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True)
class Chain:
    """All lines that hold an object, and what is wrong with the others and with the hashes, as (line, sentence)."""

    links: tuple[ChainLink, ...]
    faults: tuple[tuple[int, str], ...]
    head: str


def append(path: Path, values: Mapping[str, Any]) -> str:
    """Add a line, and return its SHA-256. Writers take turns (flock), each waiting for the one before; where the file
    system has no locks they have to be one at a time. A line is there whole or not at all: a disk that is full is a
    StemdlError and leaves the file as it was, and so is a file that is something else than a chain."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _require_regular(path)
        with open(path, "a+b", buffering=0) as handle:
            _lock(handle.fileno())
            handle.seek(0)
            before = handle.readall()
            _require_ours(path, before)
            torn = bool(before) and not before.endswith(b"\n")  # its writer was ended; it stays, as a line of its own
            last = before.rstrip(b"\n").rpartition(b"\n")[2]
            line = canonical_json({**values, PREVIOUS: _sha256(last) if before else FIRST}).encode()
            _write_whole(handle.fileno(), b"\n" * torn + line + b"\n", len(before))
            return _sha256(line)
    except OSError as error:
        raise StemdlError(
            "the ledger cannot be added to",
            where=path,
            found=error.strerror or error,
            remedy="free some space, or name a ledger that can be written with --ledger FILE",
        ) from error


def require_chain(path: Path) -> None:
    """Raises StemdlError where nothing may be added to an existing file: it is not a chain, or cannot be written."""
    _require_regular(path)
    try:
        with open(path, "r+b") as handle:
            _require_ours(path, handle.read())
    except OSError as error:
        raise StemdlError(
            "the ledger cannot be added to",
            where=path,
            found=error.strerror or error,
            remedy="name a ledger that can be written with --ledger FILE",
        ) from error


def _require_regular(path: Path) -> None:
    if (path.exists() or path.is_symlink()) and not path.is_file():
        raise StemdlError("this is not a ledger", where=path, expected="a file", remedy="--ledger FILE")


def _require_ours(path: Path, content: bytes) -> None:
    """Refuse a file without any line of a chain, unless it is empty or holds the part of a first line whose writer was
    ended."""
    torn = content.startswith(b'{"') and b"\n" not in content and _object(content) is None
    if content and not torn and not any(PREVIOUS in (_object(line) or {}) for line in content.split(b"\n")):
        raise StemdlError(
            "this is not a ledger, and nothing was added to it",
            where=path,
            remedy="name a new file with --ledger FILE, or leave it out",
        )


def parse(content: bytes) -> Chain:
    """The chain that a file's bytes are. Raises nothing: whatever is not as `append` writes it is a fault."""
    links, faults = [], []
    previous = FIRST
    lines = content.split(b"\n")
    if lines.pop():
        faults.append((len(lines) + 1, "the last line is not whole"))
    for number, line in enumerate(lines, 1):
        values = _object(line)
        if values is None:
            faults.append((number, "the line is not a JSON object that all readers take alike: each key once, no NaN"))
        else:
            links.append(ChainLink(number, values, _sha256(line)))
            if values.get(PREVIOUS) != previous:
                faults.append(
                    (number, "the line does not follow the one before it: a line was changed, taken out or put in")
                )
        previous = _sha256(line)
    return Chain(tuple(links), tuple(faults), previous)


def _object(line: bytes) -> dict[str, Any] | None:
    """The line's object; None for what is not one, and for what two readers could take for different things: a key
    given twice, NaN, numbers beyond 64 bits."""
    try:
        values = parse_json(line, _NESTING)
    except Unreadable:
        return None
    return values if isinstance(values, dict) else None


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


def _write_whole(descriptor: int, line: bytes, length: int) -> None:
    """Write at the end of a file of `length` bytes, or leave it that long."""
    try:
        left = memoryview(line)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, length)
        raise


def _sha256(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
