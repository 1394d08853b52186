"""The corpus of bad submissions: times below what checks once looked at, and clocks that agree by no chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from changes import Change, every_log, ledger, log, shift_from
from corpus import Mutation, Tree
from honest_run import EPOCHS, Lines, at, own_ms, seed_of
from mutations_published import lasting, stats_of, warned
from mutations_weak import at_once

from benchmark.events import keys

Entries = list[dict[str, Any]]


def every_other(first: str, last: str, ms: int) -> Change:
    """All intervals from one event to the next one of another key, of one length."""

    def change(lines: Lines) -> None:
        for place, line in enumerate(lines[1:], start=1):
            if line["key"] in (last, keys.RUN_STOP) and lines[place - 1]["key"] == first:
                moved = ms - (line["time_ms"] - lines[place - 1]["time_ms"])
                for later in lines[place:]:
                    later["time_ms"] += moved

    return every_log(change)


def staged_in(ms: int) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        start, stop = (lines[at(lines, key)]["time_ms"] for key in (keys.STAGING_START, keys.STAGING_STOP))
        shift_from(keys.STAGING_STOP, ms - (stop - start))(lines)

    return change


def staged_alike(tree: Tree) -> None:
    """One time of stagings, where epochs and evaluations vary by much more."""
    lasting(lambda _epoch, ms: ms + ms * 37 % 250)(tree)
    lasting(lambda _epoch, ms: ms + ms * 37 % 200, "evaluation")(tree)
    every_log(staged_in(480))(tree)


def set_back(entries: Entries) -> None:
    """The clock of the ledger goes back by a second between two runs."""
    entries[4]["time_ms"] = entries[3]["time_ms"] - 1000


def ended_before_the_others(index: int, lines: Lines) -> None:
    """All instances but the first begin 3 s after it has stopped."""
    for line in lines if index else ():
        line["time_ms"] += 17_000


def stopped_at_once(index: int, lines: Lines) -> None:
    """All instances, of which each starts 30 ms after another, stop in one millisecond, by the length of an epoch."""
    began, stop = (lines[at(lines, key)]["time_ms"] for key in (keys.RUN_START, keys.RUN_STOP))
    ms = lines[at(lines, keys.EPOCH_STOP)]["time_ms"] - lines[at(lines, keys.EPOCH_START)]["time_ms"]
    moved = 12_500 - 30 * index - own_ms(50 + index) - (stop - began)
    shift_from(keys.EPOCH_STOP, moved)(lines)
    stats_of(lines, EPOCHS - 1)["throughput"] *= ms / (ms + moved)


def beyond_the_system(index: int, lines: Lines) -> None:
    for place in lines[at(lines, keys.PLACEMENT)]["value"]:
        place["cpus"] = str(100 + int(place["cpus"]))


def slow_strong_runs(entries: Entries) -> None:
    """After the instances, runs of strong scaling that the ledger of its set lacks."""
    start, end = entries[0], entries[-1]
    for index in range(5):
        more = [{**start, "folder": f"more/run_{index}", "index": index, "instances": 1}, dict(end)]
        for entry, ms in zip(more, (100 + own_ms(index), 45_000 + own_ms(90 + index)), strict=True):
            entry["time_ms"] = entries[-1]["time_ms"] + ms
        more[1] |= {"start": len(entries), "seed": seed_of(90 + index), "log_sha256": f"{index:064x}"}
        entries += [more[0], more[1] | {"time_to_train_seconds": 40.0 + 0.173 * index}]


BOUNDS = (
    Mutation(
        "all times stretched back",
        "R3.9",
        log(
            lambda lines: [
                line.update(time_ms=lines[0]["time_ms"] + (line["time_ms"] - lines[0]["time_ms"]) // 2)
                for line in lines
            ]
        ),
    ),
    warned("checkpoints that all take 40 ms", "R3.9", every_other(keys.F1_MACRO, keys.EPOCH_START, 40)),
    warned("evaluations that all take 240 ms", "R3.9", lasting(lambda _epoch, _ms: 240, "evaluation")),
    warned("stagings that all take 480 ms on a busy machine", "R3.9", staged_alike),
    warned("a run prepared for 15 s", "R3.2", log(shift_from(keys.SEED, 13_500), 4)),
    warned("a ledger that goes back by a second", "R4.12", ledger(set_back)),
    warned("an instance that ended before the others began", "R5.5", at_once(ended_before_the_others)),
    warned("instances on CPUs that the system lacks", "R7.3", at_once(beyond_the_system)),
    warned("weak scaling with a ledger of its own", "R4.12", at_once(apart=True)),
    warned("slow runs in the ledger of weak scaling alone", "R4.12", at_once(entries=slow_strong_runs)),
    warned("instances that stop in one millisecond", "R3.9", at_once(stopped_at_once)),
)
