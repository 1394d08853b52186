"""Slurm's srun."""

from __future__ import annotations

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launcher import Job, Launcher


class Srun(Launcher):
    """One task for each rank. It hands signals on to its tasks."""

    name = "srun"
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
