"""What a vendor tried who made all files fit again: rates above the epochs, times that one wrote, runs put out of the
count."""

from __future__ import annotations

import hashlib
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

from changes import (
    Change,
    add,
    describe,
    every_log,
    ledger,
    log,
    metric,
    more_run,
    put,
    recognised,
    setting,
    shift_from,
    tell,
    together,
)
from corpus import CODE, Mutation, Tree
from honest_run import EPOCHS, SYSTEM, Lines, at
from mutations_edges import version
from mutations_published import TIMES, lasting, stats_of, warned
from mutations_related import script, seeds
from mutations_strangers import tests_of_dev
from mutations_tallies import FILE, counted

from benchmark.definition.golden_files import IDENTICAL
from benchmark.events import keys

README = b"stemdl run --rung stemdl_mini --runs 5\n"


def rates(made: Callable[[float, int], float]) -> Change:
    """The seconds of each epoch that its samples/s come of, by those that they did and the log's milliseconds."""

    def change(lines: Lines) -> None:
        for epoch in range(EPOCHS):
            start, stop = (lines[at(lines, key, epoch)]["time_ms"] for key in TIMES["epoch"])
            samples = lines[at(lines, keys.F1_MACRO, 0)]["metadata"][keys.SAMPLES_COUNT]
            told = stats_of(lines, epoch)
            told["throughput"] = samples / made(samples / told["throughput"], stop - start)

    return every_log(change)


def checkpoints_in(ms: int) -> Callable[[Lines], None]:
    """From each evaluation to the next epoch."""

    def change(lines: Lines) -> None:
        for epoch in range(1, EPOCHS):
            start = lines[at(lines, keys.EPOCH_START, epoch)]["time_ms"]
            shift_from(keys.EPOCH_START, ms - (start - lines[at(lines, keys.F1_MACRO, epoch - 1)]["time_ms"]), epoch)(
                lines
            )

    return change


def once_in(key: str, ms: int) -> Change:
    """The interval before an event, and all later events with it."""

    def change(lines: Lines) -> None:
        began = lines[at(lines, key.replace("_stop", "_start"))]["time_ms"]
        shift_from(key, ms - (lines[at(lines, key)]["time_ms"] - began))(lines)

    return every_log(change)


def waits_of(before_ms: int, after_ms: int) -> Change:
    """The ledger's lines, by the logs of their runs."""

    def change(tree: Tree) -> None:
        def written(entries: list[dict[str, Any]]) -> None:
            for lines, start, end in zip(tree.logs.values(), entries[::2], entries[1::2], strict=True):
                start["time_ms"] = lines[0]["time_ms"] - before_ms
                end["time_ms"] = lines[-1]["time_ms"] + after_ms

        tree.ledger.append(written)

    return change


def sixth(seconds: float = 12.0, **told: Any) -> Change:
    """One more run of the set, with what is `told` of its start."""
    return ledger(lambda entries: more_run(entries, seconds, folder="set/run_5", index=5, **told))


def end_of_the_sixth(seconds: float = 12.0, **told: Any) -> Change:
    def change(entries: list[dict[str, Any]]) -> None:
        more_run(entries, seconds, folder="set/run_5", index=5, ranks=4)  # so that it is not one that counts
        entries[-1].update(told)

    return ledger(change)


def in_a_record(**told: Any) -> Change:
    """What the record of the first run says of its data."""
    return lambda tree: tree.records.update({0: lambda record: record["data"].update(told)})


def in_steps_of(ms: int) -> Callable[[Lines], None]:
    return lambda lines: [line.update(time_ms=line["time_ms"] // ms * ms) for line in lines]


def counted_alike(tree: Tree) -> None:
    """Two runs with one count of the test split, and what the log says by it."""
    counted()(tree)
    file = FILE.replace("_0", "_{}")
    one, other = (json.loads(tree.files[file.format(index)]) for index in (1, 3))
    other["splits"]["test"] = one["splits"]["test"]
    tree.files[file.format(3)] = json.dumps(other).encode()
    put(keys.TEST_F1_MACRO, tree.logs[1][at(tree.logs[1], keys.TEST_F1_MACRO)]["value"])(tree.logs[3])


def drawn_by(generator: random.Random, of_a_range: bool = False) -> Change:
    """Seeds that a generator draws one after another."""
    drawn = [generator.randrange(2**31) if of_a_range else generator.getrandbits(31) for _ in range(5)]
    return seeds(lambda index: drawn[index])


def hashed_with(name: str) -> Change:
    """Seeds of the first bytes of the hashes of 0 to 4."""
    return seeds(lambda index: int(hashlib.new(name, str(index).encode()).hexdigest()[:8], 16) % 2**31)


def of_the_manifest(tree: Tree) -> None:
    """Seeds of pieces of the hash of the data."""
    digits = tree.logs[0][at(tree.logs[0], keys.DATA_MANIFEST_SHA256)]["value"]
    seeds(lambda index: int(digits[9 * index : 9 * index + 8], 16) % 2**31)(tree)


def preflight_lasts(seconds: float) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, keys.PREFLIGHT)]["value"]["figures"].update(seconds=seconds)


