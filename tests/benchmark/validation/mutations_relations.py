"""The corpus of bad submissions: runs that follow from others, waits, and files that nobody names."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from changes import Change, add, after, drop, every_log, figure, ledger, log, more_run, put, setting
from corpus import CODE, RESULTS, Mutation, Tree
from honest_run import EPOCHS, RUNG, Lines, at
from mutations_between import SCRIPTS
from mutations_edges import version
from mutations_published import placed, stats_of, warned
from mutations_related import RUN, script, seeds

from benchmark.events import keys


def losses_of(made: Callable[[list[float]], float], run: int = 4) -> Change:
    """The losses of one run, made of those of all five at each epoch."""

    def change(tree: Tree) -> None:
        for epoch in range(EPOCHS):
            told = [stats_of(tree.logs[index], epoch)["loss"] for index in sorted(tree.logs)]
            stats_of(tree.logs[run], epoch)["loss"] = made(told)

    return change


def all_of_the_first(by: float, last: int = 5) -> Change:
    """Losses of the runs before the last that are the first's, changed by a share of `by` to either side."""

    def change(tree: Tree) -> None:
        chance = random.Random(7)
        for epoch in range(EPOCHS):
            first = stats_of(tree.logs[0], epoch)["loss"]
            for lines in list(tree.logs.values())[:last]:
                stats_of(lines, epoch)["loss"] = first * (1 + chance.uniform(-by, by))

    return change


def test_score_of_another(tree: Tree) -> None:
    score = tree.logs[1][at(tree.logs[1], keys.TEST_F1_MACRO)]["value"]
    put(keys.TEST_F1_MACRO, score * (1 + 2e-9))(tree.logs[3])


def preflight_of_another(tree: Tree) -> None:
    told = tree.logs[1][at(tree.logs[1], keys.PREFLIGHT)]["value"]["figures"]["all_reduce"]
    near = {name: value * (1 + 1e-12) if isinstance(value, float) else value for name, value in told.items()}
    figure(all_reduce=near)(tree.logs[3])


def without_in_memory(lines: Lines) -> None:
    lines[at(lines, keys.STAGING_STOP)]["metadata"].pop(keys.IN_MEMORY)


def one_loss_cut(lines: Lines) -> None:
    stats_of(lines, 1)["loss"] = round(stats_of(lines, 1)["loss"], 7)


def tested_at_once(lines: Lines) -> None:
    lines[at(lines, keys.TEST_F1_MACRO)]["time_ms"] = lines[at(lines, keys.RUN_STOP)]["time_ms"] + 1


def late(place: int, ms: int) -> Callable[[list[dict[str, Any]]], None]:
    """The line at `place` of the ledger so much later, and all that stand below it."""

    def change(entries: list[dict[str, Any]]) -> None:
        for entry in entries[place:]:
            entry["time_ms"] += ms

    return change


def with_what_was_found(entries: list[dict[str, Any]]) -> None:
    """Five runs with the number of threads that the others left open and found."""
    for entry in entries[::2]:
        entry["settings"] = {**entry["settings"], "threads_per_rank": 0}
    for _ in range(5):
        more_run(entries, 40.0, settings={**entries[0]["settings"], "threads_per_rank": 1})


def with_settings(*lines: str) -> Change:
    """A script, and beside it a file of settings."""
    return lambda tree: [change(tree) for change in (script(*lines), add(f"{CODE}/config.yaml", b"width: 16\n"))]


def record_without(field: str) -> Change:
    """A field that says nothing, in all records but one."""

    def change(folder: Path) -> None:
        for index in (0, 1, 3, 4):
            path = folder / f"{RESULTS}/result_{index}.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), field: None}))

    return after(change)


def record_as(field: str, kind: Callable[[Any], Any]) -> Change:
    def change(folder: Path) -> None:
        path = folder / f"{RESULTS}/result_2.json"
        told = json.loads(path.read_text())
        path.write_text(json.dumps({**told, field: kind(told[field])}))

    return after(change)


def logs_beside(where: str) -> Change:
    def change(folder: Path) -> None:
        (folder / where).mkdir(parents=True)
        shutil.copy(folder / f"{RESULTS}/result_1.txt", folder / where / "slow.txt")

    return after(change)


