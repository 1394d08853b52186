"""How long a rung's data will take to make, from timing a few of its units."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from benchmark.data.recipe import LongRecipe, Recipe, Unit, unit_generator
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
    timed, and whether pieces of them were."""

    seconds_per_sample: float
    standard_error: float
    timed: int
    by_pieces: bool = False

    def seconds(self, samples: int, ranks: int = 1) -> tuple[float, float]:
        """How long so many samples take on so many ranks of one core each, and the standard error of that."""
        return self.seconds_per_sample * samples / ranks, self.standard_error * samples / ranks


def measure(
    recipe: Recipe,
    rung: MadeRung,
    units: Sequence[Unit],
    clock: Callable[[], float] | None = None,
    limit_seconds: float = TIMING_SECONDS,
    device: str = "cpu",
) -> Cost:
    """Time units from all over the strata, in proportion to how many units these have.

    Of each unit one sample is timed, on one thread, or pieces of one where its recipe is a `LongRecipe`; on another
    device than the CPU all samples, since they may be made together there. What is drawn for a unit is drawn in that
    time. `units` may not be empty. On CPUs the time is the processor's, which other programs take none of.
    """
    wall = clock or time.perf_counter
    clock = clock or (time.process_time if device == "cpu" else time.perf_counter)
    ordered = sorted(units, key=lambda unit: unit.stratum)
    by_pieces = _in_pieces(recipe, rung, ordered[0], clock, device) is not None
    if not by_pieces:
        next(recipe.make(ordered[0], unit_generator(rung, ordered[0]), device))  # libraries are loaded
    use_one_thread()
    started, seconds = wall(), []
    for turn in range(min(MOST_UNITS, len(ordered))):
        if turn >= 2 and wall() - started > limit_seconds:
            break
        unit = ordered[int((0.5 + turn * GOLDEN_RATIO) % 1.0 * len(ordered))]
        estimated = _in_pieces(recipe, rung, unit, clock, device) if by_pieces else None
        seconds.append(_whole(recipe, rung, unit, clock, device) if estimated is None else estimated)
    mean = statistics.fmean(seconds)
    error = statistics.stdev(seconds) / len(seconds) ** 0.5 if len(seconds) > 1 else mean
    return Cost(mean, error, len(seconds), by_pieces)


def _in_pieces(recipe: Recipe, rung: MadeRung, unit: Unit, clock: Callable[[], float], device: str) -> float | None:
    if not isinstance(recipe, LongRecipe):
        return None
    return recipe.estimate(unit, unit_generator(rung, unit), device, clock)


def _whole(recipe: Recipe, rung: MadeRung, unit: Unit, clock: Callable[[], float], device: str) -> float:
    begun = clock()
    samples = recipe.make(unit, unit_generator(rung, unit), device)
    made = sum(1 for _ in (islice(samples, 1) if device == "cpu" else samples))
    return (clock() - begun) / made
