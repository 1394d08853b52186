"""Batch scripts: what they ask for, and, run for real, how they hand on the warning and the launcher's exit code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from patience import HANG_SECONDS, wait_until

from benchmark.foundation.errors import StemdlError
from benchmark.launch.batch import BatchJob, batch_script, batch_systems, read_minutes, submit_command
from benchmark.launch.launchers import Job, every_launcher, get_launcher
from benchmark.launch.machine import UNKNOWN, load_machine
from benchmark.launch.resources import lay_out


def _job(profile: str | None, launcher: str, nodes: int = 4, **more: object) -> BatchJob:
    machine = load_machine(profile) if profile else UNKNOWN
    asked = {} if profile else {"ranks_per_node": 6, "gpus_per_rank": 1, "cores_per_rank": 7}
    values = {
        "name": "stemdl",
        "layout": lay_out(machine, nodes=nodes, **asked),
        "machine": machine,
        "launcher": get_launcher(launcher),
        "argv": (launcher, "a b"),
        "folder": Path("/work dir"),
        "output": Path("/out/batch.out"),
        "minutes": 90,
    }
    return BatchJob(**{**values, **more})


def _directives(script: str) -> list[str]:
    lines = script.splitlines()
    assert lines[0] == "#!/bin/bash"
    return [line for line in lines if line.startswith(("#SBATCH", "#BSUB", "#PBS", "#flux:"))]


@pytest.mark.parametrize(
    ("system", "job", "expected"),
    [
        (
            "lsf",
            _job("summit", "jsrun", queue="batch", account="ABC123"),
            ["-J stemdl", "-nnodes 4", "-W 1:30", "-wa URG", "-wt 5", "-o /out/batch.out", "-q batch", "-P ABC123"],
        ),
        (
            "lsf",
            _job(None, "mpirun", minutes=10),
            [
                "-J stemdl",
                "-n 24",
                '-R "span[ptile=6]"',
                '-gpu "num=6"',
                "-x",
                "-W 0:10",
                "-wa URG",
                "-wt 1",
                "-o /out/batch.out",
            ],
        ),
        (
            "slurm",
            _job("frontier", "srun", queue="batch", account="ABC123"),
            [
                "--job-name=stemdl",
                "--nodes=4",
                "--ntasks-per-node=8",
                "--cpus-per-task=7",
                "--gpus-per-node=8",
                "--time=01:30:00",
                "--signal=B:USR1@300",
                "--output=/out/batch.out",
                "--partition=batch",
                "--account=ABC123",
                "-C nvme",
            ],
        ),
        (
            "slurm",
            _job(None, "srun", minutes=2),
            [
                "--job-name=stemdl",
                "--nodes=4",
                "--ntasks-per-node=6",
                "--cpus-per-task=7",
                "--gpus-per-node=6",
                "--exclusive",
                "--time=00:02:00",
                "--signal=B:USR1@60",
                "--output=/out/batch.out",
            ],
        ),
        (
            "pbs",
            _job("aurora", "mpiexec", queue="prod", account="ABC123"),
            [
                "-N stemdl",
                "-l select=4",
                "-l walltime=01:30:00",
                "-j oe",
                "-o /out/batch.out",
                "-q prod",
                "-A ABC123",
                "-l place=scatter",
                "-l filesystems=flare:home",
            ],
        ),
        (
            "pbs",
            _job(None, "mpirun"),
            [
                "-N stemdl",
                "-l select=4:ncpus=42:mpiprocs=6:ngpus=6",
                "-l walltime=01:30:00",
                "-j oe",
                "-o /out/batch.out",
            ],
        ),
        (
            "flux",
            _job(None, "flux", queue="pbatch", account="ABC123"),
            [
                "--job-name=stemdl",
                "--nodes=4",
                "--exclusive",
                "--time-limit=90m",
                "--output=/out/batch.out",
                "--queue=pbatch",
                "--setattr=bank=ABC123",
            ],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_asked_for(system: str, job: BatchJob, expected: list[str]) -> None:
    prefix = {"lsf": "#BSUB ", "slurm": "#SBATCH ", "pbs": "#PBS ", "flux": "#flux: "}[system]
    script = batch_script(system, job)
    assert _directives(script) == [prefix + words for words in expected]
    assert f"\n{job.launcher.name} 'a b' &\n" in script and "cd '/work dir' ||" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_every_batch_system_is_its_template() -> None:
    commands = {system: submit_command(system) for system in batch_systems()}
    assert commands == {"flux": "flux batch", "lsf": "bsub", "pbs": "qsub", "slurm": "sbatch"}
    known = {system for launcher in every_launcher() for system in launcher.batch_systems}
    assert known == set(commands), "each has a launcher, and none is under another"


@pytest.mark.parametrize(
    ("system", "launcher"), [("slurm", "jsrun"), ("pbs", "srun"), ("lsf", "srun"), ("flux", "srun"), ("slurm", "flux")]
)
def test_a_launcher_of_another_batch_system_is_refused(system: str, launcher: str) -> None:
    with pytest.raises(StemdlError, match=f"{launcher} does not work under {system}"):
        batch_script(system, _job(None, launcher))


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("60", 60),
        ("2", 2),
        ("0:30", 30),
        ("1:30", 90),
        ("24:00:00", 1440),
        ("00:10:30", 11),
        ("100000", None),
        ("1", None),
        ("0:01", None),
        ("x", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
    ],
)
def test_time_limits(text: str, minutes: int | None) -> None:
    if minutes is None:
        with pytest.raises(StemdlError, match="--walltime"):
            read_minutes(text)
    else:
        assert read_minutes(text) == minutes


# ---- run for real


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
    job = _job(None, launcher, argv=(str(tmp_path / "waits"),), folder=tmp_path)
    process = started(batch_script(system, job))
    if how is not None:
        process.send_signal(how)
    output, _ = process.communicate(timeout=HANG_SECONDS)
    assert (output, process.returncode) == ("warned\n", 3)


def test_a_launcher_that_goes_on_after_the_warning_is_waited_for(tmp_path: Path, started: Start) -> None:
    text = "n=0; trap 'n=$((n+1)); echo got $n' USR1; echo ready; while ((n < 2)); do sleep 0.02; done; exit 4"
    job = _job(None, "srun", argv=("bash", "-c", text), folder=tmp_path)
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
    job = _job(None, "mpirun", argv=("bash", "-c", f"echo ready; exit {code}"), folder=tmp_path)
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
    process = started(batch_script("slurm", _job(None, "mpirun", argv=tuple(argv), folder=tmp_path)))
    process.send_signal(signal.SIGUSR1)
    output, _ = process.communicate(timeout=HANG_SECONDS)
    assert (output, process.returncode) == ("2 warned\n", 0)
