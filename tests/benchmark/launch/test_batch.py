"""Batch scripts: what they ask for, of each batch system, and time limits."""

from __future__ import annotations

import subprocess

import pytest
from batch_job import batch_job

from benchmark.foundation.errors import StemdlError
from benchmark.launch.batch import BatchJob, batch_script, batch_systems, read_minutes, submit_command
from benchmark.launch.launchers import every_launcher


def _directives(script: str) -> list[str]:
    lines = script.splitlines()
    assert lines[0] == "#!/bin/bash"
    return [line for line in lines if line.startswith(("#SBATCH", "#BSUB", "#PBS", "#flux:"))]


@pytest.mark.parametrize(
    ("system", "job", "expected"),
    [
        (
            "lsf",
            batch_job("summit", "jsrun", queue="batch", account="ABC123"),
            ["-J stemdl", "-nnodes 4", "-W 1:30", "-wa URG", "-wt 5", "-o /out/batch.out", "-q batch", "-P ABC123"],
        ),
        (
            "lsf",
            batch_job(None, "mpirun", minutes=10),
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
            batch_job("frontier", "srun", queue="batch", account="ABC123"),
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
            batch_job(None, "srun", minutes=2),
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
            batch_job("aurora", "mpiexec", queue="prod", account="ABC123"),
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
            batch_job(None, "mpirun"),
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
            batch_job(None, "flux", queue="pbatch", account="ABC123"),
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
        batch_script(system, batch_job(None, launcher))


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
