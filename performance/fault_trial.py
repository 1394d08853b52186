"""One job of performance/faults.py that is to be broken: how it is started, who belongs to it, when its moment is."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmark.events import keys
from benchmark.launch.launchers import Job, get_launcher

ROOT = Path(__file__).resolve().parents[1]
RANK_SCRIPT = Path(__file__).with_name("fault_rank.py")
EPOCHS = 5
SETTINGS = {"max_epochs": EPOCHS, "learning_rate": 1e-4, "threads_per_rank": 1, "collective_timeout_seconds": 5}
"""A rate at which the target is not reached in these epochs: every unbroken run has the same length."""
DISK_MIB = 300  # the preflight asks for 256
GIVE_UP_SECONDS = 150


@dataclass
class Trial:
    """One job, and what is done to it. `way` is "stemdl run" or "mpirun"; `note` says what was done;
    `place` is where the run's folder lies, if not in `folder`."""

    generator: random.Random
    folder: Path
    data: Path
    backend: str
    ranks: int
    way: str
    at_start: bool
    settings: dict[str, Any]
    plant: str = ""
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    victim: int = 0
    note: str = ""
    place: Path | None = None
    process: subprocess.Popen | None = None

    @property
    def output(self) -> Path:
        return (self.place or self.folder) / "run"

    @property
    def log(self) -> Path:
        return self.output / "result_0.txt"

    @property
    def messages(self) -> str:
        return (self.folder / "stderr.txt").read_text(encoding="utf-8", errors="replace")

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"STEMDL_TRIAL": self.mark, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}

    def command(self, *more: str) -> list[str]:
        program = [sys.executable, "-m", "benchmark"]
        if self.plant:
            program = [sys.executable, str(RANK_SCRIPT), self.plant]
        words = [*program, "run", "--rung", "stemdl_smoke", "--data", str(self.data), "--output", str(self.output)]
        for key, value in {**self.settings, "comm": self.backend}.items():
            words += ["--set", f"{key}={value}"]
        words += more
        if self.way == "stemdl run" and not self.plant:
            return [*words, "--ranks", str(self.ranks), "--oversubscribe"]
        return get_launcher("mpirun").argv(Job(self.ranks, tuple(words)))

    def start(self) -> None:
        """In a session of its own; what it prints to stderr.txt. Every process of it carries the mark."""
        with open(self.folder / "stderr.txt", "wb") as printed:
            self.process = subprocess.Popen(
                self.command("--seed", "7"),
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=printed,
                start_new_session=True,
            )

    def everybody(self) -> list[psutil.Process]:
        """All processes of the job that are there, wherever they hang in the tree."""
        found = []
        for each in psutil.process_iter():
            try:
                if each.environ().get("STEMDL_TRIAL") == self.mark and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
            except psutil.Error:
                continue
        return found

    def rank_processes(self) -> dict[int, psutil.Process]:
        found = {}
        for each in self.everybody():
            try:
                number = each.environ().get("OMPI_COMM_WORLD_RANK")
                if number is not None and "run" in each.cmdline():
                    found[int(number)] = each
            except psutil.Error:
                continue
        return found

    def launcher(self) -> psutil.Process:
        return next(each for each in self.everybody() if "mpirun" in each.name() or "prterun" in each.name())

    def await_moment(self) -> bool:
        """Until a random moment: while ranks start up, or after a random number of epochs and a little more. False
        where the job had ended before."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        if self.at_start:
            pause = self.generator.uniform(0.0, 2.5)
        else:
            epochs, pause = self.generator.randrange(EPOCHS - 1), self.generator.uniform(0.0, 0.4)
            self.note = f"after {epochs} epochs and {pause:.2f} s"
            while not (
                self.log.is_file()
                and self.log.read_text(errors="replace").count(keys.EPOCH_STOP if epochs else keys.EPOCH_START)
                >= max(1, epochs)
            ):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    return False
                time.sleep(0.02)
        while len(self.rank_processes()) < self.ranks:
            if self.process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.15)
        if self.at_start:
            self.note = f"{pause:.2f} s after the ranks began"
        time.sleep(pause)
        return self.process.poll() is None

    def has_trained(self) -> bool:
        """Whether the clock has stopped, after which nothing can break the training."""
        return self.log.is_file() and f'"{keys.RUN_STOP}"' in self.log.read_text(errors="replace")

    def tell(self, what: str) -> None:
        self.note = f"{what}, {self.note}"


@contextmanager
def ended(trial: Trial) -> Iterator[None]:
    """Nothing of a trial outlives it."""
    try:
        yield
    finally:
        end_all(trial)


def end_all(trial: Trial) -> None:
    for each in trial.everybody():
        try:
            each.kill()
        except psutil.Error:
            continue
    if trial.process:
        trial.process.wait()


@contextmanager
def small_disk(trial: Trial) -> Iterator[None]:
    """The run's folder lies on a small disk of its own."""
    disk = trial.folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(disk)], check=True)
    trial.place = disk
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
