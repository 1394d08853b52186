"""Power logs of all runs that no meter wrote, or not of these runs."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

from changes import Change, add
from corpus import RESULTS, Tree
from honest_run import at
from mutations_outsiders import on_two_nodes
from mutations_published import warned
from mutations_related import COVERED, power_line

from benchmark.events import keys
from benchmark.events.power_log import CONVERSION_EFFICIENCY, MEASUREMENT_START, MEASUREMENT_STOP, READING

EVERY_MS, IDLE_MS = 50, 30_000
"""The corpus's runs are short: so often are their ten and more readings made."""
Watts = Callable[[random.Random, int], Sequence[float]]
"""Of a generator of random numbers and a count: so many readings."""


def honest(drawn: random.Random, count: int) -> list[float]:
    return [round(drawn.gauss(95.0, 0.8), 2) for _ in range(count)]


def whole_watts(drawn: random.Random, count: int) -> list[float]:
    return [float(round(each)) for each in honest(drawn, count)]


def measured(
    watts: Watts = honest,
    *,
    seed_of: Callable[[int], int] = int,
    factor: float = 1.0,
    runs: Sequence[int] = range(5),
    idle_ms: int = 0,
    efficiencies: Sequence[float] = (),
    covers: str = COVERED,
    every_ms: Sequence[int] = (EVERY_MS,),
    supply_of: Callable[[int], float] | None = None,
) -> Change:
    """A power log for each run, and records that say its energy. `seed_of` and `factor`: of which the readings of a
    run are, by its number; `every_ms`: the times between them, in turn; `supply_of`: its efficiency, by the run."""

    def change(tree: Tree) -> None:
        for index in runs:
            start, stop = (
                tree.logs[index][at(tree.logs[index], key)]["time_ms"] for key in (keys.RUN_START, keys.RUN_STOP)
            )
            begins, ends = start - idle_ms, stop + idle_ms
            told_at = itertools.accumulate(itertools.cycle(every_ms), initial=begins)
            times = [*itertools.takewhile(lambda ms, last=ends: ms < last, itertools.islice(told_at, 1, None)), ends]
            supplies = [supply_of(index)] if supply_of else efficiencies
            values = [round(each * factor**index, 2) for each in watts(random.Random(seed_of(index)), len(times))]
            told: list[tuple[int, str, float | None]] = [(begins, MEASUREMENT_START, None)]
            told += [(begins, CONVERSION_EFFICIENCY, each) for each in supplies]
            told += [(when, READING, each) for when, each in zip(times, values, strict=True)]
            told += [(ends, MEASUREMENT_STOP, None)]
            lines = "".join(map(power_line, told))
            add(f"{RESULTS}/power/result_{index}/node_0.txt", lines.replace(COVERED, covers).encode())(tree)
            watt_ms = sum(each * (b - a) for each, a, b in zip(values, [begins, *times], times, strict=False))
            efficiency = supplies[-1] if supplies else 1.0
            energy = efficiency * watt_ms * (stop - start) / (ends - begins) / 1000
            tree.records[index] = lambda record, energy=energy: record.update(
                energy_joules=energy, energy_covers=covers
            )

    return change


def of_one_node_of_two(tree: Tree) -> None:
    measured()(tree)
    on_two_nodes(tree)


def one_later(drawn: random.Random, count: int) -> list[float]:
    """Readings of one series, some places on."""
    place = drawn.randrange(1, 9)
    return honest(random.Random("one series"), count + place)[place:]


POWERED = (
    warned("power readings that were sorted", "R5.6", measured(lambda drawn, count: sorted(honest(drawn, count)))),
    warned("power readings of another run some places on", "R5.6", measured(one_later)),
    warned(
        "power readings of another run backwards",
        "R5.6",
        measured(lambda drawn, count: honest(random.Random(1), count)[:: drawn.choice((1, -1))]),
    ),
    warned(
        "two power readings in turn", "R5.6", measured(lambda _, count: [(60.12, 61.37)[k % 2] for k in range(count)])
    ),
    warned(
        "seven power readings in turn",
        "R5.6",
        measured(lambda drawn, count: (honest(drawn, 7) * count)[:count]),
    ),
    warned("power readings of one number", "R5.6", measured(lambda _, count: [41.0] * count)),
    warned(
        "power readings that rise by one step", "R5.6", measured(lambda _, count: [90 + 0.01 * k for k in range(count)])
    ),
    warned("power readings of another run", "R5.6", measured(seed_of=lambda _: 0)),
    warned("power readings of another run times a factor", "R5.6", measured(seed_of=lambda _: 0, factor=0.97)),
    warned(
        "power readings of 0 in the second half",
        "R5.6",
        measured(lambda drawn, count: [*honest(drawn, count - count // 2), *[0.0] * (count // 2)]),
    ),
    warned("power of two runs alone", "R5.6", measured(runs=(2, 4))),
    warned("power with idle time around", "R5.6", measured(idle_ms=IDLE_MS)),
    warned("two efficiencies of a power supply", "R5.6", measured(efficiencies=(0.94, 0.55))),
    warned(
        "power of less than any node",
        "R5.6",
        measured(lambda drawn, count: [drawn.gauss(2.1, 0.02) for _ in range(count)]),
    ),
    warned("power of nobody knows what", "R5.6", measured(covers="")),
    warned("power of one node of two", "R5.6", of_one_node_of_two),
)
