"""What a hostile reader tried next: numbers made from others, scripts that run something else, words in disguise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from changes import Change, add, describe, every_log, figure, ledger
from corpus import CODE, RESULTS, SYSTEM, Mutation, Tree
from honest_run import RUNG, at

from benchmark.events import keys
from benchmark.events.power_log import CONVERSION_EFFICIENCY, COVERS, MEASUREMENT_START, MEASUREMENT_STOP, READING

COVERED = "the whole node, at the plug"
RUN = f"stemdl run --rung {RUNG} --ranks 2 --runs 5"


def seeds(seed_of: Callable[[int], int]) -> Change:
    """Those of all runs."""

    def change(tree: Tree) -> None:
        for index, lines in tree.logs.items():
            lines[at(lines, keys.SEED)]["value"] = seed_of(index)

    return change


def stats(change: Callable[[dict[str, float], int, int], None]) -> Change:
    """The samples/s and losses of all runs changed: the value, the run and the epoch."""

    def each(tree: Tree) -> None:
        for index, lines in tree.logs.items():
            for epoch, line in enumerate(line for line in lines if line["key"] == keys.TRACKED_STATS):
                change(line["value"], index, epoch)

    return each


def scaled_from_the_first(tree: Tree) -> None:
    first = [line["value"]["loss"] for line in tree.logs[0] if line["key"] == keys.TRACKED_STATS]
    stats(lambda value, index, epoch: value.update(loss=first[epoch] * (1 + index / 100)))(tree)


def written_by_hand(value: dict[str, float], _index: int, _epoch: int) -> None:
    value.update(loss=round(value["loss"], 3), throughput=round(value["throughput"], 1))


def numbered(*numbers: int) -> Change:
    """The runs of the ledger with other numbers, and their records."""

    def change(entries: list[dict[str, Any]]) -> None:
        for entry, number in zip((each for each in entries if each["event"] == "start"), numbers, strict=True):
            entry.update(folder=f"set/run_{number}", index=number)

    return lambda tree: (ledger(change)(tree), *(recorded_as(*each)(tree) for each in enumerate(numbers)))


def recorded_as(index: int, number: int) -> Change:
    """The record of a log as that of the run of another number."""
    told = {"index": number, "log": {"name": f"result_{number}.txt"}}
    return lambda tree: tree.records.update(
        {index: lambda record: record.update(told | {"log": record["log"] | told["log"]})}
    )


def by_their_times(tree: Tree) -> None:
    """The second log as the first, the ledger as it was."""
    tree.logs[0], tree.logs[1] = tree.logs[1], tree.logs[0]

    def swapped(entries: list[dict[str, Any]]) -> None:
        entries[:4] = [*entries[2:4], *entries[:2]]
        entries[1]["start"], entries[3]["start"] = 0, 2
        for number in (0, 1):
            entries[2 * number].update(folder=f"set/run_{number}", index=number)

    ledger(swapped)(tree)


def power(later_ms: int = 0, every_ms: int = 500, efficiency: float = 1.0) -> Change:
    """A power log of the first run, of 100 W, and the record that says its energy."""

    def change(tree: Tree) -> None:
        lines = tree.logs[0]
        start, stop = (lines[at(lines, key)]["time_ms"] + later_ms for key in (keys.RUN_START, keys.RUN_STOP))
        told = [(start, MEASUREMENT_START, None), (start, CONVERSION_EFFICIENCY, efficiency)]
        told += [(when, READING, 100.0) for when in range(start + every_ms, stop, every_ms)]
        told += [(stop, READING, 100.0), (stop, MEASUREMENT_STOP, None)]
        add(f"{RESULTS}/power/result_0/node_0.txt", "".join(map(power_line, told)).encode())(tree)
        tree.records[0] = lambda record: record.update(
            energy_joules=efficiency * 100.0 * (stop - start) / 1000, energy_covers=COVERED
        )

    return change


def power_line(told: tuple[int, str, float | None]) -> str:
    event = {"namespace": "", "time_ms": told[0], "event_type": keys.POINT_IN_TIME, "key": told[1], "value": told[2]}
    covers = {COVERS: COVERED} if told[1] == MEASUREMENT_START else {}
    return f":::MLLOG {json.dumps(event | {'metadata': {'file': 'power.py', 'lineno': 1, **covers}})}\n"


def script(*lines: str) -> Change:
    return add(f"{CODE}/run.sh", "\n".join(["#!/usr/bin/env bash", *lines, ""]).encode())


RELATED = (
    *(
        Mutation(f"seeds that are {name}", "R4.2", seeds(seed_of), invalid=False)
        for name, seed_of in {
            "a progression": lambda index: 123_456_789 + 5_000_011 * index,
            "doubled from run to run": lambda index: 93_456_789 << index,
            "the same in their low bits": lambda index: ((1021, 20_211, 7777, 31_999, 15_001)[index] << 16) + 4711,
            "the milliseconds of a minute": lambda index: 1_500_000_000 + (0, 7331, 15_113, 29_017, 38_803)[index],
            "round numbers": lambda index: (37, 512, 1204, 1999, 803)[index] * 10**6,
            "opposite in two runs": lambda index: (
                1186845534,
                2**31 - 1 - 1186845534,
                953286699,
                1523606523,
                2123808075,
            )[index],
        }.items()
    ),
    Mutation("losses of all runs the first's times a factor", "R4.6", scaled_from_the_first),
    Mutation("a second rate next to the first", "R4.15", stats(lambda value, *_: value.update(peak_throughput=1e6))),
    Mutation("losses and samples/s with few digits", "R4.6", stats(written_by_hand), invalid=False),
    Mutation("a set with numbers left out", "R4.12", numbered(0, 2, 5, 6, 9), invalid=False),
    Mutation("logs in another order than their runs", "R4.12", by_their_times),
    Mutation("power measured at another time", "R5.6", power(later_ms=3_600_000)),
    Mutation("power read four times in a minute", "R5.6", power(every_ms=15_000), invalid=False),
    Mutation("a power supply that loses nearly all", "R5.6", power(efficiency=0.01)),
    Mutation("a power log that nothing reads", "R8.1", add(f"{RESULTS}/power/a.csv", b"0,5\n"), invalid=False),
    Mutation("a description with a score", "R7.1", describe(official_score_minutes="0.1"), invalid=False),
    Mutation(
        "a processor in Greek letters", "R7.7", describe(host_processor_model_name="\u0391MD EPYC"), invalid=False
    ),
    Mutation("a system named otherwise", "R7.7", describe(system_name="Frontier"), invalid=False),
    Mutation("an accelerator in the notes", "R7.7", describe(hw_notes="on 8 NVIDIA H100"), invalid=False),
    Mutation("a storage of 0 GiB", "R7.7", describe(host_storage_capacity="0 GiB")),
    Mutation("a memory that holds no Python", "R7.7", describe(host_memory_capacity="1 MiB")),
    Mutation("a cache of terabytes", "R7.7", describe(host_processor_caches="L1d 2 x 32 TiB")),
    Mutation("a clock below zero", "R7.7", describe(host_processor_frequency="-2596 MHz")),
    Mutation(
        "an all-reduce faster than light",
        "R7.5",
        every_log(
            figure(
                all_reduce={
                    "by": "horovod",
                    "latency_seconds": 1e-12,
                    "bandwidth_bytes_per_second": 1e15,
                    "message_bytes": 1048576,
                    "wrong": "",
                }
            )
        ),
    ),
    Mutation("more cores free than given", "R7.5", every_log(figure(load={"given": 2, "free": 64.0, "average": 0.1}))),
    *(
        Mutation(f"a script that {name}", "R8.2", script(*lines), invalid=False)
        for name, lines in {
            "makes fifty runs": (RUN.replace("--runs 5", "--runs 50"),),
            "runs on more ranks": (RUN.replace("--ranks 2", "\\\n  --ranks 64"),),
            "runs another rung": (RUN.replace(RUNG, "stemdl_smoke"),),
            "makes the data of another rung": ("stemdl data generate stemdl_smoke -o data", RUN),
            "gives a seed": (f"{RUN} --seed 1",),
            "checks out another commit": ("git checkout " + "c" * 40, RUN),
            "preloads a library": (f"LD_PRELOAD=/opt/fast.so {RUN}",),
            "puts a patched trainer first": ("export PYTHONPATH=/opt/patched", RUN),
            "slows the clock": (f"faketime -f x0.5 {RUN}",),
            "edits the trainer": ("sed -i s/0.9/0.5/ reference/train.py", RUN),
            "fetches other data": ("curl -L https://example.org/data.tar | tar x", RUN),
            "runs until it is fast": (f"for i in $(seq 100); do {RUN}; done",),
        }.items()
    ),
    Mutation("a module in the place of PyTorch", "R8.2", add(f"{CODE}/torch.py", b"x = 1\n"), invalid=False),
    Mutation(
        "a README of other runs",
        "R8.2",
        add(f"benchmarks/{RUNG}/implementations/{SYSTEM}/README.md", b"100 runs of `reference` at X, on\n64 ranks\n"),
    ),
)
