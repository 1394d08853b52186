"""What somebody tried who had read few of the checks: late clocks, files that Python runs, what no trainer writes."""

from __future__ import annotations

from typing import Any

from changes import Change, add, every_log, log, metric, move, put, raw, shift, tell, together
from corpus import CODE, Mutation, Tree
from honest_run import PROCESSOR, Lines, at

from benchmark.events import keys


def late(ms: int) -> Change:
    """The start of the clock, and of the staging, later in all runs: as much of the reading is off the clock."""
    return every_log(together(shift(keys.RUN_START, ms), shift(keys.STAGING_START, ms)))


def one_seed_in_32_bits(tree: Tree) -> None:
    first = tree.logs[0][at(tree.logs[0], keys.SEED)]["value"]
    put(keys.SEED, first + 2**32)(tree.logs[1])


def version(name: str, value: str) -> Any:
    def change(lines: Lines) -> None:
        versions = lines[at(lines, keys.VERSIONS)]
        versions["value"] = {**versions["value"], name: value}

    return change


EDGES = (
    Mutation("all clocks 600 ms late", "R3.1", late(600), invalid=False),
    Mutation("all clocks 150 ms late", "R3.1", late(150), invalid=False),
    Mutation("one seed but for its 32nd bit", "R4.2", one_seed_in_32_bits),
    Mutation("all scores the target itself", "R3.11", every_log(metric(3, 0.9)), invalid=False),
    Mutation("all scores a hair above the target", "R3.11", every_log(metric(3, 0.90031)), invalid=False),
    Mutation("data said to be streamed", "R3.11", every_log(tell(keys.STAGING_STOP, in_memory=False)), invalid=False),
    Mutation("data copied to no folder", "R3.9", log(tell(keys.STAGING_STOP, staged_bytes=10**15))),
    Mutation(
        "a line of other text in a log",
        "R4.6",
        raw(lambda text: text.replace(b"\n", b"\nloading weights from epoch_30.pt\n", 1)),
    ),
    Mutation("a preflight before the initialisation", "R7.5", every_log(move(keys.PREFLIGHT, keys.CACHE_CLEAR))),
    Mutation("devices that PyTorch cannot know", "R7.6", every_log(put(keys.DEVICES, [PROCESSOR, "NVIDIA H100"]))),
    Mutation("a Python that is too old", "R7.6", every_log(version("python", "2.7.18"))),
    Mutation(
        "a script that trains a wider network",
        "R8.2",
        add(f"{CODE}/run.sh", b"stemdl run --rung stemdl_mini --set 'width=64'\n"),
        invalid=False,
    ),
    Mutation("a module that Python imports by itself", "R8.2", add(f"{CODE}/sitecustomize.py", b"import torch\n")),
    Mutation("a line that Python runs at its start", "R8.2", add(f"{CODE}/more.pth", b"import torch\n")),
)
