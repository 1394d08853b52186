"""What is started, and the one method that a way of starting it has: a job in, a command line out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from benchmark.foundation.errors import StemdlError
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


class Launcher(ABC):
    """One way to start ranks; a subclass is registered by being defined.

    Attributes
    ----------
    batch_systems : those that it works under.
    warning : shell words that hand a batch system's warning on to the ranks, which see SIGUSR1 or SIGTERM; `$!` is the
        launcher's process.
    """

    name: ClassVar[str]
    batch_systems: ClassVar[tuple[str, ...]] = ("lsf", "slurm", "pbs")
    warning: ClassVar[str] = "kill -USR1 $!"

    def __init_subclass__(cls) -> None:
        LAUNCHERS[cls.name] = cls

    @abstractmethod
    def argv(self, job: Job) -> list[str]:
        """The command line that starts the job; its exit status is non-zero when any rank fails."""


LAUNCHERS: dict[str, type[Launcher]] = {}
