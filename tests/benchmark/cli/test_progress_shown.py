"""What takes long says how far it is: in lines, where there is no terminal, from rank 0 alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.crystals import near_copies
from benchmark.data.manifest import read_manifest
from benchmark.data.reader import Part
from benchmark.data.staging import staged
from benchmark.launch.rank import Rank

Titles = Callable[[], set[str]]


@pytest.fixture
def titles(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Titles:
    """The titles of all progress since the last call, every step of which is shown."""
    monkeypatch.setattr("benchmark.foundation.progress.SECONDS_BETWEEN_LINES", 0.0)
    return lambda: {line.partition(":")[0] for line in capsys.readouterr().err.splitlines()}


def test_verify_says_how_far_each_long_step_is(smoke_data: Path, titles: Titles) -> None:
    assert main(["data", "verify", str(smoke_data)]) == 0
    assert {"Verifying", "Looking for copies", "Asking spglib"} <= titles()


def test_the_official_checkers_say_how_far_they_are(smoke_run: Path, titles: Titles) -> None:
    main(["validate", str(smoke_run)])
    assert "Asking the official checkers" in titles()


@pytest.mark.parametrize("rank", [0, 1])
def test_reading_and_copying_are_shown_by_rank_0(rank: int, smoke_data: Path, tmp_path: Path, titles: Titles) -> None:
    manifest = read_manifest(smoke_data)
    Part(manifest, "train", rank, 2).read_whole()
    assert titles() == ({"Reading train"} if rank == 0 else set())
    with staged(manifest, ("train", "dev"), tmp_path, Rank(rank, 2, rank, 2, "mpirun"), 7, lambda: None):
        assert titles() == ({"Copying to the node's disk"} if rank == 0 else set())


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_copies_are_the_same_however_many_are_looked_for_at_once(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    table = random.normal(0.0, 100.0, (40, 192)).astype(np.float32)
    table[25:35:2] = table[:5] + random.normal(0.0, 0.1, (5, 192)).astype(np.float32)
    monkeypatch.setattr(near_copies, "SAMPLES_AT_ONCE", at_once)
    found = list(near_copies.near_copies(table, ["train"] * 25 + ["test"] * 15))
    assert [(one, other) for one, other, _ in found] == [(25, 0), (27, 1), (29, 2), (31, 3), (33, 4)]
