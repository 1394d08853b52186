"""The cores of this host, and whether processes may choose theirs."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.launch.room import cgroup_cpus

TOPOLOGY = Path("/sys/devices/system/cpu")


def physical_cores(cpus: Iterable[int] | None = None) -> list[tuple[int, ...]]:
    """The CPUs (hardware threads) of each core of these CPUs, or of those that this process may use; in the order of
    packages and cores."""
    cores: dict[tuple[int, int], list[int]] = defaultdict(list)
    for cpu in sorted(os.sched_getaffinity(0) if cpus is None else cpus):
        try:
            package, core = (
                int((TOPOLOGY / f"cpu{cpu}/topology/{name}").read_text()) for name in ("physical_package_id", "core_id")
            )
        except (OSError, ValueError):  # not known here: each CPU is a core of its own
            package, core = -1, cpu
        cores[package, core].append(cpu)
    return [tuple(cores[place]) for place in sorted(cores)]


def usable_cores() -> int:
    """Physical cores that this process may use; the hardware threads of one core count once."""
    return len(physical_cores())


def affordable_cores() -> int:
    """The same, or fewer where a container has the time of fewer: as many processes as run side by side here."""
    cores, quota = usable_cores(), cgroup_cpus()
    return cores if quota is None else min(cores, max(1, math.ceil(quota)))


def require_cores(processes: int, *, where: str, oversubscribe: bool) -> None:
    """Raises StemdlError for more processes than there are cores here for them, unless that is what is wanted."""
    cores, most = usable_cores(), affordable_cores()
    if processes > most and not oversubscribe:
        of = f"{cores} cores" + (f", of which the container has the time of {cgroup_cpus():g}" if most < cores else "")
        raise StemdlError(
            "there are more ranks than cores",
            where=where,
            expected=f"at most {most} ({of})",
            found=processes,
            remedy=f"{where} {most}, or --oversubscribe to let ranks share cores, which measures no system",
        )


def may_bind() -> bool:
    """Whether binding works and is right: mpirun binds to all the machine's cores, whatever this process was given."""
    return len(os.sched_getaffinity(0)) >= (os.cpu_count() or 1) and binding_works()


def binding_works() -> bool:
    """Whether a process may choose its CPUs; some containers forbid it."""
    try:
        os.sched_setaffinity(0, os.sched_getaffinity(0))
    except OSError:
        return False
    return True
