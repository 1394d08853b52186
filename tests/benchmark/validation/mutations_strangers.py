"""What a stranger tried who had not read the checks: numbers made of others, other writers' logs, renamed runs."""

from __future__ import annotations

import json
from collections.abc import Callable

from changes import Change, describe, every_log, ledger, log, more_run, put, tell
from corpus import Mutation, Tree
from honest_run import EPOCHS, LOGGED_AT, at
from mutations_published import lasting, published, stats_of, warned
from mutations_related import RUN, script, seeds
from mutations_relations import losses_of

from benchmark.definition.finder import load_benchmark
from benchmark.events import keys


def rewritten(write: Callable[[bytes], bytes], index: int = 2) -> Change:
    """The lines of one log as another program writes them; the record has the hash of these."""
    return lambda tree: tree.raw.update({index: write})


def with_sorted_fields(text: bytes) -> bytes:
    lines = [json.loads(line.removeprefix(b":::MLLOG ")) for line in text.splitlines()]
    return b"".join(b":::MLLOG %s\n" % json.dumps(line, sort_keys=True).encode() for line in lines)


def rates_of_five_decimals(tree: Tree) -> None:
    """Samples/s by the seconds of each epoch, of which somebody wrote five decimals."""
    for index, lines in tree.logs.items():
        for epoch in range(EPOCHS):
            start, stop = (lines[at(lines, key, epoch)]["time_ms"] for key in (keys.EPOCH_START, keys.EPOCH_STOP))
            samples = lines[at(lines, keys.F1_MACRO, 0)]["metadata"][keys.SAMPLES_COUNT]
            stats_of(lines, epoch)["throughput"] = samples / round((stop - start) / 1000 - 0.00137 - index / 1e4, 5)


def tests_of_dev(made: Callable[[float], float]) -> Change:
    return every_log(lambda lines: put(keys.TEST_F1_MACRO, made(lines[at(lines, keys.F1_MACRO)]["value"]))(lines))


def losses_in(a_row: Callable[[float, int], float], run: int = 3) -> Change:
    """Losses of one run that follow from its first."""

    def change(tree: Tree) -> None:
        lines = tree.logs[run]
        for epoch in range(EPOCHS):
            stats_of(lines, epoch)["loss"] = a_row(stats_of(lines, 0)["loss"], epoch)

    return change


def said_to_be_of(rung: str) -> Change:
    return ledger(lambda entries: more_run(entries, 40.0, rung=rung))


def of_two_releases(entries: list[dict]) -> None:
    """The trainer of one release with the harness of another."""
    for entry in entries[::2]:
        entry["source"] = {**entry["source"], "benchmark": load_benchmark("density").releases[0]["benchmark"]}


def mixed_with_recorded(tree: Tree) -> None:
    """The losses and scores of one run, from two recorded ones."""
    one, other = published()[:2]
    for epoch in range(EPOCHS):
        loss, score = (
            0.9 * a + 0.1 * b
            for a, b in ((getattr(one, k)[epoch], getattr(other, k)[epoch]) for k in ("losses", "values"))
        )
        stats_of(tree.logs[3], epoch)["loss"] = loss
        for key in (keys.EVAL_ACCURACY, keys.F1_MACRO):
            put(key, score, epoch)(tree.logs[3])


def on_hosts(host_of: Callable[[int], str]) -> Change:
    return lambda tree: [
        place.update(host=host_of(index))
        for index, lines in tree.logs.items()
        for place in lines[at(lines, keys.PLACEMENT)]["value"]
    ]


def moved_by(days: int) -> Change:
    """All logs so much later; the ledger follows them."""
    return every_log(lambda lines: [line.update(time_ms=line["time_ms"] + days * 86_400_000) for line in lines])


