"""The code of a run as one hash a package, the same for the same code wherever it lies: in a checkout, installed, or
in a submission."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

OF_THE_SOURCE = {".py", ".yaml", ".csv", ".json"}
"""Suffixes of what a run depends on; templates and texts are not among them."""


def source_files(package: Path) -> dict[str, Path]:
    """The source files below a package's folder by their path in it, with '/', in sorted order; of a module that is a
    single file, that file. Links are left out."""
    if package.is_file():
        return {package.name: package}
    found = {
        path.relative_to(package).as_posix(): path
        for path in package.rglob("*")
        if path.suffix in OF_THE_SOURCE and path.is_file() and not path.is_symlink()
    }
    return dict(sorted(found.items()))


def source_sha256(package: Path) -> str:
    """SHA-256 of a package's source files; see `digest_of`."""
    return digest_of({name: path.read_bytes() for name, path in source_files(package).items()})


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 over the names and bytes of files, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
