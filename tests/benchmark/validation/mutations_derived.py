"""Submissions whose numbers were made of one another, and trainers that would have logged or computed otherwise."""

from __future__ import annotations

import random
from collections.abc import Callable

from changes import add, every_log, figure, ledger, log, setting, shift_from, tell, together
from corpus import CODE, Mutation, Tree
from honest_run import EPOCHS, RANKS, Lines, at, mean_of_batches
from mutations_nearer import line_of
from mutations_published import stats_of, warned
from mutations_related import RUN, script
from mutations_told import all_reduce
from mutations_visible import named

from benchmark.events import keys


def losses(of: Callable[[int, int], float]) -> Callable[[Tree], None]:
    """Losses of the run and the epoch, as means of batches."""

    def change(tree: Tree) -> None:
        for index, lines in tree.logs.items():
            for epoch in range(EPOCHS):
                stats_of(lines, epoch)["loss"] = mean_of_batches(of(index, epoch), 109 * RANKS)

    return change


def a_loss_by_hand(lines: Lines) -> None:
    stats_of(lines, 1)["loss"] *= 0.99


def scores_of_32_bits(tree: Tree) -> None:
    import numpy as np

    for lines in tree.logs.values():
        for line in lines:
            if line["key"] in (keys.EVAL_ACCURACY, keys.F1_MACRO, keys.TEST_F1_MACRO):
                line["value"] = float(np.float32(line["value"]))


def bandwidth_of_the_latency(tree: Tree) -> None:
    for lines in tree.logs.values():
        told = lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]["all_reduce"]
        figure(all_reduce={**told, "bandwidth_bytes_per_second": 1_072_500.5 / told["latency_seconds"]})(lines)


def without(name: str) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, keys.CONFIG)]["value"].pop(name)


def of_a_gpu_cycle(tree: Tree) -> None:
    """The logs have it, the ledger leaves it to the trainer."""
    every_log(setting("cycle_ms", 1.0))(tree)
    ledger(lambda entries: [each["settings"].update(cycle_ms=0.0) for each in entries if "settings" in each])(tree)


LUCK = random.Random(11)
DERIVED = (
    warned("a loss that no batches have", "R4.6", log(a_loss_by_hand)),
    warned("scores of 32 bits", "R4.6", scores_of_32_bits),
    warned(
        "losses without smoothing at the recorded settings",
        "R3.11",
        losses(lambda index, epoch: (2.28, 0.82, 0.58)[epoch] + LUCK.uniform(-0.01, 0.01)),
    ),
    warned("a bandwidth of the latency", "R7.5", bandwidth_of_the_latency),
    warned("seconds between two settings", "R3.2", every_log(shift_from(keys.NUMBER_OF_NODES, 1_400))),
    warned(
        "a few bytes staged",
        "R3.9",
        every_log(together(setting("stage", "/local"), tell(keys.STAGING_STOP, **{keys.STAGED_BYTES: 49_152}))),
    ),
    warned("a cycle of a GPU between CPUs", "R7.4", of_a_gpu_cycle),
    warned(
        "documents that hide one",
        "R6.1",
        lambda tree: [add(f"A{number}.MD", b"Results.\n")(tree) for number in range(20)],
    ),
    warned("a document that is not read to its end", "R6.1", add("RESULTS.md", b"Results of stemdl_mini. " * 5_000)),
    warned("weights beside the source", "R8.2", add(f"{CODE}/reference/start.txt", b"c3RhdGVfZGljdA==" * 100)),
    warned("a script that sets Horovod's cycle", "R8.2", script("export HOROVOD_CYCLE_TIME=0.5", RUN)),
    warned("a script on an accelerator of another kind", "R8.2", script("export ZE_AFFINITY_MASK=0", RUN)),
    warned("a script in another checkout's environment", "R8.2", script("source ../tuned/.venv/bin/activate", RUN)),
    warned("a script with a profile that is not packed", "R8.2", script(f"{RUN} --profile fast_nodes.yaml")),
    warned("a script with the settings of any folder", "R8.2", script(f"{RUN} --config config.yaml")),
    Mutation(
        "a score of a line that logs another",
        "R8.7",
        log(tell(keys.EVAL_SAMPLES, file="reference/run_log.py", lineno=line_of("TRAIN_SAMPLES"))),
    ),
    warned(
        "a system named by what did not join its ranks",
        "R7.7",
        lambda tree: (
            every_log(together(setting("comm", "torch"), all_reduce(by="torch")))(tree),
            named("2-cores-horovod")(tree),
        ),
    ),
)
