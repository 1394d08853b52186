"""Runs that several files read: of the smoke rung, each made once in a session, and five to be submitted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from corpus import write_runs
from honest_run import log_lines
from submitted import SOURCE


@pytest.fixture(scope="session")
def two_ranks(run_once: Callable[..., Path]) -> Path:
    """A run on two ranks with a seed of its own."""
    return run_once("two_ranks", "--ranks", 2, "--oversubscribe", "--format", "json")


@pytest.fixture(scope="session")
def missed(run_once: Callable[..., Path]) -> Path:
    """Two runs of one epoch each, which is too short."""
    return run_once("missed", "--ranks", 1, "--runs", 2, "--set", "max_epochs=1", code=1)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folder of five runs that can be submitted."""
    return write_runs(tmp_path / "runs", {index: log_lines(index) for index in range(5)}, SOURCE)
