"""Runs on two ranks that cannot be made: one message, and all ranks end."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline

pytestmark = pytest.mark.slow


@pytest.mark.mpi
def test_a_truncated_shard_is_named_once_and_ends_all_ranks(stemdl: Callable, smoke_data: Path, tmp_path: Path):
    data = shutil.copytree(smoke_data, tmp_path / "data")
    shard = data / "dev" / "batch_dev_1.h5"
    os.truncate(shard, shard.stat().st_size // 2)
    done = stemdl(
        "run", "--rung", "stemdl_smoke", "--data", data, "--output", tmp_path / "run", "--ranks", 2, "--oversubscribe"
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.count("was cut off") == 1 and str(shard) in done.stderr
    assert "stemdl data verify" in done.stderr
    assert "run_stop" not in (tmp_path / "run" / "result_0.txt").read_text(encoding="utf-8")


@pytest.mark.mpi
def test_a_loss_that_is_no_number_stops_the_run(stemdl: Callable, smoke_data: Path, tmp_path: Path):
    done = stemdl(
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        smoke_data,
        "--output",
        tmp_path / "run",
        "--ranks",
        2,
        "--oversubscribe",
        "--set",
        "learning_rate=99",
        "--set",
        "weight_decay=99",
    )
    assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr
    assert len(re.findall(r"epoch 1, step [0-9]+, ranks? (0|1|0, 1): the loss is ", done.stderr)) == 1, done.stderr
    assert "lower learning_rate" in done.stderr
    timeline = Timeline.of(read_events(tmp_path / "run" / "result_0.txt"))
    assert (timeline.status, timeline.evaluations) == ("aborted", ())
    shown = json.loads(stemdl("show", tmp_path / "run", "--format", "json").stdout)
    assert shown[0]["compliant"] is False and shown[0]["status"] != "success"
