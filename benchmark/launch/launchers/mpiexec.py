"""Cray's mpiexec, of the Parallel Application Launch Service (PALS): the launcher of Aurora and its kin."""

from __future__ import annotations

from benchmark.launch.launcher import Job, Launcher


class Mpiexec(Launcher):
    """Ranks spaced by a number of CPUs, or bound to a list of cores where a node's sockets are known."""

    name = "mpiexec"
    order = 40
    # MPICH and Intel MPI; PALS has names of its own as well.
    rank = ("PMI_RANK", "PALS_RANKID")
    size = ("PMI_SIZE",)
    local_rank = ("MPI_LOCALRANKID", "PALS_LOCAL_RANKID", "PMI_LOCAL_RANK")
    local_size = ("MPI_LOCALNRANKS", "PALS_LOCAL_SIZE", "PMI_LOCAL_SIZE")

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`. Where it is known which cores are whose, they are listed: counting them off
        (--cpu-bind depth) lets a rank cross from one socket to the next."""
        argv = ["mpiexec", "-n", str(job.ranks)]
        if job.layout is not None:
            layout = job.layout
            argv += ["--ppn", str(layout.ranks_per_node)]
            if layout.cores:
                argv += ["--cpu-bind", "list:" + ":".join(f"{first}-{last}" for first, last in layout.cores)]
            elif layout.cores_per_rank is not None:
                argv += ["--depth", str(layout.cores_per_rank * layout.cpus_per_core), "--cpu-bind", "depth"]
        argv += job.binding
        for name, value in job.environment.items():
            argv += ["--env", f"{name}={value}"]
        return [*argv, *job.command]
