"""The corpus of bad submissions: power that no meter read, ledgers that do not go together, and sets that follow from
others of their tree."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from changes import Change, ledger, more_run, put, shift_from
from honest_run import EPOCHS, Lines, at, log_lines, seed_of
from mutations_power import honest, measured
from mutations_published import stats_of, warned
from mutations_related import seeds
from mutations_weak import at_once

from benchmark.events import keys


def at_most_95(drawn: random.Random, count: int) -> list[float]:
    return [min(each, 95.0) for each in honest(drawn, count)]


def sine(drawn: random.Random, count: int) -> list[float]:
    begins = drawn.random()
    return [64 + 2.5 * math.sin(1.3 * k + begins) for k in range(count)]


def after_a_step(drawn: random.Random, count: int) -> list[float]:
    """A geometric series: what a formula has in place of a warm-up."""
    begins = drawn.uniform(20, 30)
    return [95 - begins * 0.98**k for k in range(count)]


def in_another_order(drawn: random.Random, count: int) -> list[float]:
    return drawn.sample(honest(random.Random("one run"), count), count)


def low_and_high(drawn: random.Random, count: int) -> list[float]:
    return [drawn.gauss((90, 100)[k % 2], 0.8) for k in range(count)]


def overlapping(entries: list[dict[str, Any]]) -> None:
    """Two runs that crashed, of which the second begins 3 s after the first, both 40 s long."""
    for _ in range(2):
        more_run(entries, 40.0, status="crashed")
    first, ended, second, last = entries[-4:]
    second["time_ms"] = first["time_ms"] + 3_000
    last.update(time_ms=ended["time_ms"] + 3_000, start=len(entries) - 3)
    entries[-4:] = [first, second, ended, last]


def without(name: str) -> Callable[[list[dict[str, Any]]], None]:
    """A setting that the last start does not say."""

    def change(entries: list[dict[str, Any]]) -> None:
        more_run(entries, 40.0, settings={key: value for key, value in entries[0]["settings"].items() if key != name})

    return change


def of_the_strong_set(change: Callable[[Lines, Lines], None]) -> Change:
    """Instances that are made of the runs of strong scaling, one of each."""
    return at_once(lambda index, lines: change(lines, log_lines(index)))


def learned(made: Callable[[float, int], float]) -> Change:
    """The losses of instances, of those of the strong runs and the epoch."""

    def change(lines: Lines, strong: Lines) -> None:
        for epoch in range(EPOCHS):
            stats_of(lines, epoch)["loss"] = made(stats_of(strong, epoch)["loss"], epoch)

    return of_the_strong_set(change)


def seeded(made: Callable[[int], int]) -> Change:
    return at_once(lambda index, lines: put(keys.SEED, made(seed_of(index)))(lines))


def timed(lines: Lines, strong: Lines) -> None:
    """Epochs of 1.2 times those of a strong run, with samples/s that fit."""
    for epoch in range(EPOCHS):
        own, others = (
            each[at(each, keys.EPOCH_STOP, epoch)]["time_ms"] - each[at(each, keys.EPOCH_START, epoch)]["time_ms"]
            for each in (lines, strong)
        )
        shift_from(keys.EPOCH_STOP, round(1.2 * others) - own, epoch)(lines)
        stats_of(lines, epoch)["throughput"] *= own / (1.2 * others)


GLIBC = (1804289383, 846930886, 1681692777, 1714636915, 1957747793)

ACROSS = (
    warned("power readings that are cut off", "R5.6", measured(at_most_95)),
    warned("power readings of a sine", "R5.6", measured(sine)),
    warned("power readings of a geometric series", "R5.6", measured(after_a_step)),
    warned("power readings of one run in another order", "R5.6", measured(in_another_order)),
    warned("high power readings after short times", "R5.6", measured(low_and_high, every_ms=(90, 10))),
    warned(
        "a power supply that is worse in all runs but the first",
        "R5.6",
        measured(supply_of=lambda index: 0.61 if index else 0.92),
    ),
    warned("starts of one code, of which some say instances", "R4.12", ledger(lambda told: told[4].pop("instances"))),
    warned("a start without one of the settings", "R4.12", ledger(without("symmetry"))),
    warned("runs that are not submitted at one time", "R5.4", ledger(overlapping)),
    warned("seeds of rand() of glibc", "R4.2", seeds(GLIBC.__getitem__)),
    warned("seeds of another set plus a number", "R4.2", seeded(lambda seed: (seed + 104_729) % 2**31)),
    warned("seeds of another set xor a number", "R4.2", seeded(lambda seed: seed ^ 0x3C0FFEE5)),
    warned("seeds of another set times a number", "R4.2", seeded(lambda seed: 48_271 * seed % 2**31)),
    warned(
        "losses of another set times a number for each epoch",
        "R4.6",
        learned(lambda loss, epoch: loss * (1.0031, 0.9968, 1.0044)[epoch]),
    ),
    warned(
        "losses of another set plus a number for each epoch",
        "R4.6",
        learned(lambda loss, epoch: loss + (0.0123, -0.0045, 0.0067)[epoch]),
    ),
    warned("times of another set times a number", "R4.6", of_the_strong_set(timed)),
)
