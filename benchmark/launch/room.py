"""How much memory and disk are free: what the kernel says, and what the container of this process may still take."""

from __future__ import annotations

import shutil
from pathlib import Path

GIB, MIB = 2**30, 2**20
CGROUP = Path("/sys/fs/cgroup")


def free_memory_bytes() -> int:
    """Memory of this node that can be taken without swapping, or less where a container limits it."""
    import psutil

    free = psutil.virtual_memory().available
    limit = cgroup_memory_bytes()
    return free if limit is None else min(free, limit)


def free_disk_bytes(folder: Path) -> int:
    """What a user may still write to the file system of `folder`, or of the nearest folder above it that is there."""
    here = folder.absolute()
    while not here.exists():
        here = here.parent
    return shutil.disk_usage(here).free


def cgroup_memory_bytes(group: Path = CGROUP) -> int | None:
    """Bytes that this container may still take; None where it is not limited. Cached files do not count."""
    try:
        limit = (group / "memory.max").read_text().strip()
        used = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())["anon"]
    except (OSError, KeyError):
        return None
    return int(limit) - int(used) if limit.isdecimal() else None


def cgroup_cpus(group: Path = CGROUP) -> float | None:
    """CPUs' worth of time that this container may use; None when it is not limited."""
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return int(quota) / int(period) if quota.isdecimal() else None
