"""No launcher: one rank, which finds what it is in variables as a launcher would set them."""

from __future__ import annotations

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launcher import Job, Launcher
from benchmark.launch.rank import LOCAL


class Local(Launcher):
    """The command itself, as the only rank of its job."""

    name = "local"

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`; raises StemdlError for more than one rank."""
        if job.ranks > 1:
            raise StemdlError(
                "local starts one rank",
                where="--launcher local",
                found=f"{job.ranks} ranks",
                remedy="--launcher mpirun or torchrun, or --ranks 1",
            )
        return ["env", *(f"{name}={value}" for name, value in {**LOCAL, **job.environment}.items()), *job.command]
