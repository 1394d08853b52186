"""Runs of the smoke rung that were killed or aborted, and go on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from runs import record_of

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.validation.official import check_log

pytestmark = pytest.mark.slow
ALONE = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
"""What torchrun tells an only rank."""
FATAL = """
import os, signal, sys
from benchmark.cli.main import main
write = sys.stderr.write
sys.stderr.write = lambda text: os.kill(os.getpid(), signal.SIGKILL) if text.startswith("epoch  1 ") else write(text)
sys.exit(main())
"""
"""stemdl, killed in the place of what it would print of its first epoch."""


def test_resumed_after_a_kill_is_the_unbroken_run_to_the_last_bit(
    smoke_run: Path, smoke_data: Path, tmp_path: Path, environment: dict[str, str]
):
    """Killed when it would tell of its first epoch, and resumed: the same curve and weights, and still no score. The
    unbroken run is another process with the same seed, so that this holds one seed to one result as well."""
    folder = tmp_path / "run"
    argv = [
        sys.executable,
        "-c",
        FATAL,
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        str(smoke_data),
        "--output",
        str(folder),
        "--seed",
        "7",
        "--set",
        "threads_per_rank=1",
    ]
    assert subprocess.run(argv, env=environment | ALONE, check=False).returncode == -signal.SIGKILL
    log = (folder / "result_0.txt").read_text(encoding="utf-8")
    assert log.endswith("\n") and "run_stop" not in log and not (folder / "run.json").exists()

    argv[1:3] = ["-m", "benchmark"]
    argv[argv.index("--seed") : argv.index("--seed") + 2] = ["--resume"]
    resumed = subprocess.run(argv, env=environment | ALONE, capture_output=True, text=True, check=False)
    assert resumed.returncode == 1 and "cannot be scored" in resumed.stderr
    assert "official compliance checker: FAILED" in resumed.stdout
    unbroken, record = record_of(smoke_run), record_of(folder)
    assert len(unbroken["evaluations"]) > 1
    events = read_events(folder / "result_0.txt")
    (resumption,) = [event for event in events if event.key == keys.RESUMED]
    epochs = [
        event.metadata[keys.EPOCH_NUM]
        for event in events
        if event.key == keys.EPOCH_START and event.line > resumption.line
    ]
    assert resumption.value == 1
    assert epochs == list(range(resumption.value + 1, len(unbroken["evaluations"]) + 1))
    assert record["evaluations"] == unbroken["evaluations"] and record["test"] == unbroken["test"]
    assert (record["seed"], record["status"]) == (7, "success")
    assert (record["resumed"], record["scorable"]) == (True, False)

    ours, theirs = (torch.load(each / "checkpoint.pt", weights_only=True) for each in (folder, smoke_run))
    assert ours.keys() == theirs.keys() and ours["model"].keys() == theirs["model"].keys()
    for part in (name for name, value in ours.items() if isinstance(value, dict) and name != "optimizer"):
        for name, weights in ours[part].items():
            assert torch.equal(weights, theirs[part][name]), (part, name)
    for index, state in ours["optimizer"]["state"].items():
        assert all(torch.equal(value, theirs["optimizer"]["state"][index][name]) for name, value in state.items())


def test_an_aborted_run_can_go_on_but_not_be_scored(missed: Path, stemdl: Callable, smoke_data: Path, tmp_path: Path):
    folder = shutil.copytree(missed / "run_0", tmp_path / "run")
    before = record_of(folder)
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
        "--resume",
        "--set",
        "max_epochs=2",
    )
    assert done.returncode == 1 and "Resuming after epoch 1" in done.stderr, done.stderr
    record = record_of(folder)
    assert list(record["evaluations"]) == ["1", "2"] and record["evaluations"]["1"] == before["evaluations"]["1"]
    assert (record["seed"], record["resumed"], record["scorable"]) == (before["seed"], True, False)
    assert not check_log(folder / "result_0.txt").passed
    assert "resumed from a checkpoint: cannot be scored" in done.stdout
    assert f"our own rules: resumed runs are not scored (R4.4)   (stemdl validate {folder})" in done.stdout


def test_a_folder_without_a_checkpoint_cannot_be_resumed(stemdl: Callable, smoke_data: Path, tmp_path: Path):
    done = stemdl(
        "run", "--rung", "stemdl_smoke", "--data", smoke_data, "--output", tmp_path / "none", "--ranks", 1, "--resume"
    )
    assert done.returncode == 2 and "no checkpoint to go on from" in done.stderr and "Traceback" not in done.stderr
