"""Slurm's srun."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launcher import Job, Launcher
from benchmark.launch.rank_variables import is_count
from benchmark.launch.resources import Layout

FIRST_SPECIAL_STEP = 4294967290
"""Slurm numbers the steps that no srun of the user started (interactive, batch script, external, pending) from here
on."""


class Srun(Launcher):
    """One task for each rank. It hands signals on to its tasks."""

    name = "srun"
    order = 30
    rank = ("SLURM_PROCID",)
    size = ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
    local_rank = ("SLURM_LOCALID",)
    starts_daemons = True
    batch_systems = ("slurm",)

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`; raises StemdlError for a variable that srun cannot hand on.

        Ranks that follow each other share a socket (block:block; Slurm deals them out to the sockets in turn), and a
        rank that fails ends the others. Since Slurm 22.05 a step does not inherit --cpus-per-task: it is said here.
        """
        argv = ["srun", f"--ntasks={job.ranks}", "--kill-on-bad-exit=1"]
        if job.layout is not None:
            layout = job.layout
            argv[1:1] = [f"--nodes={layout.nodes}"]
            argv += [f"--ntasks-per-node={layout.ranks_per_node}", "--distribution=block:block"]
            if layout.cores_per_rank is not None:
                argv += [f"--cpus-per-task={layout.cores_per_rank * layout.cpus_per_core}", "--cpu-bind=cores"]
            if layout.gpus_per_rank:
                argv += [f"--gpus-per-task={layout.gpus_per_rank}"]
        argv += job.binding
        if job.environment:
            for name, value in job.environment.items():
                if "," in value:
                    raise StemdlError(
                        "srun separates variables by commas",
                        where=name,
                        found=value,
                        remedy=f"export {name} before srun is called",
                    )
            argv += ["--export=" + ",".join(["ALL", *(f"{name}={value}" for name, value in job.environment.items())])]
        return [*argv, *job.command]

    def keep_apart(self, jobs: int, layout: Layout, hosts: Sequence[str]) -> list[tuple[str, ...]]:
        """See `Launcher.keep_apart`: without --exact a step takes all of its nodes."""
        return [("--exact",)] * jobs

    def has_started(self, environ: Mapping[str, str]) -> bool:
        """Whether this is a task of a step that srun started: a plain batch script has SLURM_PROCID=0 and the
        allocation's SLURM_NTASKS without being a rank."""
        step = environ.get("SLURM_STEP_ID", "")
        return is_count(step) and int(step) < FIRST_SPECIAL_STEP and "SLURM_PROCID" in environ

    def is_only_local(self, environ: Mapping[str, str]) -> bool:
        """See `RankVariables.is_only_local`: of a step that has as many tasks as nodes."""
        nodes = environ.get("SLURM_STEP_NUM_NODES")
        return nodes is not None and nodes == environ.get("SLURM_STEP_NUM_TASKS")

    def count_local(self, environ: Mapping[str, str]) -> int:
        """Tasks of this step on this node, out of SLURM_STEP_TASKS_PER_NODE, such as '4(x2),3', at SLURM_NODEID.

        Without the two (Slurm sets them in every step) all tasks count as being on this node.
        """
        counts = environ.get("SLURM_STEP_TASKS_PER_NODE")
        node = environ.get("SLURM_NODEID")
        if counts is None or node is None:
            return self.number(self.size, environ)
        nodes: list[int] = []
        for part in counts.split(","):
            match = re.fullmatch(r"([0-9]{1,9})(?:\(x([0-9]{1,6})\))?", part)
            nodes += [int(match[1])] * int(match[2] or 1) if match else []
        if not is_count(node) or int(node) >= len(nodes):
            raise StemdlError(
                "Slurm's tasks per node cannot be read",
                expected="SLURM_STEP_TASKS_PER_NODE such as 4(x2),3 with an entry for SLURM_NODEID",
                found=f"SLURM_STEP_TASKS_PER_NODE={counts} SLURM_NODEID={node}",
                remedy="start the ranks with srun",
            )
        return nodes[int(node)]
