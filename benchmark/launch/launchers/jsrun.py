"""IBM's jsrun, of the Job Step Manager (JSM)."""

from __future__ import annotations

from benchmark.launch.launcher import Job, Launcher


class Jsrun(Launcher):
    """One resource set for each rank: without options a rank gets one core and no GPU."""

    name = "jsrun"
    batch_systems = ("lsf",)
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
