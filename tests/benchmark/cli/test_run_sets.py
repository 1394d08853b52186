"""Sets of real runs on the smoke rung: a rank that is killed, an interruption, models trained at the same time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from patience import wait_until

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.launch.cores import usable_cores
from benchmark.launch.share import divide
from benchmark.scoring.score import score_paths
from benchmark.submission.ledger import read_ledger
from benchmark.submission.weak_set import read_instances
from benchmark.validation.validate import validate

pytestmark = [pytest.mark.slow, pytest.mark.mpi]
ENDLESS = ("--set", "max_epochs=100000", "--set", "learning_rate=1e-9")  # learns too slowly ever to end


def ranks_in(folder: Path) -> list[psutil.Process]:
    """The processes that train into a folder, the launcher apart."""
    return [
        each
        for each in psutil.process_iter(["cmdline"])
        if each.info["cmdline"] and each.info["cmdline"][0] == sys.executable and str(folder) in each.info["cmdline"]
    ]


def heed_interruptions() -> None:
    """A shell that starts the tests in the background has them, and what they start, pass over SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_killed_rank_stops_no_set_and_an_interruption_leaves_no_rank(
    smoke_data: Path, tmp_path: Path, environment: dict[str, str]
):
    folder = tmp_path / "runs" / "set"
    argv = [
        sys.executable,
        "-m",
        "benchmark",
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        smoke_data,
        "--output",
        folder,
        "--ranks",
        "1",
        "--runs",
        "3",
        *ENDLESS,
    ]
    with subprocess.Popen(
        list(map(str, argv)),
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interruptions,
    ) as leading:
        wait_until((folder / "run_0" / "result_0.txt").is_file, lambda: leading.poll() is None)
        for rank in ranks_in(folder / "run_0"):
            rank.kill()
        wait_until((folder / "run_1" / "result_1.txt").is_file, lambda: leading.poll() is None)
        leading.send_signal(signal.SIGINT)  # to it alone: the ranks are its own to end
        printed = leading.stderr.read()
    assert leading.returncode == 130
    assert "run_0: the run ended before it was done" in printed and "Traceback" not in printed
    assert not ranks_in(folder / "run_1")
    ledger = read_ledger(folder.parent)
    assert not ledger.faults
    assert [(run.folder, run.status) for run in ledger.runs] == [("set/run_0", "crashed"), ("set/run_1", "crashed")]
    assert json.loads((folder / "runset.json").read_text())["reached"] == 0


@pytest.mark.skipif(usable_cores() < 2, reason="two instances need a core each")
def test_two_models_at_once(toys_known: dict[str, str], toy_data: Path, tmp_path: Path, stemdl: Callable):
    folder = tmp_path / "runs" / "weak"
    run = ["--tasks", toys_known["STEMDL_TASKS"], "run", "--rung", "toy_line_60", "--data", toy_data]
    done = stemdl(*run, "--output", folder, "--ranks", 1, "--instances", 2)
    assert done.returncode == 0, done.stderr
    assert "weak scaling: 2 of 2 models reached the target on 1 rank each" in done.stdout
    assert "2 instances are ready, and start together" in done.stderr and "epoch" not in done.stderr
    logs = [folder / f"instance_{index}" / f"result_{index}.txt" for index in range(2)]
    events = [read_events(log) for log in logs]
    marks = [{event.key: event.time_ms for event in each} for each in events]
    lines = [Timeline.of(each) for each in events]
    assert all(each[keys.RUN_START] >= max(mark[keys.INIT_STOP] for mark in marks) for each in marks)
    assert [line.value(keys.CONFIG)["threads_per_rank"] for line in lines] == [len(divide(2, 0)[0].cpus)] * 2
    assert "epoch  1" in (folder / "instance_1.txt").read_text()

    summary = read_instances(folder)
    starts, stops = ([mark[key] for mark in marks] for key in (keys.RUN_START, keys.RUN_STOP))
    assert summary["total_minutes"] == (max(stops) - min(starts)) / 60_000
    assert summary["models_per_hour"] == pytest.approx(2 * 3_600_000 / (max(stops) - min(starts)))
    assert (summary["reached"], summary["seeds_differ"], summary["shared"]) == (2, True, False)
    (row,) = score_paths([folder])
    assert (row.scaling, row.models, row.accelerators_per_model, row.total_minutes) == ("weak", 2, 1, None)
    assert any("needs 3 models" in warning for warning in row.warnings)
    findings = validate([folder]).findings
    assert {finding.rule for finding in findings if finding.severity.name == "ERROR"} == set(), findings
    assert [run.instances for run in read_ledger(folder.parent).runs] == [2, 2]
    assert "weak scaling: 2 of 2" in stemdl("show", folder).stdout
