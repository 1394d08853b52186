"""The corpus of bad submissions: runs that the ledger has in a place where they would not count, and times that were
written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from changes import Change, every_log, ledger, more_run
from corpus import Tree
from honest_run import Lines, at
from mutations_bounds import BOUNDS
from mutations_published import lasting, warned

from benchmark.events import keys

Entries = list[dict[str, Any]]


def more(count: int, of_a_start: Callable[[int], dict[str, Any]], seconds: float = 40.173) -> Callable[[Entries], None]:
    """Slow runs that are not submitted, with what is told of the start of each, by its number."""

    def change(entries: Entries) -> None:
        for number in range(count):
            more_run(entries, seconds + 1.219 * number, **of_a_start(number))

    return change


def folders(name: str) -> Callable[[Entries], None]:
    """All runs of the set in another folder."""

    def change(entries: Entries) -> None:
        for entry in entries:
            if "folder" in entry:
                entry["folder"] = entry["folder"].replace("set/", f"{name}/")

    return change


MORE_SECONDS = (10.0, 11.0, 14.0, 13.0)
"""Of runs after those that are submitted, which are the median window nevertheless."""


def of_epochs(count: int) -> Callable[[Entries], None]:
    def change(entries: Entries) -> None:
        for seconds in MORE_SECONDS:
            more_run(entries, round(1.0173 * seconds, 3))
            entries[-1]["epochs"] = count

    return change


def of_whole_seconds(entries: Entries) -> None:
    for seconds in MORE_SECONDS:
        more_run(entries, seconds)


def on_whole_seconds(entries: Entries) -> None:
    """Every line on the second after its time."""
    for entry in entries:
        entry["time_ms"] = -(-entry["time_ms"] // 1000) * 1000


def begun_on_a_second(lines: Lines) -> None:
    early = lines[at(lines, keys.RUN_START)]["time_ms"] % 1000
    for line in lines:
        line["time_ms"] -= early


def load_averages(average: Callable[[int], float]) -> Change:
    """Of the preflight of each run, by its number."""

    def change(tree: Tree) -> None:
        for index, lines in tree.logs.items():
            lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]["load"]["average"] = average(index)

    return change


HIDDEN = (
    *BOUNDS,
    warned("slow runs on the usual partition", "R4.12", ledger(more(2, lambda _: {"partition": "standard"}))),
    warned("five slow runs on one partition", "R4.12", ledger(more(5, lambda _: {"partition": "folds_5/fold_0"}))),
    warned(
        "slow runs one after another as instances",
        "R4.12",
        ledger(more(3, lambda number: {"instances": 3, "index": number, "folder": f"weak/instance_{number}"})),
    ),
    *(
        warned(f"runs in a folder named {name}", "R4.12", ledger(folders(name)))
        for name in ("best_of_20", "fastest-five-of-forty", "luckiest", "best_seeds")
    ),
    warned("runs without logs of twelve short epochs", "R4.12", ledger(of_epochs(12))),
    warned("runs without logs of two epochs", "R4.11", ledger(of_epochs(2))),
    warned("runs without logs that took whole seconds", "R4.12", ledger(of_whole_seconds)),
    warned("a ledger on whole seconds", "R4.12", ledger(on_whole_seconds)),
    warned("all clocks started on a whole second", "R3.9", every_log(begun_on_a_second)),
    warned("epochs that all end in one digit", "R3.9", lasting(lambda _, ms: (ms + ms * 37 % 250) // 10 * 10 + 7)),
    warned(
        "preflights that leave out what they warned of",
        "R7.5",
        every_log(lambda lines: lines[at(lines, keys.PREFLIGHT)]["value"].pop("warnings")),
    ),
    warned(
        "preflights whose warnings are none",
        "R7.5",
        every_log(lambda lines: lines[at(lines, keys.PREFLIGHT)]["value"].update(warnings=None)),
    ),
    warned("load averages of one number", "R7.5", load_averages(lambda _: 1.33)),
    warned("load averages that rise by one step", "R7.5", load_averages(lambda index: round(1.1 + index / 10, 1))),
)
