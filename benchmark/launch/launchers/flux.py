"""Flux's run: the launcher of the Flux resource manager (flux-run(1), flux-environment(7), flux-shell-options(7))."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launcher import Job, Launcher
from benchmark.launch.resources import Layout


class Flux(Launcher):
    """One task for each rank. It hands SIGTERM, SIGUSR1 and SIGUSR2 on to its tasks.

    Flux unsets the variables of srun and PMI that started its own brokers; those of jsrun stay.
    """

    name = "flux"
    order = 35
    rank = ("FLUX_TASK_RANK",)
    size = ("FLUX_JOB_SIZE",)
    local_rank = ("FLUX_TASK_LOCAL_ID",)
    starts_daemons = True
    inside = ("jsrun",)
    batch_systems = ("flux",)

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`; raises StemdlError for ranks that cannot be the same number on every node, and for words
        in double braces, which Flux puts the job's details in place of.

        Cores are physical. A task is bound to its own share of its node's cores and GPUs only where that is asked for,
        and the first that fails ends the others. Flux reads `$NAME` in values, and `$$` as `$`.
        """
        if any("{{" in word for word in job.command):
            raise StemdlError(
                "Flux replaces words in double braces",
                where="--launcher flux",
                found=next(word for word in job.command if "{{" in word),
                remedy="leave out {{ and }}",
            )
        argv = ["flux", "run", f"--ntasks={job.ranks}"]
        if job.layout is not None:
            layout = job.layout
            if job.ranks % layout.nodes:
                raise StemdlError(
                    "Flux starts the same number of ranks on every node",
                    where="--launcher flux",
                    expected=f"a multiple of {layout.nodes} ranks",
                    found=f"{job.ranks} ranks on {layout.nodes} nodes",
                    remedy="choose another number of ranks or nodes",
                )
            argv += [f"--nodes={layout.nodes}"]
            argv += ["--exclusive" if layout.cores_per_rank is None else f"--cores-per-task={layout.cores_per_rank}"]
            if layout.gpus_per_rank:
                argv += [f"--gpus-per-task={layout.gpus_per_rank}", "--setopt=gpu-affinity=per-task"]
        argv += ["--setopt=cpu-affinity=per-task", "--setopt=exit-on-error", *job.binding]
        for name, value in job.environment.items():
            argv += [f"--env={name}={value.replace('$', '$$')}"]
        return [*argv, *job.command]

    def keep_apart(self, jobs: int, layout: Layout, hosts: Sequence[str]) -> list[tuple[str, ...]]:
        """See `Launcher.keep_apart`: it schedules each job onto resources that no other has."""
        return [()] * jobs

    def is_only_local(self, environ: Mapping[str, str]) -> bool:
        """See `RankVariables.is_only_local`."""
        nodes = environ.get("FLUX_JOB_NNODES")
        return nodes is not None and nodes == environ.get("FLUX_JOB_SIZE")

    def count_local(self, environ: Mapping[str, str]) -> int:
        """Flux does not tell a task how many share its node, but spreads them evenly, in blocks: size / nodes.

        Raises StemdlError where size and nodes, or this task's numbers, do not fit that. Some task's do not wherever
        the tasks stand otherwise: the first node that has more of them, or the one after the first that has fewer.
        """
        size, nodes = self.number(self.size, environ), self.number(("FLUX_JOB_NNODES",), environ)
        if 0 < nodes <= size and size % nodes == 0:
            each = size // nodes
            rank, local_rank = self.number(self.rank, environ), self.number(self.local_rank, environ)
            if rank % each == local_rank:
                return each
        raise StemdlError(
            "Flux did not start the same number of tasks on every node, in blocks",
            expected="FLUX_JOB_SIZE a multiple of FLUX_JOB_NNODES, and FLUX_TASK_LOCAL_ID the rank within a node",
            found=f"{self.shown(environ)} FLUX_JOB_NNODES={nodes}",
            remedy="start them with flux run --nodes=N --ntasks=M, M a multiple of N, and without --taskmap",
        )
