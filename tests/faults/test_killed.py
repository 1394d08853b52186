"""A rank that dies in the middle of training ends the whole job: soon, loudly, and without half a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.launch.launchers import Job, get_launcher

pytestmark = [pytest.mark.mpi, pytest.mark.slow]
ENDS_WITHIN_SECONDS = 60
ENDLESS = ("--set", "max_epochs=100000", "--set", "learning_rate=1e-9")  # learns too slowly ever to end


def ranks_below(pid: int) -> dict[int, psutil.Process]:
    """The MPI ranks among a process's descendants, by number; where a shell starts one, that which trains."""
    found = {}
    for process in psutil.Process(pid).children(recursive=True):
        try:
            number = process.environ().get("OMPI_COMM_WORLD_RANK")
            if number is not None and "benchmark" in process.cmdline():
                found[int(number)] = process
        except psutil.Error:
            continue
    return found


def wait_for_epoch(job: subprocess.Popen, output: Path, epoch: int) -> None:
    """Until the log holds that epoch's stop. Fails when the job ends before, or after two minutes."""
    deadline = time.monotonic() + 120
    log = output / "result_0.txt"
    while not (log.is_file() and log.read_text(encoding="utf-8").count(f'"{keys.EPOCH_STOP}"') >= epoch):
        assert job.poll() is None and time.monotonic() < deadline, "the job did not begin to train"
        time.sleep(0.1)


def kill_one_and_wait(argv: list[str], environment: dict[str, str], output: Path, ranks: int, victim: int):
    """Start a job, kill that rank after the first epoch; the exit code, seconds from the kill, stderr, survivors."""
    with open(output.with_name("stderr.txt"), "w+", encoding="utf-8") as stderr:
        job = subprocess.Popen(argv, env=environment, cwd=output.parent, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=stderr)
        try:
            wait_for_epoch(job, output, 1)
            everyone = ranks_below(job.pid)
            family = psutil.Process(job.pid).children(recursive=True)
            assert sorted(everyone) == list(range(ranks))
            killed_at = time.monotonic()
            os.kill(everyone[victim].pid, signal.SIGKILL)
            code = job.wait(timeout=2 * ENDS_WITHIN_SECONDS)
            seconds = time.monotonic() - killed_at
            _, alive = psutil.wait_procs(family, timeout=5)
        finally:
            if job.poll() is None:
                job.kill()
        stderr.seek(0)
        return code, seconds, stderr.read(), [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def assert_nothing_is_half_written(output: Path) -> None:
    log = output / "result_0.txt"
    assert log.read_bytes().endswith(b"\n")
    events = read_events(log)  # raises at a line that is not whole
    assert keys.RUN_STOP not in {event.key for event in events}
    if (output / "checkpoint.pt").exists():  # the kill may have come before the first, but never within one
        assert torch.load(output / "checkpoint.pt", weights_only=True)["epoch"] >= 1
    assert not (output / "run.json").exists()


def command(data: Path, output: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "benchmark", "run", "--rung", "stemdl_smoke", "--data", str(data), "--output",
            str(output), *ENDLESS, *more]


@pytest.mark.parametrize("backend", ["horovod", "torch"])
def test_a_killed_rank_of_four_ends_the_job(backend: str, environment: dict[str, str], smoke_data: Path,
                                            tmp_path: Path):
    if backend == "horovod":
        pytest.importorskip("horovod")
    output = tmp_path / "run"
    argv = get_launcher("mpirun").argv(Job(4, tuple(command(smoke_data, output, "--set", f"comm={backend}"))))
    code, seconds, message, alive = kill_one_and_wait(argv, environment, output, ranks=4, victim=2)
    assert code != 0 and seconds < ENDS_WITHIN_SECONDS
    assert "rank 2" in message.lower() or "Killed" in message or "signal 9" in message, message
    assert alive == []
    assert_nothing_is_half_written(output)


def test_stemdl_run_reports_a_killed_rank(environment: dict[str, str], stemdl: Callable, smoke_data: Path,
                                          tmp_path: Path):
    output = tmp_path / "run"
    argv = command(smoke_data, output, "--ranks", "2")
    code, seconds, message, alive = kill_one_and_wait(argv, environment, output, ranks=2, victim=1)
    assert code == 1 and seconds < ENDS_WITHIN_SECONDS
    assert "a rank died or failed" in message and f"--resume --output {output}" in message
    assert "Traceback" not in message
    assert alive == []
    assert_nothing_is_half_written(output)
    shown = stemdl("show", output)
    assert shown.returncode == 1 and "crashed" in shown.stdout
    listed = stemdl("list", tmp_path)
    assert listed.returncode == 0 and "crashed" in listed.stdout
