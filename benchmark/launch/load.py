"""How much of the cores' time other programs leave to a process, measured over a moment before it needs them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.launch.check import CheckResult
from benchmark.launch.room import cgroup_cpus

SECONDS = 0.4
"""The length of the measurement: forty of the kernel's clock ticks, so that a core's share is known to some 3 %."""
TAKEN_SHARE, TAKEN_CORES = 0.1, 0.5
"""The share of the given cores that others may take: a tenth, and of many cores half a core at most, since each step
waits for the slowest rank. Where they take more, a run's time is not the machine's own."""
LOAD = ("given", "free", "average")
"""What is kept of a node's load; see `free_cores`."""
NAMED = 8
"""Cores whose share is shown one by one; of more, the busiest."""
REMEDY = "end other programs, or wait: what is timed now is not this machine's own time"


@dataclass(frozen=True)
class Load:
    """What one process measured of the CPUs that it may use. A CPU's worth of time is 1.0.

    Attributes
    ----------
    free : of each logical CPU the share, 0 to 1, that nobody used.
    quota : CPUs' worth of time that the container of this process may take; None where it is not limited.
    own : CPUs' worth of time that this process itself used meanwhile.
    average : the node's load average of the last minute.
    """

    free: Mapping[int, float]
    quota: float | None
    own: float
    average: float

    def to_dict(self) -> dict[str, Any]:
        """The load as rank 0 is sent it: as short for a rank of 128 CPUs as for one of a single."""
        return {
            "cpus": f"{min(self.free)}-{max(self.free)}/{len(self.free)}",
            "count": len(self.free),
            "quota": self.quota,
            "busy": len(self.free) - sum(self.free.values()),
            "own": self.own,
            "average": self.average,
        }


def measure_load(seconds: float = SECONDS) -> Load | None:
    """The load of the CPUs that this process may use, over `seconds` in which it sleeps. None where the kernel does not
    count (some containers show no times)."""
    import psutil

    cpus = sorted(os.sched_getaffinity(0))
    before, own_before, began = psutil.cpu_times(percpu=True), time.process_time(), time.monotonic()
    time.sleep(seconds)
    after, own, passed = psutil.cpu_times(percpu=True), time.process_time(), time.monotonic() - began
    free = {
        cpu: share
        for cpu in cpus
        if cpu < len(after) and cpu < len(before) and (share := _free_share(before[cpu], after[cpu])) is not None
    }
    if not free:
        return None
    return Load(free, cgroup_cpus(), (own - own_before) / passed, os.getloadavg()[0])


def _free_share(before: Any, after: Any) -> float | None:
    """The idle share of one CPU between two readings; time stolen by other virtual machines is not free. Guests' time
    is part of user's."""
    spent = {
        name: max(0.0, getattr(after, name) - getattr(before, name))
        for name in after._fields
        if not name.startswith("guest")
    }
    whole = sum(spent.values())
    return (spent["idle"] + spent.get("iowait", 0.0)) / whole if whole > 0 else None


def free_cores(told: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """One node's load, from what its ranks measured at the same time: how many CPUs they were `given`, how many of
    these are `free`, and the load `average`. What the ranks themselves used counts as free."""
    sets = {each["cpus"]: each for each in told}
    count = sum(each["count"] for each in sets.values())
    busy = sum(each["busy"] for each in sets.values()) - sum(each["own"] for each in told)
    given = min(count, told[0]["quota"] or count)
    free = min(given, count - max(0.0, busy))
    return {
        "given": round(given, 2),
        "free": round(max(0.0, free), 2),
        "average": round(max(each["average"] for each in told), 2),
    }


def is_busy(load: Mapping[str, float]) -> bool:
    """Whether others take more of a node's cores, as `free_cores` found them, than a timed run can bear."""
    return load["given"] - load["free"] > min(TAKEN_SHARE * load["given"], TAKEN_CORES)


def in_words(load: Mapping[str, float]) -> str:
    """What `free_cores` found, such as "0.9 of 2 cores free (load 6.4)"."""
    return f"{load['free']:g} of {load['given']:g} cores free (load {load['average']:.1f})"


def load_check(load: Load | None) -> CheckResult:
    """What the doctor says before anything of the benchmark runs: a remark where the cores are not free, never a
    failure."""
    if load is None:
        return CheckResult("load", True, "not known: the kernel does not count the cores' time here")
    node = free_cores([load.to_dict()])
    each = (
        load.free
        if len(load.free) <= NAMED
        else {cpu: share for cpu, share in load.free.items() if share == min(load.free.values())}
    )
    detail = f"{in_words(node)}: " + ", ".join(f"core {cpu} {share:.0%}" for cpu, share in list(each.items())[:NAMED])
    return CheckResult("load", True, detail, REMEDY if is_busy(node) else "")
