"""PyTorch's torchrun, for ranks without MPI."""

from __future__ import annotations

import os
from collections.abc import Mapping

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.interpreter import python
from benchmark.launch.launcher import Job, Launcher

PORT = "29500"


class Torchrun(Launcher):
    """Starts the ranks of one node; on several nodes it is called once on each, and they meet at MASTER_ADDR."""

    name = "torchrun"
    order = 60
    rank = ("RANK",)
    size = ("WORLD_SIZE",)
    local_rank = ("LOCAL_RANK",)
    local_size = ("LOCAL_WORLD_SIZE",)
    starts_mpi = False
    warning = "kill -TERM $!"  # it hands on no other signal

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`; raises StemdlError where nodes would differ, or do not know where to meet."""
        nodes = job.layout.nodes if job.layout else 1
        if job.ranks != nodes * job.ranks_here:
            raise StemdlError(
                "torchrun starts the same number of ranks on every node",
                found=f"{job.ranks} ranks",
                expected=f"{nodes} x {job.ranks_here}",
                remedy="choose another number of ranks or nodes",
            )
        argv = [
            *python(),
            "-m",
            "torch.distributed.run",
            f"--nnodes={nodes}",
            f"--nproc-per-node={job.ranks_here}",
            "--max-restarts=0",
        ]
        if nodes == 1:
            argv += ["--standalone"]
        else:
            if "MASTER_ADDR" not in os.environ:
                raise StemdlError(
                    "torchrun is called on every node, and they must know where to meet",
                    where="--launcher torchrun",
                    expected="MASTER_ADDR in the environment",
                    remedy="export MASTER_ADDR=<the first node>, or choose another --launcher",
                )
            meeting = f"{os.environ['MASTER_ADDR']}:{os.environ.get('MASTER_PORT', PORT)}"
            argv += ["--rdzv-backend=c10d", f"--rdzv-endpoint={meeting}", "--rdzv-id=stemdl"]
        argv += [*job.binding, "--no-python"]
        variables = [f"{name}={value}" for name, value in job.environment.items()]
        return [*argv, *(["env", *variables] if variables else []), *job.command]

    def has_started(self, environ: Mapping[str, str]) -> bool:
        """See `RankVariables.has_started`: a RANK alone may be anybody's."""
        return super().has_started(environ) and sum(name in environ for name in self.names) > 1
