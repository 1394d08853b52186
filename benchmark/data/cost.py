"""How long a rung's data will take to make, from timing a few of its units."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from benchmark.data.recipe import Recipe, Unit, unit_generator
from benchmark.data.workers import use_one_thread
from benchmark.definition.rung import MadeRung

TIMING_SECONDS = 20.0
"""Timing goes on until the time is over or `MOST_UNITS` are timed; the one in work is finished."""
MOST_UNITS = 21
GOLDEN_RATIO = 0.6180339887498949
"""Multiples of it, without their whole parts, lie evenly in [0, 1) however many they are (Weyl 1916)."""


@dataclass(frozen=True)
class Cost:
    """What one sample costs on one core, in seconds: the mean over the planned units, its standard error, samples
    timed."""

    seconds_per_sample: float
    standard_error: float
    timed: int

    def seconds(self, samples: int, ranks: int = 1) -> tuple[float, float]:
        """How long so many samples take on so many ranks of one core each, and the standard error of that."""
        return self.seconds_per_sample * samples / ranks, self.standard_error * samples / ranks


def measure(
    recipe: Recipe,
    rung: MadeRung,
    units: Sequence[Unit],
    clock: Callable[[], float] = time.perf_counter,
    limit_seconds: float = TIMING_SECONDS,
    device: str = "cpu",
) -> Cost:
    """Time units from all over the strata, in proportion to how many units these have.

    Of each unit one sample is timed, on one thread; on another device than the CPU all of them, since they may be made
    together there. What is drawn for a unit is drawn in that time. `units` may not be empty.
    """
    ordered = sorted(units, key=lambda unit: unit.stratum)
    next(recipe.make(ordered[0], unit_generator(rung, ordered[0]), device))  # libraries are loaded
    use_one_thread()
    started, seconds = clock(), []
    for turn in range(min(MOST_UNITS, len(ordered))):
        if turn >= 2 and clock() - started > limit_seconds:
            break
        unit = ordered[int((0.5 + turn * GOLDEN_RATIO) % 1.0 * len(ordered))]
        begun = clock()
        samples = recipe.make(unit, unit_generator(rung, unit), device)
        made = sum(1 for _ in (islice(samples, 1) if device == "cpu" else samples))
        seconds.append((clock() - begun) / made)
    mean = statistics.fmean(seconds)
    error = statistics.stdev(seconds) / len(seconds) ** 0.5 if len(seconds) > 1 else mean
    return Cost(mean, error, len(seconds))