def runs_last_longer(before_s: int, after_s: int) -> Change:
    """In the ledger, around all logs; each run begins when the one before has ended."""

    def change(tree: Tree) -> None:
        for index, lines in tree.logs.items():
            for line in lines:
                line["time_ms"] += index * 1000 * (before_s + after_s)
        tree.ledger.append(
            lambda entries: [
                entry.update(time_ms=entry["time_ms"] + (1000 * after_s if "start" in entry else -1000 * before_s))
                for entry in entries
            ]
        )

    return change


STRANGERS = (
    warned("seeds that differ in two bits", "R4.2", seeds(lambda index: 0x5A5A5A5A ^ (1 << (5 * index + 3)))),
    warned("a log with sorted fields", "R4.6", rewritten(with_sorted_fields)),
    warned("a log without spaces", "R4.6", rewritten(lambda text: text.replace(b'": ', b'":'))),
    warned("a log with lines of another system", "R4.6", rewritten(lambda text: text.replace(b"\n", b"\r\n"))),
    warned("a key written by its code", "R4.6", rewritten(lambda text: text.replace(b'"seed"', b'"s\\u0065ed"'))),
    warned("a number in another form", "R4.6", rewritten(lambda text: text.replace(b" 0.004,", b" 4.0E-3,"))),
    warned("losses that are two runs' sum less a third's", "R4.6", losses_of(lambda told: told[0] + told[1] - told[2])),
    warned("samples/s of times with five decimals", "R3.9", rates_of_five_decimals),
    warned("test scores that are the dev scores and a step", "R4.6", tests_of_dev(lambda dev: dev + 0.0151234)),
    warned("test scores that are a share of the dev scores", "R4.6", tests_of_dev(lambda dev: dev * 1.0151234)),
    warned("losses that fall by one step", "R4.6", losses_in(lambda first, epoch: first - 0.85 * epoch)),
    warned("losses that fall by one share", "R4.6", losses_in(lambda first, epoch: first * 0.55**epoch)),
    Mutation("an event of a line that logs nothing", "R8.7", log(tell(keys.SEED, lineno=LOGGED_AT + 2))),
    Mutation("an event of a file that is not packed", "R8.7", log(tell(keys.SEED, file="reference/fast.py"))),
    warned("a trainer and a harness of two releases", "R8.7", ledger(of_two_releases)),
    warned("slow runs said to be of another rung", "R4.12", said_to_be_of("stemdl_smoke")),
    warned("losses and scores between those of recorded runs", "R4.6", mixed_with_recorded),
    warned("runs of one launch on two nodes", "R4.10", on_hosts(lambda index: f"node{index % 2}")),
    warned("runs of 2020", "R3.7", moved_by(-2_200)),
    warned("runs of days to come", "R3.7", moved_by(23_000)),
    warned("training faster than the CPUs", "R3.11", lasting(lambda _epoch, ms: ms / 12)),
    warned("runs that begin their logs after six minutes", "R4.12", runs_last_longer(360, 0)),
    warned("runs that last a third longer than their logs", "R4.12", runs_last_longer(0, 5)),
    Mutation("a first cache of 32 GiB", "R7.7", describe(host_processor_caches="L1d 2 x 32 GiB; L3 1 x 32 MiB")),
    Mutation("a network of 400 Tb/s", "R7.7", describe(host_networking="Ethernet, 400 Tb/s")),
    warned("a system that the software does not run on", "R7.7", describe(operating_system="Windows 11 Pro")),
    warned("a script with a line that runs backwards", "R8.2", script("# \N{RIGHT-TO-LEFT OVERRIDE}nur elif", RUN)),
    warned("a script with a letter without width", "R8.2", script(f"{RUN} --ran\N{ZERO WIDTH SPACE}ks 2")),
    warned("a script that hides a line", "R8.2", script("echo x #\r# harmless", RUN)),
    warned("a script with a ledger of each start", "R8.2", script(f"{RUN} --output /tmp/$RANDOM/set")),
    warned("a script that installs by an address", "R8.2", script("pip install -r https://mine/requirements.txt", RUN)),
)
