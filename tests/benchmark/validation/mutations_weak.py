"""The corpus of bad submissions: weak scaling next to a good strong set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from changes import Change, after, put, shift, together
from corpus import DESCRIPTION, RESULTS, Mutation, Tree, as_ledger, ledger_of
from honest_run import APART_MS, Lines, as_text, at, log_lines, record_of

from benchmark.events import keys
from benchmark.submission.ledger import LEDGER

INSTANCES = 6
CORES = dict.fromkeys(("host_processor_core_count", "host_processor_vcpu_count"), str(2 * INSTANCES))
"""Of a node that all instances fit on."""
WEAK_RESULTS = RESULTS.replace("strong", "weak")


def at_once(
    lines: Callable[[int, Lines], Any] = lambda index, lines: None,
    entries: Callable[[list[dict[str, Any]]], Any] = bool,
    left_out: tuple[int, ...] = (),
    instances: int = INSTANCES,
    apart: bool = False,
) -> Change:
    """Weak scaling of instances that started 30 ms one after the other, in a second set; changed, without some. Its
    ledger is that of the strong set, gone on with, or one `apart`."""

    def write(folder: Path) -> None:
        described = json.loads((folder / DESCRIPTION).read_text())
        (folder / DESCRIPTION).write_text(json.dumps(described | CORES))
        results = folder / WEAK_RESULTS
        results.mkdir(parents=True)
        runs = {}
        for index in range(INSTANCES):
            events = log_lines(50 + index)
            for event in events:
                event["time_ms"] += 3_600_000 - APART_MS * (50 + index) + 30 * index
            for place in events[at(events, keys.PLACEMENT)]["value"]:
                place["cpus"] = str(int(place["cpus"]) + 2 * index)
            lines(index, events)
            runs[index] = (events, as_text(events))
        told = ledger_of(runs)
        for entry in told:
            if entry["event"] == "start":
                entry.update(instances=instances, folder=f"weak/instance_{entry['index']}")
        in_time = sorted(range(len(told)), key=lambda place: told[place]["time_ms"])
        for entry in told:
            entry.update({"start": in_time.index(entry["start"])} if "start" in entry else {})
        told = [told[place] for place in in_time]
        entries(told)
        strong = folder / RESULTS / LEDGER
        before = strong.read_bytes() if strong.is_file() and not apart else b""
        (results / LEDGER).write_bytes(as_ledger(told, before))
        for index in sorted(set(runs) - set(left_out)):
            (results / f"result_{index}.txt").write_bytes(runs[index][1])
            (results / f"result_{index}.json").write_text(json.dumps(record_of(*runs[index], index)))

    return after(write)


def later(index: int, lines: Lines) -> None:
    """The last instance 100 s after the others."""
    for line in lines if index == INSTANCES - 1 else ():
        line["time_ms"] += 100_000


def of_another_set(entries: list[dict[str, Any]]) -> None:
    entries[INSTANCES - 1]["folder"] = "another/instance_5"


def on_a_node_of_its_own(index: int, lines: Lines) -> None:
    for place in lines[at(lines, keys.PLACEMENT)]["value"]:
        place["host"] = f"node-{index}"


def late(_index: int, lines: Lines) -> None:
    together(shift(keys.RUN_START, 700), shift(keys.STAGING_START, 700))(lines)


def large(tree: Tree) -> None:
    """All runs and instances on a node of two accelerators."""
    told = {"accelerators_per_node": "2", "number_of_nodes": "2"} | CORES
    at_once(lambda index, lines: together(put(keys.ACCELERATORS_PER_NODE, 2))(lines))(tree)
    after(lambda folder: (folder / DESCRIPTION).write_text(json.dumps({**tree.system, **told})))(tree)


WEAK = (
    Mutation("an instance 100 s after the others", "R5.5", at_once(later)),
    Mutation("a slow instance in neither the logs nor the pruned", "R5.5", at_once(left_out=(5,))),
    Mutation("more instances than were started at once", "R5.5", at_once(instances=5)),
    Mutation("fewer instances than were started at once", "R5.5", at_once(instances=60)),
    Mutation("an instance of another set", "R5.5", at_once(entries=of_another_set)),
    Mutation("instances on more nodes than there are", "R5.5", at_once(on_a_node_of_its_own)),
    Mutation("all instances' clocks 700 ms late", "R3.1", at_once(late), invalid=False),
    Mutation("six instances of two accelerators on a system of four", "R5.5", large),
)
