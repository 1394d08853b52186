"""What is started, and what a way of starting it is: a job in, a command line out, and numbers that its ranks find."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank_variables import RankVariables
from benchmark.launch.resources import Layout


@dataclass(frozen=True)
class Job:
    """`ranks` copies of `command`.

    Attributes
    ----------
    layout : where they stand; None: all on this host, which they share evenly.
    environment : set for every rank, on top of what they inherit.
    binding : options for hosts, cores and GPUs that are needed of this launcher.
    """

    ranks: int
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None
    binding: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.ranks < 1:
            raise StemdlError("ranks must be at least 1", found=self.ranks)
        if self.layout is not None and self.layout.ranks != self.ranks:
            raise StemdlError("the layout is of another number of ranks", expected=self.ranks, found=self.layout.ranks)
        if not self.command:
            raise StemdlError("a job needs a command")

    @property
    def ranks_here(self) -> int:
        """Ranks on a full node."""
        return min(self.ranks, self.layout.ranks_per_node) if self.layout else self.ranks


class Launcher(RankVariables, ABC):
    """One way to start ranks; the file of its name in `launchers` is all of it.

    Attributes
    ----------
    batch_systems : those that it works under.
    asks_for_nodes : whether it divides whole nodes itself, so that LSF is asked for nodes and not for slots.
    starts_mpi : whether MPI can start among its ranks.
    warning : shell words that hand a batch system's warning on to the ranks, which see SIGUSR1 or SIGTERM; `$!` is the
        launcher's process.
    """

    batch_systems: ClassVar[tuple[str, ...]] = ("lsf", "slurm", "pbs")
    asks_for_nodes: ClassVar[bool] = False
    starts_mpi: ClassVar[bool] = True
    warning: ClassVar[str] = "kill -USR1 $!"

    @abstractmethod
    def argv(self, job: Job) -> list[str]:
        """The command line that starts the job; its exit status is non-zero when any rank fails."""

    def keep_apart(self, jobs: int, layout: Layout, hosts: Sequence[str]) -> list[tuple[str, ...]]:
        """The options that give each of `jobs` jobs of this layout, at the same time, nodes of its own, out of
        `hosts` where the launcher needs them named. Raises StemdlError where the hosts are too few."""
        raise StemdlError(
            f"{self.name} cannot start jobs at the same time on parts of the nodes",
            where="--launcher",
            remedy="choose another one with --launcher",
        )

    @property
    def keeps_jobs_apart(self) -> bool:
        """Whether `keep_apart` is known of it."""
        return type(self).keep_apart is not Launcher.keep_apart
