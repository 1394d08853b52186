"""Runs of the smoke rung that several files read, each made once in a session."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def two_ranks(once: Callable, stemdl: Callable, smoke_data: Path) -> Path:
    """A run on two ranks with a seed of its own, its standard output next to it."""

    def make(folder: Path) -> None:
        done = stemdl(
            "run",
            "--rung",
            "stemdl_smoke",
            "--data",
            smoke_data,
            "--output",
            folder,
            "--ranks",
            2,
            "--oversubscribe",
            "--format",
            "json",
        )
        assert done.returncode == 0, done.stderr
        folder.with_name("two_ranks.stdout").write_text(done.stdout, encoding="utf-8")

    return once("two_ranks", make)


@pytest.fixture(scope="session")
def missed(once: Callable, stemdl: Callable, smoke_data: Path) -> Path:
    """Two runs of one epoch each, which is too short; what was printed and the exit code next to them."""

    def make(folder: Path) -> None:
        done = stemdl(
            "run",
            "--rung",
            "stemdl_smoke",
            "--data",
            smoke_data,
            "--output",
            folder,
            "--ranks",
            1,
            "--runs",
            2,
            "--set",
            "max_epochs=1",
        )
        printed = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
        folder.with_name("missed.printed").write_text(json.dumps(printed), encoding="utf-8")

    return once("missed", make)
