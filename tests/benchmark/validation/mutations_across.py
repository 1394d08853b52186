"""The corpus of bad submissions: power that no meter read, ledgers that do not go together, and sets that follow from
others of their tree."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from changes import ledger, more_run
from mutations_power import honest, measured
from mutations_published import warned


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
)
