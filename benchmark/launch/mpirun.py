"""How ranks are started: a launcher turns a job into the command line that starts it.

A new launcher is one subclass of `Launcher` with a `name` and an `argv`; it is registered by being defined.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from benchmark.foundation.errors import StemdlError, nearest

# Open MPI's sm transport maps a segment of 16 MiB for each rank (btl_sm_segment_size), and refuses to start without it.
SHARED_MEMORY_BYTES_PER_RANK = 17 * 2**20


@dataclass(frozen=True)
class Job:
    """`ranks` copies of `command`, `ranks_per_node` to a node (None: all on this host).

    `environment` is set for every rank, on top of what they inherit.
    """

    ranks: int
    command: tuple[str, ...]
    ranks_per_node: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, count in (("ranks", self.ranks), ("ranks_per_node", self.ranks_per_node)):
            if count is not None and count < 1:
                raise StemdlError(f"{name} must be at least 1", found=count)
        if not self.command:
            raise StemdlError("a job needs a command")

    @property
    def ranks_here(self) -> int:
        """Ranks on a full node."""
        return min(self.ranks, self.ranks_per_node or self.ranks)


class Launcher(ABC):
    """One way to start ranks."""

    name: ClassVar[str]

    def __init_subclass__(cls) -> None:
        LAUNCHERS[cls.name] = cls

    @abstractmethod
    def argv(self, job: Job) -> list[str]:
        """The command line that starts the job; its exit status is non-zero when any rank fails."""


LAUNCHERS: dict[str, type[Launcher]] = {}


def get_launcher(name: str) -> Launcher:
    """The launcher of that name; raises StemdlError for an unknown one."""
    if name not in LAUNCHERS:
        raise StemdlError(f"unknown launcher {name!r}", remedy=nearest(name, LAUNCHERS))
    return LAUNCHERS[name]()


class Mpirun(Launcher):
    """Open MPI's mpirun, 4.1 or 5, on this host or on the nodes of the allocation that it is called in."""

    name = "mpirun"

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`; raises StemdlError when there is no Open MPI mpirun.

        Each rank is bound to an equal share of the cores, so that ranks do not wander over each other's caches and
        threads of a rank stay beside it. Where that cannot be, ranks are not bound.

        A rank that is killed or leaves with a status ends the job. One that only raises does not, once it has imported
        mpi4py: it waits for the others in MPI_Finalize. Programs must call MPI_Abort (`python -m mpi4py` does).
        """
        cores = usable_cores()
        argv = [find_mpirun(), "-n", str(job.ranks)]
        if os.geteuid() == 0:
            argv += ["--allow-run-as-root"]
        mapping = f"ppr:{job.ranks_here}:node"
        if job.ranks_here > cores:
            argv += ["--map-by", f"{mapping}:OVERSUBSCRIBE", "--bind-to", "none"]
            # A rank that waits for a message spins; on a shared core it must let the sender run.
            argv += ["--mca", "mpi_yield_when_idle", "1"]
        elif may_bind():
            argv += ["--map-by", f"{mapping}:PE={cores // job.ranks_here}", "--bind-to", "core"]
        else:
            argv += ["--map-by", mapping, "--bind-to", "none"]
        if job.ranks_here == job.ranks:
            argv += _one_host_settings(job.ranks)
        environment = {
            # Ranks write to a pipe or a pseudo-terminal of mpirun's: without this their output arrives in blocks.
            "PYTHONUNBUFFERED": "1",
            # Else the ranks together start as many threads as there are cores, times the number of ranks.
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores // job.ranks_here))),
            **job.environment,
        }
        if job.ranks_here < job.ranks:  # mpirun's daemons on other nodes do not inherit these
            inherited = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
            environment = {name: os.environ[name] for name in inherited if name in os.environ} | environment
        for name, value in environment.items():
            argv += ["-x", f"{name}={value}"]
        return [*argv, *job.command]


def _one_host_settings(ranks: int) -> list[str]:
    """Shared memory only. Probing for networks costs a second and warns where a device is seen but may not be used.

    Transports are excluded, not listed: the shared-memory one is called vader in Open MPI 4 and sm in 5.
    """
    settings = ["--mca", "pml", "ob1", "--mca", "btl", "^tcp,openib,ofi,uct"]
    shared_memory = Path("/dev/shm")
    if not shared_memory.is_dir() or shutil.disk_usage(shared_memory).free < ranks * SHARED_MEMORY_BYTES_PER_RANK:
        # Containers often have 64 MiB or less there; Open MPI 4 reads this name under its own as well.
        settings += ["--mca", "btl_vader_backing_directory", tempfile.gettempdir()]
    return settings


def find_mpirun() -> str:
    """The mpirun beside this Python, else the first on PATH; raises StemdlError when there is none of Open MPI."""
    beside = Path(sys.executable).parent / "mpirun"
    path = str(beside) if os.access(beside, os.X_OK) else shutil.which("mpirun")
    remedy = "let ./run_benchmark.sh set up an environment with one, or load the site's Open MPI module"
    if path is None:
        raise StemdlError("there is no mpirun", where=f"{beside} and PATH", remedy=remedy)
    version = mpirun_version(path)
    if not any(known in version for known in ("Open MPI", "OpenRTE", "Spectrum MPI")):
        raise StemdlError("mpirun is not Open MPI's", where=path, expected="Open MPI", found=version, remedy=remedy)
    return path


def mpirun_version(path: str) -> str:
    """The first line of `mpirun --version`, such as 'mpirun (Open MPI) 5.0.11'; what went wrong, when it fails."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot be run: {error}"
    return (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[0]


def usable_cores() -> int:
    """Physical cores that this process may use; the hardware threads of one core count once."""
    return len(physical_cores())


def physical_cores() -> list[tuple[int, ...]]:
    """Of each core that this process may use, in the order of packages and cores, the CPUs (hardware threads) of it."""
    topology = Path("/sys/devices/system/cpu")
    cores: dict[tuple[int, int], list[int]] = {}
    for cpu in sorted(os.sched_getaffinity(0)):
        try:
            package, core = (
                int((topology / f"cpu{cpu}/topology/{name}").read_text()) for name in ("physical_package_id", "core_id")
            )
        except (OSError, ValueError):  # not told here: each CPU is a core of its own
            package, core = -1, cpu
        cores.setdefault((package, core), []).append(cpu)
    return [tuple(cores[place]) for place in sorted(cores)]


def may_bind() -> bool:
    """Whether binding works and is right: mpirun binds to all the machine's cores, whatever this process was given."""
    mine = os.sched_getaffinity(0)
    if len(mine) < (os.cpu_count() or 1):
        return False
    try:
        os.sched_setaffinity(0, mine)
    except OSError:  # some containers forbid it
        return False
    return True
