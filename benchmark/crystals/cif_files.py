"""Crystals from CIF files: which files are looked at, what is in them, and how their crystals are called."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from benchmark.crystals.candidate import Candidate, Unusable, faulty
from benchmark.crystals.cif_block import has_atoms, read_block, tags_of
from benchmark.foundation.files import sha256_of_file
from benchmark.foundation.progress import progress

if TYPE_CHECKING:
    import gemmi

MOST_BYTES = 1 << 26
"""The size of a file at most, unpacked: a crystal's description is smaller; measured data may not be."""
_SUFFIX = re.compile(r"\.m?cif(\.gz|\.bz2|\.xz|\.zip)?$", re.IGNORECASE)
_PACKED: Mapping[bytes, Callable[..., Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
}
"""What opens a file that begins so: names do not always say it."""
_ASCII = str.maketrans({**dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"), "\u00a0": " "})
"""Minus signs and blanks of word processors."""


def is_cif(path: Path) -> bool:
    """Whether a path is named as a CIF file: `.cif` or `.mcif`, packed (`.gz`, `.bz2`, `.xz`) or not, in any case. An
    archive (`.zip`) is named so too, and refused with its reason."""
    return _SUFFIX.search(path.name) is not None


def cif_paths(folder: Path) -> list[Path]:
    """All paths under a folder that are named as CIF files, whatever they are, sorted; and folders that cannot be
    entered, whose files nobody knows. Links to folders are not followed."""
    found: list[Path] = []

    def remember(error: OSError) -> None:
        found.append(Path(error.filename))

    for base, folders, files in os.walk(folder, onerror=remember):
        found += [path for name in (*folders, *files) if is_cif(path := Path(base, name))]
    return sorted(found)


def read_cif_files(paths: list[Path], folder: Path) -> Iterator[Candidate]:
    """The crystals of the files, each block with atoms being one; a file that has none is yielded with the reason."""
    with progress("Reading files", len(paths), "CIF files") as advance:
        for done, path in enumerate(paths, start=1):
            yield from _read_cif(path, path.relative_to(folder).as_posix())
            advance(done)


def printable(text: str) -> str:
    """A file's name as every page and table can hold it: line breaks, bytes that are not text and the like escaped."""
    shown = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in shown)


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, or why it has none."""
    try:
        _require_file(path)
        return sha256_of_file(path)
    except (Unusable, OSError) as fault:
        return str(fault)


def _read_cif(path: Path, relative: str) -> Iterator[Candidate]:
    name, relative = _identifier(relative), printable(relative)
    try:
        blocks = _blocks(path)
    except Unusable as fault:
        yield faulty(name, fault.reason, fault.detail, relative)
        return
    listed = [block for block in blocks if has_atoms(block)]
    if not listed:
        yield faulty(name, "the CIF has no atoms", f"{len(blocks)} blocks", relative)
    for place, block in enumerate(listed):
        identifier, origin = name, relative
        if len(listed) > 1:
            again = [other.name for other in listed[:place]].count(block.name)
            block_name = f"{block.name}~{again + 1}" if again else block.name
            identifier, origin = f"{name}#{quote(block_name, safe='~')}", f"{relative}#{block_name}"
        try:
            yield read_block(tags_of(block), identifier, origin)
        except Unusable as fault:
            yield faulty(identifier, fault.reason, fault.detail, origin)


def _identifier(relative: str) -> str:
    """The name of a file's crystal: its path under the folder, without `.cif`, in printable ASCII.

    Folders are parted by `:`, so that the name is one in HDF5 too. No two files share a name: what is special in it is
    quoted where a file's own name has it, and `.cif` stays where another such suffix is left.
    """
    short = relative.removesuffix(".cif")
    name = relative if _SUFFIX.search(short) or not Path(short).name else short
    return ":".join(quote(os.fsencode(part), safe=" !$&'()*+,;=@") for part in name.split("/"))


def _blocks(path: Path) -> list[gemmi.cif.Block]:
    import gemmi

    text = _text(path)
    if not text.strip():
        raise Unusable("the file is empty")
    try:
        return list(gemmi.cif.read_string(text, check_level=0))  # tags given twice are common, and looked at later
    except (RuntimeError, ValueError) as error:
        raise Unusable("the CIF cannot be read", str(error).removeprefix("string:")) from error


def _text(path: Path) -> str:
    """What a file says, in ASCII: other characters stand in comments and names alone."""
    try:
        _require_file(path)
        with open(path, "rb") as handle:
            begin = handle.read(8)
        unpack = next((each for magic, each in _PACKED.items() if begin.startswith(magic)), open)
        with unpack(path, "rb") as handle:
            content = handle.read(MOST_BYTES + 1)
    except OSError as error:
        raise Unusable("the file cannot be read", error.strerror or error) from error
    except (EOFError, zlib.error, lzma.LZMAError) as error:
        raise Unusable("the file cannot be read", error) from error
    if len(content) > MOST_BYTES:
        raise Unusable("the file is too large", f"more than {MOST_BYTES >> 20} MiB")
    if content.startswith(b"PK\x03\x04"):
        raise Unusable("it is an archive, not a file", "unpack it")
    content = content.rstrip(b"\x1a\0")  # the end of a file to DOS, and of a tape's block
    if b"\0" in content:
        raise Unusable("the file is not in ASCII or UTF-8", "UTF-16, or not text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", "replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _require_file(path: Path) -> None:
    """Raises Unusable for anything but a file: a pipe would never end. OSError where nothing is seen."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise Unusable("it is a link to nothing", os.readlink(path) if path.is_symlink() else "") from error
    if stat.S_ISDIR(mode):
        unreadable = not is_cif(path)
        raise Unusable("the folder cannot be read" if unreadable else "it is a folder, not a file")
    if not stat.S_ISREG(mode):
        raise Unusable("it is not a regular file")
