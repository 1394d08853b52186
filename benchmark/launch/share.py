"""Equal parts of a system for jobs that run on it at the same time: whole nodes, or of this node cores and
accelerators, disjoint where there are enough.

A part of a node is passed to the ranks by environment variables, which every launcher hands on, and each rank takes its
own piece of it when it starts: launchers bind to all of a node, whatever part their caller was given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmark.launch.cores import physical_cores
from benchmark.launch.launchers import get_launcher
from benchmark.launch.rank import Rank
from benchmark.launch.resources import Layout

CPUS = "STEMDL_CPUS"
"""The cores of a part: their CPUs (hardware threads) with commas, cores apart by semicolons, such as 0,4;1,5."""
ACCELERATORS = "CUDA_VISIBLE_DEVICES"

Core = tuple[int, ...]
"""The CPUs of a physical core."""


@dataclass(frozen=True)
class Share:
    """A job's part of a node, or whole nodes.

    Attributes
    ----------
    cores, accelerators : of a part of this node; none where the launcher gives the job nodes of its own.
    shared : whether other jobs have some of it too, since there are fewer cores or accelerators than jobs.
    options : of the launcher, which keep the job apart from the others.
    """

    cores: tuple[Core, ...] = ()
    accelerators: tuple[str, ...] = ()
    shared: bool = False
    options: tuple[str, ...] = ()

    @property
    def cpus(self) -> set[int]:
        """All CPUs of its cores."""
        return {cpu for core in self.cores for cpu in core}

    def environment(self) -> dict[str, str]:
        """What tells it to ranks; see `take_piece`."""
        told = {CPUS: ";".join(",".join(map(str, core)) for core in self.cores)} if self.cores else {}
        return told | ({ACCELERATORS: ",".join(self.accelerators)} if self.accelerators else {})


def divide(jobs: int, accelerators: int) -> list[Share]:
    """This process's cores and the node's `accelerators` in `jobs` parts of equal size; what is left over is used by
    none, since jobs with more would be another measurement. With fewer than jobs, they take turns in order."""
    cores = physical_cores()
    names = _names(accelerators)
    shared = len(cores) < jobs or 0 < len(names) < jobs
    return [Share(_part(cores, job, jobs), _part(names, job, jobs), shared) for job in range(jobs)]


def divide_nodes(jobs: int, launcher: str, layout: Layout, hosts: Sequence[str]) -> list[Share]:
    """Nodes for `jobs` jobs of this layout at the same time, out of `hosts` for a launcher that needs their names.
    Raises StemdlError for a launcher that cannot keep them apart, and where the hosts are too few."""
    return [Share(options=options) for options in get_launcher(launcher).keep_apart(jobs, layout, hosts)]


def take_piece(rank: Rank, environ: Mapping[str, str] = os.environ) -> None:
    """Keep this rank to its own cores of the part that it was given, to all of them where it has fewer than ranks; to
    nothing where it was given none."""
    if not environ.get(CPUS):
        return
    cores = [tuple(map(int, core.split(","))) for core in environ[CPUS].split(";")]
    count = len(cores) // rank.local_size
    mine = cores[rank.local_rank * count : (rank.local_rank + 1) * count] if count else cores
    os.sched_setaffinity(0, {cpu for core in mine for cpu in core})


def _part(units: Sequence, job: int, jobs: int) -> tuple:
    if 0 < len(units) < jobs:
        return (units[job % len(units)],)
    count = len(units) // jobs
    return tuple(units[job * count : (job + 1) * count])


def _names(accelerators: int) -> list[str]:
    """The accelerators that this process sees, as CUDA names them."""
    visible = [name.strip() for name in os.environ.get(ACCELERATORS, "").split(",") if name.strip()]
    return (visible or [str(index) for index in range(accelerators)])[:accelerators]
