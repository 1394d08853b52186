"""Batch scripts run for real: how they hand on the warning and the launcher's exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from batch_job import batch_job
from patience import HANG_SECONDS, wait_until

from benchmark.launch.batch import batch_script
from benchmark.launch.launchers import Job, get_launcher


def _program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """`started(script)`: the script at work, once its launcher has said that it is ready. Nothing of it is left."""
    processes = []

    def start(script: str) -> subprocess.Popen[str]:
        path = tmp_path / "batch.sh"
        path.write_text(script)
        process = subprocess.Popen(
            ["bash", str(path)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
        )
        processes.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in processes:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


Start = Callable[[str], subprocess.Popen[str]]


WAITS = 'trap "echo warned; exit 3" USR1 TERM; echo ready; touch "$0.ready"; while :; do sleep 0.02; done'


@pytest.mark.parametrize(
    ("system", "launcher", "how"),
    [
        ("slurm", "srun", signal.SIGUSR1),
        ("slurm", "torchrun", signal.SIGUSR1),
        ("lsf", "jsrun", signal.SIGURG),
        ("lsf", "mpirun", signal.SIGURG),
        ("pbs", "mpirun", None),
        ("flux", "flux", None),
    ],
)
def test_the_warning_reaches_the_launcher_and_its_exit_code_comes_back(
    system: str, launcher: str, how: signal.Signals | None, tmp_path: Path, started: Start
) -> None:
    """PBS and Flux give no warning: there the script's own clock runs out, which it does once the launcher waits."""
    _program(
        tmp_path / "bin" / "jskill", f'[[ "$*" == "-s {int(signal.SIGUSR1)} all" ]] && kill -USR1 $(<{tmp_path}/pid)'
    )
    _program(tmp_path / "waits", f"echo $$ >{tmp_path}/pid; {WAITS}")
    _program(tmp_path / "bin" / "timeout", f"until [[ -e {tmp_path}/waits.ready ]]; do sleep 0.02; done; exit 124")
    job = batch_job(None, launcher, argv=(str(tmp_path / "waits"),), folder=tmp_path)
    process = started(batch_script(system, job))
    if how is not None:
        process.send_signal(how)
    output, _ = process.communicate(timeout=HANG_SECONDS)
    assert (output, process.returncode) == ("warned\n", 3)


def test_a_launcher_that_goes_on_after_the_warning_is_waited_for(tmp_path: Path, started: Start) -> None:
    text = "n=0; trap 'n=$((n+1)); echo got $n' USR1; echo ready; while ((n < 2)); do sleep 0.02; done; exit 4"
    job = batch_job(None, "srun", argv=("bash", "-c", text), folder=tmp_path)
    process = started(batch_script("slurm", job))
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "got 1\n"
    assert process.poll() is None
    process.send_signal(signal.SIGUSR1)
    assert process.wait(timeout=HANG_SECONDS) == 4


@pytest.mark.parametrize("code", [0, 7])
def test_without_a_warning_the_exit_code_is_the_launchers_and_no_clock_is_left(
    code: int, tmp_path: Path, started: Start
) -> None:
    job = batch_job(None, "mpirun", argv=("bash", "-c", f"echo ready; exit {code}"), folder=tmp_path)
    process = started(batch_script("pbs", job))
    assert process.wait(timeout=HANG_SECONDS) == code
    wait_until(lambda: not _alive(f"--pid={process.pid}"))


def _alive(word: str) -> bool:
    """Whether a process has this word in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # one that ended meanwhile
            if word.encode() in path.read_bytes().split(b"\0"):
                return True
    return False


RANK = """
import signal, sys, time
from mpi4py import MPI
warned = []
signal.signal(signal.SIGUSR1, lambda *_: warned.append(1))
MPI.COMM_WORLD.Barrier()
if MPI.COMM_WORLD.rank == 0:
    print("ready", flush=True)
while not warned:
    time.sleep(0.02)
total = MPI.COMM_WORLD.reduce(1)
if MPI.COMM_WORLD.rank == 0:
    print(f"{total} warned", flush=True)
"""


@pytest.mark.mpi
def test_mpirun_hands_the_warning_on_to_real_ranks(tmp_path: Path, started: Start) -> None:
    argv = get_launcher("mpirun").argv(Job(2, (sys.executable, "-c", RANK)))
    process = started(batch_script("slurm", batch_job(None, "mpirun", argv=tuple(argv), folder=tmp_path)))
    process.send_signal(signal.SIGUSR1)
    output, _ = process.communicate(timeout=HANG_SECONDS)
    assert (output, process.returncode) == ("2 warned\n", 0)
