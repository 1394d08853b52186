"""What the emulated launchers share: they start real MPI ranks with the environment's mpirun underneath, and show each
rank the variables of the launcher they stand for, and its CPUs; of mpirun only what MPI_Init needs is left.

How many nodes there are, and what one has, is set by EMULATED_NODES (default 1), EMULATED_CORES (default 4) and
EMULATED_GPUS (default 0). All nodes are this host; core 0 is the first that the caller may use, and one that it
lacks is one that it has, taken again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
PLAN = "EMULATED_PLAN"
OF_MPI = ("PMIX_", "PRTE_", "OMPI_MCA_", "OMPI_FILE_LOCATION", "OMPI_ARGV", "OMPI_COMMAND")
"""What of mpirun's variables is left: MPI_Init finds its server by them."""


@dataclass(frozen=True)
class Node:
    """What each emulated node has."""

    nodes: int
    cores: int
    gpus: int

    @classmethod
    def told(cls) -> Node:
        return cls(
            *(
                int(os.environ.get(f"EMULATED_{name}", default))
                for name, default in (("NODES", "1"), ("CORES", "4"), ("GPUS", "0"))
            )
        )


@dataclass(frozen=True)
class Task:
    """One rank: its variables, and the cores of its node that it may use."""

    variables: dict[str, str]
    cores: tuple[int, ...]


def start(program: str, tasks: list[Task], command: list[str], environment: dict[str, str]) -> NoReturn:
    """Become mpirun with as many ranks as tasks, each of which becomes `command`."""
    from benchmark.launch.launchers import Job, get_launcher

    if not command:
        refuse(program, "there is no program to start")
    plan = {
        "tasks": [asdict(task) for task in tasks],
        "command": command,
        "environment": environment,
        "here": sorted(os.sched_getaffinity(0)),
    }
    argv = get_launcher("mpirun").argv(Job(len(tasks), (sys.executable, str(Path(__file__).resolve()))))
    os.execve(argv[0], argv, {**os.environ, PLAN: json.dumps(plan)})


def become_rank() -> NoReturn:
    """In a rank that mpirun started: what its task says, and then the command."""
    plan = json.loads(os.environ[PLAN])
    task = plan["tasks"][int(os.environ["OMPI_COMM_WORLD_RANK"])]
    here = plan["here"]  # before mpirun, which binds its ranks
    os.sched_setaffinity(0, {here[core % len(here)] for core in task["cores"]})
    left = {name: value for name, value in os.environ.items() if name.startswith(OF_MPI)}
    os.execvpe(plan["command"][0], plan["command"], {**plan["environment"], **left, **task["variables"]})


def refuse(program: str, what: str) -> NoReturn:
    print(f"{program}: error: {what}", file=sys.stderr)
    sys.exit(1)


def spread(count: int, per_node: int, nodes: int, fits: Callable[[int], bool], program: str) -> list[tuple[int, int]]:
    """Node and place on it of each of `count` units; ends the program where they do not fit."""
    if not fits(per_node) or count > per_node * nodes:
        refuse(program, f"{count} at {per_node} to a node do not fit the {nodes} nodes of the allocation")
    return [divmod(unit, per_node) for unit in range(count)]


if __name__ == "__main__":
    become_rank()
