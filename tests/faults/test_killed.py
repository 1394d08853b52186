"""A rank that dies in the middle of training ends the whole job: by its launcher, loudly, and without half a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import torch
from patience import HANG_SECONDS, wait_until

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.launch.launchers import Job, get_launcher

pytestmark = [pytest.mark.mpi, pytest.mark.slow]
ENDLESS = (
    "--set",
    "max_epochs=100000",
    "--set",
    "learning_rate=1e-9",  # learns too slowly ever to end
    "--set",
    "collective_timeout_seconds=100000",
)  # so that no watch of the ranks ends what the launcher should


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


def has_epoch(output: Path, epoch: int) -> bool:
    """Whether the log holds that epoch's stop."""
    log = output / "result_0.txt"
    return log.is_file() and log.read_text(encoding="utf-8").count(f'"{keys.EPOCH_STOP}"') >= epoch


def kill_one_and_wait(argv: list[str], environment: dict[str, str], output: Path, ranks: int, victim: int):
    """Start a job that would never end and kill that rank after the first epoch; the exit code, stderr, survivors."""
    with open(output.with_name("stderr.txt"), "w+", encoding="utf-8") as stderr:
        job = subprocess.Popen(
            argv, env=environment, cwd=output.parent, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr
        )
        try:
            wait_until(lambda: has_epoch(output, 1), lambda: job.poll() is None)
            everyone = ranks_below(job.pid)
            family = psutil.Process(job.pid).children(recursive=True)
            assert sorted(everyone) == list(range(ranks))
            os.kill(everyone[victim].pid, signal.SIGKILL)
            code = job.wait(HANG_SECONDS)
            _, alive = psutil.wait_procs(family, HANG_SECONDS)
        finally:
            if job.poll() is None:
                job.kill()
        stderr.seek(0)
        return code, stderr.read(), [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


def assert_nothing_is_half_written(output: Path) -> None:
    log = output / "result_0.txt"
    assert log.read_bytes().endswith(b"\n")
    events = read_events(log)  # raises at a line that is not whole
    assert keys.RUN_STOP not in {event.key for event in events}
    if (output / "checkpoint.pt").exists():  # the kill may have come before the first, but never within one
        assert torch.load(output / "checkpoint.pt", weights_only=True)["epoch"] >= 1
    assert not (output / "run.json").exists()


def command(data: Path, output: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "benchmark",
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        str(data),
        "--output",
        str(output),
        *ENDLESS,
        *more,
    ]


@pytest.mark.parametrize("backend", ["horovod", "torch"])
def test_a_killed_rank_of_three_ends_the_job(
    backend: str, environment: dict[str, str], smoke_data: Path, tmp_path: Path
):
    if backend == "horovod":
        pytest.importorskip("horovod")
    output = tmp_path / "run"
    argv = get_launcher("mpirun").argv(Job(3, tuple(command(smoke_data, output, "--set", f"comm={backend}"))))
    code, message, alive = kill_one_and_wait(argv, environment, output, ranks=3, victim=2)
    assert code != 0
    assert "rank 2" in message.lower() or "Killed" in message or "signal 9" in message, message
    assert alive == []
    assert_nothing_is_half_written(output)


def test_stemdl_run_reports_a_killed_rank(
    environment: dict[str, str], stemdl: Callable, smoke_data: Path, tmp_path: Path
):
    output = tmp_path / "run"
    argv = command(smoke_data, output, "--ranks", "2", "--oversubscribe")
    code, message, alive = kill_one_and_wait(argv, environment, output, ranks=2, victim=1)
    assert code == 1
    assert "a rank died or failed" in message and f"--resume --output {output}" in message
    assert "; rank 1 on " in message and "was ended by signal 9 (Killed)" in message
    assert "Traceback" not in message and "prterun" not in message
    assert "signal 9" in (output / "launcher.txt").read_text(encoding="utf-8")  # what mpirun said is kept
    assert alive == []
    assert_nothing_is_half_written(output)
    shown = stemdl("show", output)
    assert shown.returncode == 1 and "crashed" in shown.stdout
    listed = stemdl("list", tmp_path)
    assert listed.returncode == 0 and "crashed" in listed.stdout
