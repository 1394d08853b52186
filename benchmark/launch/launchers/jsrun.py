"""IBM's jsrun, of the Job Step Manager (JSM)."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.launch.launcher import Job, Launcher
from benchmark.launch.resources import Layout


class Jsrun(Launcher):
    """One resource set for each rank: without options a rank gets one core and no GPU."""

    name = "jsrun"
    order = 10
    rank = ("JSM_NAMESPACE_RANK",)
    size = ("JSM_NAMESPACE_SIZE",)
    local_rank = ("JSM_NAMESPACE_LOCAL_RANK",)
    local_size = ("JSM_NAMESPACE_LOCAL_SIZE",)
    batch_systems = ("lsf",)
    asks_for_nodes = True
    warning = 'jskill -s "$(kill -l USR1)" all'  # signals the job steps' ranks, wherever they are

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`. Options: -n resource sets, -r of them on a host, -a ranks, -c cores and -g GPUs in each,
        -b what a rank is bound to, -d how ranks are dealt out to the sets."""
        argv = ["jsrun", "-n", str(job.ranks)]
        if job.layout is not None:
            cores = job.layout.cores_per_rank or 1
            argv += [
                "-r",
                str(job.layout.ranks_per_node),
                "-a",
                "1",
                "-c",
                str(cores),
                "-g",
                str(job.layout.gpus_per_rank),
                "-b",
                f"packed:{cores}",
                "-d",
                "packed",
            ]
        argv += job.binding
        for name, value in job.environment.items():
            argv += ["-E", f"{name}={value}"]
        return [*argv, *job.command]

    def keep_apart(self, jobs: int, layout: Layout, hosts: Sequence[str]) -> list[tuple[str, ...]]:
        """See `Launcher.keep_apart`: it gives each job resources that no other has."""
        return [()] * jobs