def other_shell(tree: Tree) -> None:
    script("true")(tree)
    file = f"{CODE}/run.sh"
    tree.files[file] = tree.files[file].replace(b"/usr/bin/env bash", b"/opt/mine/bash")


def scores_that_fall_back(lines: Lines) -> None:
    for epoch, score in ((1, 0.7412398765123), (2, 0.5712398765123)):
        metric(epoch, score)(lines)


VENDORS = (
    warned("samples/s of three percent less time than the epochs", "R3.9", rates(lambda told, _ms: told * 0.97)),
    warned("samples/s of the log's times and a step", "R3.9", rates(lambda _told, ms: ms / 1000 - 0.00041372)),
    warned("samples/s of a share of the log's times", "R3.9", rates(lambda _told, ms: ms / 1000 * 0.99991372)),
    warned("evaluations that all take 500 ms", "R3.9", lasting(lambda _epoch, _ms: 500, "evaluation")),
    warned("epochs that take longer by one step", "R3.9", lasting(lambda epoch, _ms: 3200 + 20 * epoch)),
    warned("stagings of one time", "R3.9", once_in(keys.STAGING_STOP, 800)),
    warned("initialisations of one time", "R3.9", once_in(keys.INIT_STOP, 1900)),
    warned("runs that all wait as long for their logs", "R3.9", waits_of(931, 917)),
    warned("checkpoints in no time", "R3.9", every_log(checkpoints_in(0))),
    warned("training too fast for its evaluations", "R3.11", lasting(lambda _epoch, ms: ms / 6)),
    warned("scores that fall back", "R3.11", log(scores_that_fall_back, 2)),
    warned("seeds of a generator from a usual seed", "R4.2", drawn_by(random.Random(42))),
    warned("seeds of a range of a generator", "R4.2", drawn_by(random.Random(7), of_a_range=True)),
    warned("test scores on a line of the dev scores", "R4.6", tests_of_dev(lambda dev: 0.6 * dev + 0.3712345678)),
    warned(
        "a README that counts accelerators",
        "R8.2",
        add(f"{CODE.replace('reference', SYSTEM)}/README.md", README + b"On 8 NVIDIA H100.\n"),
    ),
    warned("a log in steps of 10 ms", "R3.9", log(in_steps_of(10), 2)),
    warned("counts of another run", "R4.16", counted_alike),
    Mutation("identical data that were rounded", "R2.3", every_log(recognised(verdict=IDENTICAL, rounded=17))),
    warned(
        "a copy of the data that holds nothing",
        "R3.9",
        every_log(together(setting("stage", "/local"), tell(keys.STAGING_STOP, staged_bytes=12))),
    ),
    warned("a NumPy that the software does not run on", "R7.6", every_log(version("numpy", "1.21.0"))),
    Mutation("a processor of 9.9 GHz", "R7.7", describe(host_processor_frequency="9.9 GHz")),
    warned("data of another rung in a record", "R4.9", in_a_record(folder="data/stemdl_smoke")),
    warned("a slow run of the set on other ranks", "R4.12", sixth(ranks=4)),
    warned("a slow run of the set on a part of the data", "R4.12", sixth(partition="fold_1")),
    Mutation("a run without a seed in the ledger", "R4.12", end_of_the_sixth(seed=None)),
    Mutation("a run whose clock took longer than it did", "R4.12", end_of_the_sixth(time_to_train_seconds=99.0)),
    warned("a run of much less time than it lasted", "R4.12", end_of_the_sixth(60.0, time_to_train_seconds=12.0)),
    warned("a run in the ledger with the seed of another", "R4.2", end_of_the_sixth(seed=1318135155)),
    *(warned(f"seeds that are {name} of the run's number", "R4.2", hashed_with(name)) for name in ("md5", "sha256")),
    warned("seeds that are crc32 of the run's number", "R4.2", seeds(lambda i: zlib.crc32(b"%d" % i) % 2**31)),
    warned("seeds of the hash of the data", "R4.2", of_the_manifest),
    warned("checkpoints of one run in no time", "R3.9", log(checkpoints_in(0), 2)),
    warned("preflights that all last as long", "R7.5", every_log(preflight_lasts(0.4687312345678912))),
    warned("a script of another shell", "R8.2", other_shell),
    warned("a variable by which fp32 is computed as bf16", "R8.2", script("export ONEDNN_DEFAULT_FPMATH_MODE=BF16")),
    warned("a variable by which fp32 is computed as TF32", "R8.2", script("export NVIDIA_TF32_OVERRIDE=1")),
    Mutation("a last cache of 32 GiB", "R7.7", describe(host_processor_caches="L1d 2 x 32 KiB; L3 1 x 32 GiB")),
    warned("a kernel of another century", "R7.7", describe(operating_system="Debian 12, kernel 66.18.44")),
)
