"""The corpus of bad submissions: runs of three epochs that are made of others, and what one clock, one machine or one
command cannot have said."""

from __future__ import annotations

import random

from changes import describe, every_log, ledger, metric, more_run, setting, shift_from
from corpus import Mutation, Tree
from honest_run import APART_MS, EPOCHS, Lines, at
from mutations_hidden import load_averages
from mutations_published import TIMES, stats_of, warned

from benchmark.events import keys

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


def begun_early(entries: list[dict]) -> None:
    """The second run begins 3 ms before the first one ends, one line above that."""
    end, start = entries[1:3]
    start["time_ms"] = end["time_ms"] - 3
    entries[1:3] = [start, end]
    entries[3]["start"] = 1


def tried_between(tree: Tree) -> None:
    """A run of another set lies between the second run and the third, where nothing has time."""
    for index, lines in tree.logs.items():
        for line in lines if index > 1 else ():
            line["time_ms"] += APART_MS

    def enter(entries: list[dict]) -> None:
        ended = entries[3]["time_ms"]
        settings = entries[0]["settings"] | {"learning_rate": 0.0043}
        more_run(entries, 12.7, place=4, folder="try/run_0", settings=settings)
        entries[4]["time_ms"], entries[5]["time_ms"] = ended + 41, ended + APART_MS - 67

    tree.ledger.append(enter)


def regular(tree: Tree) -> None:
    """The epochs of each run are of one length, but for milliseconds, and its evaluations are of a busy machine."""
    for index, lines in enumerate(busy(tree)):
        chance, first = random.Random(f"regular {index}"), length(lines, "epoch", 0)
        for epoch in range(1, EPOCHS):
            lasts(lines, "epoch", epoch, first * 0.97 + chance.randrange(5))


def good_at_once(tree: Tree) -> None:
    """Scores of another batch size after the first epoch, at losses of this one."""
    for index, lines in tree.logs.items():
        metric(1, 0.7213 + random.Random(f"at once {index}").uniform(-0.013, 0.013))(lines)


def with_an_old_python(lines: Lines) -> None:
    lines[at(lines, keys.VERSIONS)]["value"].update(python="3.10.14", numpy="2.4.6")


def ended_early(entries: list[dict]) -> None:
    """All runs end in the ledger before their logs do, by less than two clocks are apart."""
    for end in entries[1::2]:
        end["time_ms"] -= 1_450


TOGETHER = (
    warned("a run that is one sum of two in all it has", "R4.6", one_sum),
    warned("a run that is pieced together of others", "R4.6", pieces),
    warned(
        "a log that is longer than its run by less than two clocks are apart", "R4.12", ledger(shorter_than_its_log)
    ),
    warned("runs that end before their logs on the one node", "R4.12", ledger(ended_early)),
    warned(
        "two processors that nothing joins",
        "R7.7",
        describe(host_processors_per_node="2", host_processor_interconnect="N/A"),
    ),
    warned(
        "a cloud's kernel on premises",
        "R7.7",
        describe(system_type="on-premise", operating_system="Ubuntu 24.04.1 LTS, kernel 6.8.0-1021-aws"),
    ),
    warned("no checkpoints, and the time that they take", "R3.9", every_log(setting("checkpoint", False))),
    warned("a start above the end of the run before", "R5.4", ledger(begun_early)),
    warned("a run of another set within a set", "R4.12", tried_between),
    warned("epochs of one length beside evaluations of many", "R3.9", regular),
    warned("first scores of another batch size", "R3.11", good_at_once),
    warned("a NumPy that does not run on its Python", "R7.6", every_log(with_an_old_python)),
    warned(
        "a load average that falls faster than the kernel forgets",
        "R7.5",
        load_averages(lambda index: (1.31, 6.84, 1.12, 1.05, 1.27)[index]),
    ),
    warned(
        "a system whose C library is too old",
        "R7.7",
        describe(operating_system="Debian GNU/Linux 7 (wheezy), kernel 3.2.0"),
    ),
    Mutation("a clock of a tenth", "R7.7", describe(host_processor_frequency="259.6 MHz")),
)