RELATIONS = (
    warned("losses that are a mixture of two runs'", "R4.6", losses_of(lambda told: 0.3 * told[0] + 0.7 * told[2])),
    warned("losses that are the geometric mean of two", "R4.6", losses_of(lambda told: (told[0] * told[2]) ** 0.5)),
    warned("losses that are the mean of three", "R4.6", losses_of(lambda told: fmean(told[:3]))),
    warned("losses beyond those of two runs", "R4.6", losses_of(lambda told: 1.5 * told[0] - 0.5 * told[2])),
    warned("losses of all runs within 1 in 1,000 of the first's", "R4.6", all_of_the_first(1e-3)),
    warned("a test score of another run but for its last digits", "R4.6", test_score_of_another),
    warned("one loss with fewer digits than the others", "R4.6", log(one_loss_cut)),
    warned("a test score 1 ms after the stop", "R3.9", every_log(tested_at_once)),
    warned("a test score below what the splits allow", "R3.11", every_log(put(keys.TEST_F1_MACRO, 0.8412345678901234))),
    warned("a log that begins 20 s after its run", "R4.12", ledger(late(0, -20_000))),
    warned("a log that ends 20 s before its run", "R4.12", ledger(late(9, 20_000))),
    warned("runs with the threads that others found", "R4.12", ledger(with_what_was_found)),
    warned("an f1_macro that one run does not log", "R4.15", log(drop(keys.F1_MACRO), 2)),
    warned("a field that one record does not have", "R4.15", record_without("energy_joules")),
    Mutation("a record whose epochs have a point", "R4.9", record_as("epochs", float)),
    Mutation("a signal that nobody hears", "R4.14", every_log(setting("warning_signals", "KILL"))),
    Mutation("CPUs that fall", "R7.4", every_log(placed(0, cpus="1-0"))),
    warned("software that no release names", "R7.6", every_log(version("fast_kernels", "1.0"))),
    warned(
        "seeds that follow each other",
        "R4.2",
        seeds(lambda index: (12345, 1406932606, 654583775, 1449466924, 229283573)[index]),
    ),
    warned("a log among the code", "R8.1", logs_beside(f"benchmarks/{RUNG}/old")),
    warned("a folder among the descriptions", "R8.1", add("systems/logs/notes.md", b"# Slow runs\n")),
    warned("a file that nobody names", "R8.2", add(f"{SCRIPTS}/conftest.py", b"import time\n")),
    warned("a kernel that nobody names", "R8.2", add(f"{CODE}/reference/kernel.cu", b"__global__ void f() {}\n")),
    warned("a program without a suffix", "R8.2", add(f"{SCRIPTS}/run", b"\x7fELF\x02")),
    warned("a README that names what is not there", "R8.2", add(f"{SCRIPTS}/README.md", f"{RUN}: `go.sh`".encode())),
    warned("a README with another manifest", "R8.2", add(f"{SCRIPTS}/README.md", f"{RUN}: {'ab' * 32}".encode())),
    warned("a script that sets up no commit", "R8.2", script("scripts/setup_env.sh", RUN)),
    warned("a script whose settings are a comment", "R8.2", with_settings(f"{RUN} # --config config.yaml")),
    warned(
        "a script that trains on other data",
        "R8.2",
        script(f"stemdl data generate {RUNG} -o data/a", f"{RUN} --data data/b"),
    ),
    warned("a script that checks out one file", "R8.2", script("git checkout main -- reference/train.py", RUN)),
    warned("a script that ends what is slow by its limits", "R8.2", script("ulimit -t 14", RUN)),
    warned("a script that pipes into another", "R8.2", script(f"{RUN} > >(sh)")),
    warned(
        "a script that takes packages from elsewhere",
        "R8.2",
        script("export PIP_EXTRA_INDEX_URL=https://mine/simple", RUN),
    ),
    warned("losses that are the harmonic mean of two", "R4.6", losses_of(lambda told: 2 / (1 / told[0] + 1 / told[2]))),
    warned("four runs within 1 in 2,000 of the first", "R4.6", all_of_the_first(5e-4, last=4)),
    warned("a preflight of another run but for its last digits", "R7.5", preflight_of_another),
    warned("a figure of the preflight that no release has", "R7.5", every_log(figure(gflops=91.7))),
    warned("CUDA with a PyTorch for CPUs", "R7.6", every_log(version("CUDA", "13.0"))),
    Mutation("a whole number with a point", "R4.14", every_log(setting("eval_batch_size", 100.0))),
    Mutation("warm-up steps with a point", "R4.7", log(put(keys.OPT_LR_WARMUP_STEPS, 98.0))),
    warned("data in a memory of no share", "R3.11", every_log(setting("memory_share", 0.0))),
    warned("a note at a stop that one run does not log", "R4.15", log(without_in_memory, 1)),
    warned("a script of Python", "R8.2", add(f"{CODE}/run.sh", b"#!/usr/bin/env python\nstemdl run\n")),
    warned("a script that does nothing", "R8.2", script("set -e")),
    warned("a script that writes the ledger", "R8.2", script("printf x > runs/ledger.jsonl", RUN)),
    warned("a script with two files of settings", "R8.2", script(f"{RUN} --config config.yaml --config x.yaml")),
    warned("a script that makes instances", "R8.2", script(f"{RUN} --instances 2")),
    warned("a script that makes the runs twice", "R8.2", script(RUN, RUN)),
    warned("a README of other bytes at its end", "R8.2", add(f"{CODE}/README.md", b"stemdl run\n\xff\xfe")),
)
