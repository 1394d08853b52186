"""How long a rung's data will take to make, from timing a few of its materials."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmark.data.generate import stacks_of
from benchmark.data.plan import Material
from benchmark.data.workers import use_one_thread
from benchmark.definition.rung import Rung
from benchmark.simulation.crystal import crystal_system

TIMING_SECONDS = 20.0
"""Timing goes on until the time is over or each system had a few materials; the one in work is finished."""
MOST_A_SYSTEM = 3


@dataclass(frozen=True)
class Cost:
    """Of one sample on one core, in seconds: the mean over the planned materials, its standard error, samples timed."""

    seconds_per_sample: float
    standard_error: float
    timed: int

    def seconds(self, samples: int, ranks: int = 1) -> tuple[float, float]:
        """How long so many samples take on so many ranks of one core each, and the standard error of that."""
        return self.seconds_per_sample * samples / ranks, self.standard_error * samples / ranks


def measure(
    rung: Rung,
    materials: Sequence[Material],
    clock: Callable[[], float] = time.perf_counter,
    limit_seconds: float = TIMING_SECONDS,
    device: str = "cpu",
) -> Cost:
    """Time materials spread over the crystal systems, each system's as many as it has materials, in proportion.

    Of each material one sample is timed, on one thread; on another device than the CPU all of them, since they are
    made together there. Crystals that are to be drawn are drawn in that time, as each material's samples share its
    crystal. `materials` may not be empty.
    """
    use_one_thread()
    systems: dict[str, list[Material]] = {}
    for material in materials:
        systems.setdefault(crystal_system(material.space_group), []).append(material)
    order = sorted(systems, key=lambda system: -len(systems[system]))
    seconds: dict[str, list[float]] = {system: [] for system in order}
    next(stacks_of(rung, replace(systems[order[0]][0], samples=1), device))  # libraries are loaded
    started = clock()
    for turn in range(MOST_A_SYSTEM):
        for system in order:
            if sum(map(len, seconds.values())) >= 2 and clock() - started > limit_seconds:
                break
            members = systems[system]
            material = members[(2 * turn + 1) * len(members) // (2 * MOST_A_SYSTEM)]
            if device == "cpu":
                material = replace(material, samples=1)
            begun = clock()
            made = sum(1 for _ in stacks_of(rung, material, device))
            seconds[system].append((clock() - begun) / made)
    known = {system: values for system, values in seconds.items() if values}
    share = sum(len(systems[system]) for system in known)
    mean = sum(len(systems[system]) / share * statistics.fmean(values) for system, values in known.items())
    together = [value for values in known.values() for value in values]
    error = statistics.stdev(together) / len(together) ** 0.5 if len(together) > 1 else mean
    return Cost(mean, error, len(together))
