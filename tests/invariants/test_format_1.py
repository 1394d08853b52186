"""Data, a run and its checkpoint as versions before now left them, in the first format of manifests and records.

They were made by `stemdl data generate tiny.yaml`, `stemdl data split` and a run of 4 epochs with seed 7 and batches of
4, one thread, width 2, learning rate 0.02 and weight averaging 0.5.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.events.reader import read_events

FORMAT_1 = Path(__file__).with_name("format_1")
MANIFEST = "d018b845065fb2bbb5645d0c3a5d2afafd4feab5591738b66c20d537a305591a"
LATER_LOSSES = (0.6647717952728271, 0.6585342884063721)
"""Of epochs 5 and 6, as the version that wrote the checkpoint went on; from fresh weights it began at 0.6953."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The folder, to be changed."""
    return shutil.copytree(FORMAT_1, tmp_path / "old")


def said(stemdl: Callable, *arguments: object, code: int = 0) -> dict:
    """What a command answers in JSON."""
    done = stemdl(*arguments, "--format", "json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_data_are_read_and_keep_their_name(stemdl: Callable, old: Path) -> None:
    assert said(stemdl, "data", "info", old / "tiny_data")["manifest_sha256"] == MANIFEST
    assert stemdl("data", "verify", old / "tiny_data").returncode == 0  # and the partition that lies next to them
    (old / "tiny_data" / "test" / "batch_test_0.h5").write_bytes(b"")
    assert stemdl("data", "verify", old / "tiny_data").returncode == 1


def test_a_run_is_listed_shown_and_judged(stemdl: Callable, old: Path) -> None:
    runs = old / "tiny_runs"
    record = said(stemdl, "show", runs / "one", code=1)[0]
    assert (record["rung"], record["status"], record["epochs"], record["seed"]) == ("tiny", "aborted", 4, 7)
    assert "0.3333" in stemdl("show", runs / "one").stdout
    assert [each["status"] for each in said(stemdl, "list", runs)] == ["aborted"]
    (entry,) = said(stemdl, "ledger", runs / "ledger.jsonl")["runs"]
    assert (entry["status"], entry["epochs"]) == ("aborted", 4)
    findings = said(stemdl, "validate", runs, code=1)["findings"]
    assert {finding["rule"] for finding in findings} >= {"R1.5", "R3.5"}
    assert not any(finding["rule"] == "R4.9" for finding in findings)  # the record agrees with its log


@pytest.mark.slow
def test_training_goes_on_from_a_checkpoint(stemdl: Callable, old: Path) -> None:
    command = ["run", "--rung", old / "tiny.yaml", "--data", old / "tiny_data", "--output", old / "tiny_runs" / "one"]
    settings = ("width=2", "global_batch_size=4", "learning_rate=0.02", "weight_averaging=0.5", "max_epochs=6")
    chosen = [part for each in ("threads_per_rank=1", *settings) for part in ("--set", each)]
    done = stemdl(*command, "--ranks", 1, "--seed", 7, "--resume", *chosen)
    assert done.returncode == 1, done.stderr  # the target is missed
    events = read_events(old / "tiny_runs" / "one" / "result_0.txt")
    losses = [event.value["loss"] for event in events if event.key == "tracked_stats"]
    assert len(losses) == 6 and losses[4:] == pytest.approx(LATER_LOSSES, rel=1e-3)
