"""The corpus of bad submissions: what is apart, and should not be, or together, and should not be: starts of instances,
seeds of several ledgers, scores at the target, CPUs of a library's threads."""

from __future__ import annotations

import random

from changes import every_log, ledger, metric, more_run
from corpus import Tree
from honest_run import EPOCHS, Lines, at, seed_of
from mutations_hidden import load_averages
from mutations_power import honest, measured
from mutations_published import warned
from mutations_related import RUN, script
from mutations_relations import without_in_memory
from mutations_visible import named
from mutations_weak import INSTANCES, at_once

from benchmark.events import keys


def some_seconds_later(index: int, lines: Lines) -> None:
    """The last instance 4.2 s after the others."""
    for line in lines if index == INSTANCES - 1 else ():
        line["time_ms"] += 4_200


def seeds_of_a_run_that_was_slow(tree: Tree) -> None:
    """An instance has the seed of a run of another rung, which the ledger of the strong set alone has."""
    at_once(apart=True)(tree)
    ledger(lambda entries: more_run(entries, 60.173, rung="stemdl_smoke"))(tree)
    ledger(lambda entries: entries[-1].update(seed=seed_of(52)))(tree)


def as_good(tree: Tree) -> None:
    """Scores at the end that differ by next to nothing."""
    for index, lines in tree.logs.items():
        metric(EPOCHS, 0.9131874221 + 1.3e-6 * (index * 7 % 5))(lines)


def no_free_cores(lines: Lines) -> None:
    lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]["load"]["free"] = None


def of_a_table(drawn: random.Random, count: int) -> list[float]:
    return [92.0 + drawn.choice((-3.17, -1.92, -0.41, 0.0, 0.88, 1.73, 2.96)) for _ in range(count)]


def of_one_run(drawn: random.Random, count: int) -> list[float]:
    """One run's readings, times a number of each run, about 60 W."""
    share = drawn.uniform(0.6, 1.4)
    return [60 + share * (each - 60) for each in honest(random.Random("one run"), count)]


APART = (
    warned("power readings of seven numbers", "R5.6", measured(of_a_table)),
    warned("power readings of one run, stretched", "R5.6", measured(of_one_run)),
    warned("no word of where the data were read to", "R3.11", every_log(without_in_memory)),
    warned("cores that were free are not told", "R7.5", every_log(no_free_cores)),
    warned("an instance 4 s after the others", "R5.5", at_once(some_seconds_later)),
    warned("the seed of a run in another set's ledger", "R4.2", seeds_of_a_run_that_was_slow),
    warned("scores at the end that are nearly one", "R3.11", as_good),
    warned(
        "load averages of a quarter of what a run leaves",
        "R7.5",
        load_averages(lambda index: (1.4, 0.04, 0.03, 0.05, 0.02)[index]),
    ),
    warned("a system named raspberry-pi", "R7.7", named("raspberry-pi-4")),
    warned(
        "a script that binds threads to CPUs that are not there",
        "R8.2",
        script("export HOROVOD_THREAD_AFFINITY=62,63", RUN),
    ),
)
