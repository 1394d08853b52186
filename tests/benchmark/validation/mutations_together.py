"""The corpus of bad submissions: runs of three epochs that are made of others, and what one clock cannot have said."""

from __future__ import annotations

import random

from changes import describe, ledger, shift_from
from corpus import Mutation, Tree
from honest_run import EPOCHS, Lines, at
from mutations_published import TIMES, stats_of, warned

BUSY = {"epoch": 0.35, "evaluation": 0.6}
"""How much longer it takes at most."""


def length(lines: Lines, what: str, epoch: int) -> int:
    start, stop = (lines[at(lines, key, epoch)]["time_ms"] for key in TIMES[what])
    return stop - start


def lasts(lines: Lines, what: str, epoch: int, milliseconds: float) -> None:
    """An interval of that length, and all later events with it."""
    before, after = length(lines, what, epoch), round(milliseconds)
    shift_from(TIMES[what][1], after - before, epoch)(lines)
    if what == "epoch":
        stats_of(lines, epoch)["throughput"] *= before / after


def busy(tree: Tree) -> list[Lines]:
    """All runs beside other programs, each epoch and evaluation for itself; their logs by number."""
    for index, lines in tree.logs.items():
        chance = random.Random(f"busy {index}")
        for epoch in range(EPOCHS):
            for what, share in BUSY.items():
                lasts(lines, what, epoch, length(lines, what, epoch) * chance.uniform(0.8, 0.8 + share))
    return list(tree.logs.values())


def one_sum(tree: Tree) -> None:
    """The last run is half of the first one and half of the second one, in losses and lengths."""
    *others, last = busy(tree)
    for epoch in range(EPOCHS):
        for what in BUSY:
            lasts(last, what, epoch, sum(length(lines, what, epoch) for lines in others[:2]) / 2)
        stats_of(last, epoch)["loss"] = sum(stats_of(lines, epoch)["loss"] for lines in others[:2]) / 2


def pieces(tree: Tree) -> None:
    """Each epoch of the last run lies by another run's."""
    *others, last = busy(tree)
    chance = random.Random("pieces")
    for epoch in range(EPOCHS):
        for what in BUSY:
            lasts(last, what, epoch, length(others[epoch], what, epoch) * (1 + chance.gauss(0, 5e-4)))
        stats_of(last, epoch)["loss"] = stats_of(others[epoch], epoch)["loss"] * (1 + chance.gauss(0, 5e-4))


def shorter_than_its_log(entries: list[dict]) -> None:
    """The second run begins and ends in the ledger so near to each other that its log does not lie between, though
    neither of the two is two seconds off."""
    entries[2]["time_ms"] += 1_400
    entries[3]["time_ms"] -= 1_900


TOGETHER = (
    warned("a run that is one sum of two in all it has", "R4.6", one_sum),
    warned("a run that is pieced together of others", "R4.6", pieces),
    warned(
        "a log that is longer than its run by less than two clocks are apart", "R4.12", ledger(shorter_than_its_log)
    ),
    Mutation("a clock of a tenth", "R7.7", describe(host_processor_frequency="259.6 MHz")),
)
