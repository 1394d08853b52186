"""What performance/faults.py does to a job, and what it demands of each way to break one."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil
from fault_trial import Trial

INTERRUPTED = 75


def kill(which: str) -> Callable[[Trial], None]:
    def cause(trial: Trial) -> None:
        targets = {
            "leader": lambda: psutil.Process(trial.process.pid),
            "launcher": trial.launcher,
            "rank": lambda: trial.rank_processes()[trial.victim],
        }
        targets[which]().send_signal(signal.SIGKILL)
        trial.tell(f"SIGKILL to {which}" + (f" {trial.victim}" if which == "rank" else ""))

    return cause


def warn(trial: Trial) -> None:
    """One of the ways that a batch system tells a job: its own process, the launcher, a rank, a whole group."""
    number = trial.generator.choice([signal.SIGUSR1, signal.SIGUSR2])
    to = trial.generator.choice(["mpirun", "one rank", "all ranks"] + ["stemdl run"] * (trial.way == "stemdl run"))
    ranks = trial.rank_processes()
    targets = {
        "stemdl run": [psutil.Process(trial.process.pid)],
        "all ranks": list(ranks.values()),
        "one rank": [ranks[trial.victim]],
        "mpirun": [trial.launcher()],
    }[to]
    for each in targets:
        each.send_signal(number)
    trial.tell(f"{number.name} to {to}")


def terminate(trial: Trial) -> None:
    group = trial.generator.random() < 0.5
    (os.killpg if group else os.kill)(trial.process.pid, signal.SIGTERM)
    trial.tell(f"SIGTERM to stemdl run{' and its group' if group else ''}")


def stop(trial: Trial) -> None:
    trial.rank_processes()[trial.victim].send_signal(signal.SIGSTOP)
    trial.tell(f"SIGSTOP to rank {trial.victim}")


def fill_disk(trial: Trial) -> None:
    with open(trial.output.parent / "ballast", "wb", buffering=0) as ballast:
        for size in (2**20, 2**12, 1):
            try:
                while True:
                    ballast.write(bytes(size))
            except OSError:
                continue
    trial.tell("the disk is full")


def spoil_shard(trial: Trial) -> None:
    """Cut a shard of the training split off, overwrite its head, or remove it."""
    shard = trial.generator.choice(sorted((trial.data / "train").glob("*.h5")))
    # Of a file that is being read, what a process holds open stays whole when it is removed, and its head is in memory.
    how = "cut off" if trial.process else trial.generator.choice(["cut off", "overwritten", "removed"])
    if how == "removed":
        shard.unlink()
    elif how == "cut off":
        os.truncate(shard, int(shard.stat().st_size * trial.generator.uniform(0.0, 0.9)))
    else:
        with open(shard, "r+b") as handle:
            handle.write(os.urandom(4096))
    trial.tell(f"{shard.name} {how}")


def nothing(trial: Trial) -> None:
    """What is wrong was planted before."""


@dataclass(frozen=True)
class FaultCause:
    """A way to break a job.

    Attributes
    ----------
    codes, says, status : exit codes, a regular expression for what is printed ({rank} is the victim), and statuses of
        the log ("crashed": no run_stop), of which one must be. start_codes : exit codes while ranks start, if others.
    seconds : until the job must have ended.
    goes_on : share of the trials that are resumed.
    ways : who starts the ranks.
    """

    cause: Callable[[Trial], None]
    codes: tuple[int, ...]
    says: str
    status: tuple[str, ...]
    seconds: float
    goes_on: float = 0.0
    ways: tuple[str, ...] = ("stemdl run", "mpirun")
    victims: str = "any"
    at_start: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    plant: str = ""
    start_codes: tuple[int, ...] = ()


DIED = r"rank {rank}.*signal 9|signal 9 \(Killed\)|a rank died or failed|another rank died"
ASKED = r"asked to end"
FAULTS = {
    "kill_rank": FaultCause(kill("rank"), (1, 137, 2), DIED, ("crashed",), 20, 0.3, victims="others"),
    "kill_rank_0": FaultCause(kill("rank"), (1, 137, 2), DIED, ("crashed",), 20, 0.3, victims="zero"),
    "kill_launcher": FaultCause(kill("launcher"), (1, -9), "", ("crashed",), 20, 0.3),
    # The launcher is ended with its parent, and passes that on: ranks that hear in time end in order.
    "kill_stemdl_run": FaultCause(kill("leader"), (-9,), "", ("crashed", "interrupted"), 20, 0.3, ways=("stemdl run",)),
    "terminate": FaultCause(
        terminate, (INTERRUPTED,), ASKED, ("interrupted",), 20, 0.4, ways=("stemdl run",), at_start=False
    ),
    "warn": FaultCause(warn, (INTERRUPTED,), ASKED, ("interrupted",), 20, 0.4, at_start=False),
    "hang": FaultCause(
        stop, (1,), r"rank {rank} on \S+ (has been silent|is stopped)", ("crashed",), 15, start_codes=(1, 137)
    ),
    "stuck": FaultCause(
        nothing, (1,), r"rank {rank} on \S+ hangs", ("crashed",), 120, ways=("mpirun",), at_start=False, plant="stuck"
    ),
    "full_disk": FaultCause(fill_disk, (2,), r"No space left|has no room|free", ("crashed",), 30, 0.5, at_start=False),
    "shard": FaultCause(
        spoil_shard, (2,), r"batch_train_\d+\.h5", ("crashed",), 30, at_start=False, settings={"memory_share": 0}
    ),
    "shard_before": FaultCause(nothing, (2,), r"batch_train_\d+\.h5", ("crashed",), 120, at_start=False),
    "nan": FaultCause(
        nothing,
        (1,),
        r"epoch {epoch}, step {step}, rank {rank}: the loss is nan",
        ("aborted",),
        120,
        ways=("mpirun",),
        at_start=False,
        plant="nan",
    ),
}
