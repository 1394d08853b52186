"""Runs that are only pretended, for tests of what starts them, waits for them and tells of them; shut folders."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.launch.launchers import Job
from benchmark.submission import ledger_entry, run_driver, run_set

ROOT = Path(__file__).resolve().parents[2]
PRETEND_RUN = Path(__file__).with_name("pretend_run.py")
SETTINGS = {"org": "Somewhere", "learning_rate": 0.002, "division": "closed"}


class Pretending:
    """A launcher whose one rank is `pretend_run.py`. `jobs` are those that it was asked for."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def argv(self, job: Job) -> list[str]:
        self.jobs.append(job)
        environment = {"PYTHONPATH": str(ROOT), **job.environment}
        return [
            "env",
            *(f"{name}={value}" for name, value in environment.items()),
            sys.executable,
            str(PRETEND_RUN),
            *job.command[4:],
        ]


class ManifestOf:
    sha256 = "1" * 64
    rung = "stemdl_smoke"
    samples = {"train": 200, "dev": 60}


@pytest.fixture
def pretend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[RunRequest, run_driver.RunDriver]]:
    """`pretend(fates, ranks=1, instances=1)`: a request of runs into tmp_path/runs/set and the driver that makes them,
    all of them pretended, with fates as `pretend_run.py` has them; `pretend.jobs` are what was started."""
    launcher = Pretending()
    monkeypatch.setattr(run_driver, "get_launcher", lambda name: launcher)
    for module in (ledger_entry, run_set):
        monkeypatch.setattr(module, "read_manifest", lambda folder: ManifestOf())
    before = os.sched_getaffinity(0)
    benchmark = load_benchmark("space_group")

    def make(fates: str = "", ranks: int = 1, instances: int = 1) -> tuple[RunRequest, run_driver.RunDriver]:
        monkeypatch.setenv("PRETEND", fates)
        request = RunRequest(benchmark, benchmark.rung("stemdl_smoke"), Path("data"), tmp_path / "runs" / "set")
        return request, run_driver.RunDriver(tmp_path / "runs" / "ledger.jsonl", SETTINGS, ranks, instances)

    make.jobs = launcher.jobs
    yield make
    assert os.sched_getaffinity(0) == before  # of this thread


@pytest.fixture
def close(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """`close(folder)`: from now on it cannot be read, not even by root."""
    closed, scandir = set(), os.scandir

    def refusing(path: str = "."):
        if os.path.abspath(path) in closed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    return lambda folder: closed.add(os.path.abspath(folder))
