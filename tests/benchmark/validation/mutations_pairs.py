"""The corpus of bad submissions: two runs that go together, a machine that cannot hold or do what its runs did, and
instances that are faster together than alone."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
from changes import Change, after, describe, every_log, metric, put, setting
from corpus import Tree
from honest_run import EPOCH_MS, EPOCHS, RANKS, Lines, at, mean_of_batches
from mutations_power import honest, measured
from mutations_published import stats_of, warned
from mutations_tallies import CLASSES, FILE, SAMPLES, WRONG, counted, counts, counts_of
from mutations_together import BUSY, busy, lasts, length
from mutations_weak import INSTANCES, WEAK_RESULTS, at_once

from benchmark.events import keys
from benchmark.metrics.confusion import Confusion

TAKEN = {"given": 2, "free": 0.04, "average": 4.6}
"""Cores that other programs have."""


def clock_of_another(tree: Tree) -> None:
    """The second run's clock differs from its log's by what the third one's does."""
    for epoch in range(EPOCHS):
        stats, others = (stats_of(tree.logs[index], epoch) for index in (1, 2))
        samples = others["throughput"] * length(tree.logs[2], "epoch", epoch)
        seconds = round(samples / 1000 / 32) * 32 / others["throughput"]
        differs = seconds - length(tree.logs[2], "epoch", epoch) / 1000
        own = length(tree.logs[1], "epoch", epoch) / 1000
        stats["throughput"] = round(samples / 1000 / 32) * 32 / (own + differs)


def turned_round(tree: Tree) -> None:
    """The last run's lengths are the first one's from the end to the beginning, times 0.93."""
    first, *_, last = busy(tree)
    for what in BUSY:
        lengths = [length(first, what, epoch) for epoch in range(EPOCHS)]
        for epoch in range(EPOCHS):
            lasts(last, what, epoch, 0.93 * lengths[EPOCHS - 1 - epoch])


def between_two_by_factors(tree: Tree) -> None:
    """The last run's losses are the roots of the first two's products, as means of batches."""
    one, two, *_, last = tree.logs.values()
    for epoch in range(EPOCHS):
        loss = (stats_of(one, epoch)["loss"] * stats_of(two, epoch)["loss"]) ** 0.5
        stats_of(last, epoch)["loss"] = mean_of_batches(loss, 109 * RANKS)


def hard_classes(seed: int, moved: int) -> np.ndarray:
    """Counts of a split whose first classes are the hard ones, or others where they are `moved`."""
    draw, found = random.Random(seed), np.zeros((CLASSES, CLASSES), dtype=np.int64)
    for sample in range(SAMPLES):
        own, wrong = sample % CLASSES, sample < 4 * WRONG and sample % CLASSES < 6 and draw.random() < 0.9
        found[(own + moved) % CLASSES, ((own + 1 if wrong else own) + moved) % CLASSES] += 1
    return found


def other_classes(tree: Tree) -> None:
    """The last run's counts are as another's would be, of other classes."""
    counted()(tree)
    for index, lines in tree.logs.items():
        name = FILE.replace("_0", f"_{index}")
        told = json.loads(tree.files[name])
        for place, split in enumerate(("dev", "test")):
            table = hard_classes(2 * index + place, 11 if index == 4 else 0)
            told["splits"][split] = [*table.ravel().tolist(), SAMPLES]
            score = Confusion(table).macro_f1()
            for key in (keys.EVAL_ACCURACY, keys.F1_MACRO) if split == "dev" else (keys.TEST_F1_MACRO,):
                lines[at(lines, key, -1)]["value"] = score
        tree.files[name] = json.dumps(told).encode()


def busy_in_silence(lines: Lines) -> None:
    lines[at(lines, keys.PREFLIGHT)]["value"]["figures"]["load"] = TAKEN


def as_if_alone(tree: Tree) -> None:
    """Other programs have the cores, and each epoch takes one time."""
    for index, lines in tree.logs.items():
        value = lines[at(lines, keys.PREFLIGHT)]["value"]
        average = TAKEN["average"] + random.Random(f"average {index}").uniform(0, 1)
        value["figures"]["load"] = {**TAKEN, "average": round(average, 2)}
        value["warnings"] = ["load: other programs keep this machine busy"]
        for epoch in range(EPOCHS):
            lasts(lines, "epoch", epoch, EPOCH_MS + 40 + random.Random(f"steady {index} {epoch}").randrange(9))


def twice_as_fast(index: int, lines: Lines) -> None:
    for epoch in range(EPOCHS):
        for what in BUSY:
            lasts(lines, what, epoch, length(lines, what, epoch) / 2)


def of_little_memory(tree: Tree) -> None:
    """The data of each instance fit into its share of a memory that does not hold those of all."""
    splits = [{split: counts(f"{split} of {index}") for split in ("dev", "test")} for index in range(INSTANCES)]

    def count(index: int, lines: Lines) -> None:
        metric(EPOCHS, Confusion(splits[index]["dev"]).macro_f1())(lines)
        put(keys.TEST_F1_MACRO, Confusion(splits[index]["test"]).macro_f1())(lines)

    def keep(folder: Path) -> None:
        kept = folder / WEAK_RESULTS / "tallies"
        kept.mkdir()
        for index, each in enumerate(splits):
            (kept / f"result_{index}.json").write_text(json.dumps(counts_of(each)))

    at_once(count)(tree)
    after(keep)(tree)
    describe(host_memory_capacity="1 GiB")(tree)


def with_counts(change: Change) -> Change:
    """Of runs that say, by what they counted, how large a sample is."""
    return lambda tree: (counted()(tree), change(tree))


def on_an_old_system(tree: Tree) -> None:
    describe(operating_system="Ubuntu 14.04.6 LTS (trusty), kernel 6.8.0")(tree)


PAIRS = (
    warned("a clock that differs as in another run", "R3.9", clock_of_another),
    warned("epochs of another run, turned round, times a number", "R3.9", turned_round),
    warned("losses that are roots of two runs' products", "R4.6", between_two_by_factors),
    warned("mistakes of other classes than all others'", "R3.11", other_classes),
    warned("a busy machine that the preflight does not warn of", "R7.5", every_log(busy_in_silence)),
    warned("steady epochs on a busy machine", "R3.9", as_if_alone),
    warned(
        "a clock far above its most",
        "R7.7",
        describe(host_processor_frequency="1500 MHz (max); 2596 MHz (current)"),
    ),
    warned("a wheel of PyTorch on an older C library", "R7.7", on_an_old_system),
    warned("data in a memory of half their bits", "R4.8", with_counts(describe(host_memory_capacity="512 MiB"))),
    warned("data in a small share of the memory", "R4.8", with_counts(every_log(setting("memory_share", 0.004)))),
    warned("instances whose data no node can hold", "R4.8", of_little_memory),
    warned("instances that are faster together than alone", "R5.5", at_once(twice_as_fast)),
    warned("the power of a package", "R5.6", measured(honest, covers="package-0, at its regulator")),
)
