"""Every launcher, by its name. A new one is a module with a subclass of `Launcher`, and its name in the list here."""

from __future__ import annotations

from benchmark.foundation.errors import StemdlError, nearest
from benchmark.launch.launcher import LAUNCHERS, Job, Launcher
from benchmark.launch.launchers.jsrun import Jsrun
from benchmark.launch.launchers.local import Local
from benchmark.launch.launchers.mpiexec import Mpiexec
from benchmark.launch.launchers.mpirun import Mpirun
from benchmark.launch.launchers.srun import Srun
from benchmark.launch.launchers.torchrun import Torchrun

__all__ = ["LAUNCHERS", "Job", "Jsrun", "Launcher", "Local", "Mpiexec", "Mpirun", "Srun", "Torchrun", "get_launcher"]


def get_launcher(name: str) -> Launcher:
    """The launcher of that name; raises StemdlError for an unknown one."""
    if name not in LAUNCHERS:
        raise StemdlError(f"unknown launcher {name!r}", remedy=nearest(name, LAUNCHERS))
    return LAUNCHERS[name]()
