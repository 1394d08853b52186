"""No launcher: one rank, told so by the variables that torchrun would set."""

from __future__ import annotations

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launcher import Job, Launcher


class Local(Launcher):
    """The command itself, as the only rank of its job."""

    name = "local"

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`; raises StemdlError for more than one rank."""
        if job.ranks > 1:
            raise StemdlError("local starts one rank", where="--launcher local", found=f"{job.ranks} ranks",
                              remedy="--launcher mpirun or torchrun, or --ranks 1")
        only = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
        return ["env", *(f"{name}={value}" for name, value in {**only, **job.environment}.items()), *job.command]
