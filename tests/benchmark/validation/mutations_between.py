"""The corpus of bad submissions: what runs and sets have in common, and what lies between them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from changes import Change, add, after, every_log, figure, ledger, log, metric, more_run, put, twice, with_batch
from corpus import CODE, RESULTS, Mutation, Tree
from honest_run import EPOCHS, RUNG, SYSTEM, Lines, at, preflight_of, seed_of
from mutations_related import RUN, script
from mutations_tallies import counted
from mutations_weak import at_once

from benchmark.events import keys

SCRIPTS = f"benchmarks/{RUNG}/implementations/{SYSTEM}"


def gap(ms: int, first: int = 3) -> Change:
    """All runs from `first` on so much later, as where a run was left out of the ledger."""
    return lambda tree: [
        line.update(time_ms=line["time_ms"] + ms) for index in tree.logs if index >= first for line in tree.logs[index]
    ]


def shorter(tree: Tree) -> None:
    """A run whose times, and rates, are a fifth less."""
    lines = tree.logs[1]
    start = lines[at(lines, keys.RUN_START)]["time_ms"]
    for line in lines:
        line["time_ms"] = start + round(0.8 * (line["time_ms"] - start)) if line["time_ms"] > start else line["time_ms"]
        if line["key"] == keys.TRACKED_STATS:
            line["value"]["throughput"] /= 0.8


def with_seed_of(strong: int, by: int = 0) -> Change:
    """Instances of which one has the seed of a run of strong scaling, or one next to it."""
    return at_once(lambda index, lines: put(keys.SEED, seed_of(strong) + by)(lines) if index == 2 else None)


def meanwhile(_index: int, lines: Lines) -> None:
    for line in lines:
        line["time_ms"] -= 3_600_000


def on_two_cores(_index: int, lines: Lines) -> None:
    for place in lines[at(lines, keys.PLACEMENT)]["value"]:
        place["cpus"] = str(place["rank"])


def preflight(change: Callable[[dict[str, Any]], Any]) -> Change:
    """What all runs say of their preflight."""
    return every_log(lambda lines: change(lines[at(lines, keys.PREFLIGHT)]["value"]))


def network(**changes: Any) -> Change:
    told = preflight_of(0)["figures"]["all_reduce"]
    return every_log(figure(all_reduce=told | changes))


def rounded(lines: Lines) -> None:
    for epoch in range(EPOCHS):
        metric(epoch + 1, round(lines[at(lines, keys.EVAL_ACCURACY, epoch)]["value"], 5))(lines)


def facts(**changes: Any) -> Change:
    return add(f"{SCRIPTS}/{SYSTEM}_reference.json", json.dumps({"implementation": "reference", **changes}).encode())


def later_release(tree: Tree) -> None:
    for lines in tree.logs.values():
        lines[at(lines, keys.VERSIONS)]["value"]["stemdl-benchmark"] = "99.0.0"


BETWEEN = (
    Mutation("an instance with the seed of a run of strong scaling", "R4.2", with_seed_of(1)),
    Mutation("an instance with the seed next to that of a run", "R4.2", with_seed_of(1, by=1), invalid=False),
    Mutation("19 s between two runs of a set", "R4.12", gap(19_000), invalid=False),
    Mutation("one run a fifth shorter, and the next as it was", "R4.12", shorter, invalid=False),
    Mutation(
        "a slow run as an instance of several",
        "R4.12",
        ledger(lambda entries: more_run(entries, 15.2, folder="six/instance_5", index=5, instances=2)),
        invalid=False,
    ),
    Mutation("weak scaling at the time of strong scaling", "R5.5", at_once(meanwhile, apart=True), invalid=False),
    Mutation("six instances on two cores", "R5.5", at_once(on_two_cores), invalid=False),
    Mutation("a record without its log", "R4.9", add(f"{RESULTS}/result_5.json", b"{}"), invalid=False),
    Mutation(
        "counts without their log",
        "R4.9",
        lambda tree: (counted()(tree), add(f"{RESULTS}/tallies/result_9.json", b"{}")(tree)),
        invalid=False,
    ),
    Mutation("a key that no trainer logs", "R4.15", log(twice(keys.SUBMISSION_STATUS, key="pretrained_weights"))),
    Mutation("a check of the preflight twice", "R7.5", preflight(lambda value: value["checks"].append("memory"))),
    Mutation(
        "a load that was checked, without a figure", "R7.5", preflight(lambda value: value["figures"].pop("load"))
    ),
    Mutation(
        "a load that was measured, without a check", "R7.5", preflight(lambda value: value["checks"].remove("load"))
    ),
    Mutation(
        "a preflight that warned",
        "R7.5",
        preflight(lambda value: value["warnings"].append("one node slow")),
        invalid=False,
    ),
    Mutation("an all-reduce of one byte", "R7.5", network(message_bytes=1)),
    Mutation("an all-reduce that all runs measured alike", "R7.5", network(), invalid=False),
    Mutation("a release that is yet to come", "R7.6", later_release, invalid=False),
    Mutation("scores with five digits", "R4.6", every_log(rounded), invalid=False),
    Mutation("one score at the target for all runs", "R4.6", every_log(metric(EPOCHS, 0.9121390728)), invalid=False),
    Mutation(
        "one score on the test split for all runs",
        "R4.6",
        every_log(put(keys.TEST_F1_MACRO, 0.92153907)),
        invalid=False,
    ),
    Mutation("runs of batch size 32 as of 16", "R3.11", with_batch(16), invalid=False),
    *(
        Mutation(f"a script that {name}", "R8.2", script(*lines), invalid=False)
        for name, lines in {
            "puts a function in the place of the program": ('stemdl() { python fast.py "$@"; }', RUN),
            "puts an alias in the place of Python": ("alias python=./fast", RUN),
            "installs a library of its own": ("pip install ./my_horovod", RUN),
            "installs a library from elsewhere": ("pip install git+ssh://example.org/torch", RUN),
            "makes data of other crystals": (f"stemdl data generate {RUNG} --crystals realistic -o data", RUN),
            "takes slow runs away": (RUN, "rm -rf runs/slow"),
            "takes the ledger away": (RUN, "mv ledger.jsonl /tmp"),
            "goes on from a checkpoint": (f"{RUN} --resume",),
            "runs a script that is not packed": ("source ./faster.sh", RUN),
            "checks out a branch": ("git checkout main", RUN),
        }.items()
    ),
    Mutation("facts that nothing reads", "R8.2", facts(pretrained="yes")),
    Mutation("a README of another commit", "R8.2", add(f"{SCRIPTS}/README.md", b"made at commit " + b"0" * 40)),
    Mutation(
        "a README that says nothing",
        "R8.2",
        after(lambda folder: (folder / CODE / "reference" / "README.md").write_bytes(b"")),
        invalid=False,
    ),
)
