"""The small data set that `written.py` writes, and a copy of the smoke rung's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from written import seal, stack_of, uneven, write_uneven, written, written_as_drawn

__all__ = ["seal", "stack_of", "uneven", "write_uneven", "written", "written_as_drawn"]


@pytest.fixture(scope="module")
def copied(smoke_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smoke rung's data, to be changed within `changed` alone."""
    return shutil.copytree(smoke_data, tmp_path_factory.mktemp("changed") / "data")
