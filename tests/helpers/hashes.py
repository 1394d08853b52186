"""What a folder holds, file by file: two folders are the same where their hashes are."""

from __future__ import annotations

from pathlib import Path

from benchmark.foundation.files import sha256_of_file


def hashes(folder: Path) -> dict[str, str]:
    """Every file of a folder, hidden ones included, with its hash."""
    return {str(path.relative_to(folder)): sha256_of_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}
