"""No launcher: one rank, which finds what it is in variables as a launcher would set them."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launcher import Job
from benchmark.launch.launchers.torchrun import Torchrun

SIGN = {"STEMDL_LAUNCHER": "local"}
"""What tells the only rank from one of torchrun's, whose variables it has."""


class Local(Torchrun):
    """The command itself, as the only rank of its job."""

    name = "local"
    order = 50

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`; raises StemdlError for more than one rank."""
        if job.ranks > 1:
            raise StemdlError(
                "local starts one rank",
                where="--launcher local",
                found=f"{job.ranks} ranks",
                remedy="--launcher mpirun or torchrun, or --ranks 1",
            )
        values = ((self.rank, 0), (self.size, 1), (self.local_rank, 0), (self.local_size, 1))
        variables = {name: str(value) for (name,), value in values} | SIGN | dict(job.environment)
        return ["env", *(f"{name}={value}" for name, value in variables.items()), *job.command]

    def has_started(self, environ: Mapping[str, str]) -> bool:
        """See `RankVariables.has_started`."""
        return super().has_started(environ) and SIGN.items() <= environ.items()
