"""The walk that adds a benchmark, taken once: what it leaves is judged by several tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from walks import walk


@pytest.fixture(scope="session")
def added(once: Callable[..., Path], python: Path, environment: dict[str, str]) -> Path:
    """The folder of docs/add_a_benchmark.md after its last step. To be read only."""
    return once("added_benchmark", lambda folder: walk("add_a_benchmark.md", folder, python, environment))
