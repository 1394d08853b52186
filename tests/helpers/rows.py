"""Rows of `stemdl score`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.scoring.score import Score, score_paths


def only(path: Path, **options: Any) -> Score:
    """The one row of a tree that has one."""
    (row,) = score_paths([path], **options)
    return row
