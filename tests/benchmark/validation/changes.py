"""Ways to change a submission of the corpus, each made of what it is done to and what is done."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus import RESULTS, Tree
from honest_run import EPOCHS, RUNG, Lines, at, log_lines

from benchmark.data.recognition import Recognition
from benchmark.definition.golden_files import RECOGNISED, golden_sha256
from benchmark.events import keys

Change = Callable[[Tree], None]


# ---- of the ledger


def ledger(change: Callable[[list[dict[str, Any]]], Any]) -> Change:
    """The entries changed, and the chain made of what they then are."""
    return lambda tree: tree.ledger.append(change)


def of_the_other_division(entries: list[dict[str, Any]]) -> None:
    """One more run, that declares the open division: it could not be submitted with the others."""
    more_run(entries, 40.0, settings={**entries[0]["settings"], "division": "open"})


def ledger_bytes(change: Callable[[bytes], bytes]) -> Change:
    return lambda tree: setattr(tree, "ledger_bytes", change)


def more_run(
    entries: list[dict[str, Any]], seconds: float, place: int | None = None, status: str = "success", **told: Any
) -> None:
    """One more run with the configuration of the others, but for what is `told` of its start, at the end or before the
    entry at `place`, where the others leave it no time."""
    waited_ms, late_ms = (random.Random(f"wait {len(entries)} {each}").randrange(90) for each in "be")
    lasted_ms = round(1000 * seconds) + 3200 + late_ms if place is None else 0
    epochs = round(entries[1]["epochs"] * seconds / entries[1]["time_to_train_seconds"])
    place = len(entries) if place is None else place
    now = entries[place - 1]["time_ms"] + (waited_ms if lasted_ms else 0)
    start, end = (
        {**entries[0], "folder": f"left_out_{place}", "time_ms": now, **told},
        {
            **entries[1],
            "time_ms": now + lasted_ms,
            "status": status,
            "seed": random.Random(f"seed of the run at {place}").getrandbits(31),
            "log_sha256": f"{place:064x}",
            "time_to_train_seconds": seconds,
            "epochs": epochs,
            "start": place,
        },
    )
    for entry in entries[place:]:
        if "start" in entry:
            entry["start"] += 2
    entries[place:place] = [start, end]


# ---- of one log: the events of run 0


def log(change: Callable[[Lines], Any], index: int = 0) -> Change:
    return lambda tree: change(tree.logs[index])


def every_log(change: Callable[[Lines], Any]) -> Change:
    return lambda tree: [change(lines) for lines in tree.logs.values()]


def put(key: str, value: Any, which: int = -1) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, key, which)].update(value=value)


def tell(key: str, which: int = -1, **metadata: Any) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, key, which)]["metadata"].update(metadata)


def drop(key: str, which: int | None = None) -> Callable[[Lines], None]:
    def change(lines: Lines) -> None:
        gone = {at(lines, key, which)} if which is not None else set(range(len(lines)))
        lines[:] = [line for number, line in enumerate(lines) if line["key"] != key or number not in gone]

    return change


def twice(key: str, /, **changes: Any) -> Callable[[Lines], None]:
    return lambda lines: lines.insert(at(lines, key) + 1, {**lines[at(lines, key)], **changes})


def shift(key: str, ms: int, which: int = -1) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, key, which)].update(time_ms=lines[at(lines, key, which)]["time_ms"] + ms)


def shift_from(key: str, ms: int, which: int = -1) -> Callable[[Lines], None]:
    """An event and all after it, as by one who takes time out of the middle of a run."""

    def change(lines: Lines) -> None:
        for line in lines[at(lines, key, which) :]:
            line["time_ms"] += ms

    return change


def move(key: str, behind: str, which: int = -1, behind_which: int = -1) -> Callable[[Lines], None]:
    """An event put behind another, at its time."""

    def change(lines: Lines) -> None:
        moved = lines.pop(at(lines, key, which))
        place = at(lines, behind, behind_which)
        lines.insert(place + 1, {**moved, "time_ms": lines[place]["time_ms"]})

    return change


def before(key: str, other: str) -> Callable[[Lines], None]:
    """An event put in front of the first of another, at its time."""

    def change(lines: Lines) -> None:
        moved = lines.pop(at(lines, key))
        place = at(lines, other, 0)
        lines.insert(place, {**moved, "time_ms": lines[place]["time_ms"]})

    return change


def setting(name: str, value: Any) -> Callable[[Lines], None]:
    return lambda lines: lines[at(lines, keys.CONFIG)]["value"].update({name: value})


def metric(epoch: int, value: float) -> Callable[[Lines], None]:
    """An evaluation's value under both its keys."""

    def change(lines: Lines) -> None:
        for key in (keys.EVAL_ACCURACY, keys.F1_MACRO):
            put(key, value, epoch - 1)(lines)

    return change


def epochs_left_out(first: int) -> Callable[[Lines], None]:
    """No evaluation of the epochs before `first`."""
    return lambda lines: lines.__setitem__(
        slice(None),
        [
            line
            for line in lines
            if line["key"] not in (keys.EVAL_START, keys.EVAL_STOP, keys.EVAL_ACCURACY, keys.F1_MACRO)
            or line["metadata"]["epoch_num"] >= first
        ],
    )


def converged_after_one_epoch(lines: Lines) -> None:
    lines[:] = [line for line in lines if line["metadata"].get("epoch_num", 1) == 1]
    metric(1, 0.93)(lines)


def figure(**changes: Any) -> Callable[[Lines], None]:
    """Other figures of the preflight."""

    def change(lines: Lines) -> None:
        event = lines[at(lines, keys.PREFLIGHT)]
        event["value"] = {**event["value"], "figures": {**event["value"]["figures"], **changes}}

    return change


def together(*changes: Callable[[Lines], None]) -> Callable[[Lines], None]:
    return lambda lines: [change(lines) for change in changes]


def raw(change: Callable[[bytes], bytes], index: int = 0) -> Change:
    return lambda tree: tree.raw.update({index: change})


def kept_record(change: Callable[[Lines], None]) -> Change:
    """The log changed and the record not."""

    def both(tree: Tree) -> None:
        change(tree.logs[0])
        tree.stale.add(0)

    return both


# ---- of the tree


def describe(**fields: Any) -> Change:
    return lambda tree: tree.system.update(fields)


def undescribed(field: str) -> Change:
    return lambda tree: tree.system.pop(field)


def add(file: str, content: bytes) -> Change:
    return lambda tree: tree.files.update({file: content})


def after(change: Callable[[Path], Any]) -> Change:
    return lambda tree: tree.after.append(change)


def same_run_twice(tree: Tree) -> None:
    tree.logs[1] = [dict(line) for line in tree.logs[0]]
    put(keys.SEED, 4711)(tree.logs[1])


def same_run_an_hour_later(tree: Tree) -> None:
    same_run_twice(tree)
    for line in tree.logs[1]:
        line["time_ms"] += 3_600_000


OF_A_RUN = ("the scores", "the losses", "the samples/s", "the times")


def taken_from_run_0(*kinds: str, by: float = 0.0, into: tuple[int, ...] = (1,), digits: int = 17) -> Change:
    """Runs that have these kinds of numbers from run 0, changed by a share of `by` to either side, and rounded."""

    def change(tree: Tree) -> None:
        for index in into:
            chance, lines = random.Random(f"copy {index}"), tree.logs[index]
            for key, name, kind in (
                (keys.TRACKED_STATS, "loss", "the losses"),
                (keys.TRACKED_STATS, "throughput", "the samples/s"),
                (keys.EVAL_ACCURACY, "value", "the scores"),
            ):
                for which in range(EPOCHS) if kind in kinds else ():
                    event, source = (each[at(each, key, which)] for each in (lines, tree.logs[0]))
                    holder, told = (each if name == "value" else each["value"] for each in (event, source))
                    holder[name] = round(told[name] * (1 + chance.uniform(-by, by)), digits)
                    if name == "value":
                        put(keys.F1_MACRO, holder[name], which)(lines)
            if "the times" in kinds:
                later = lines[0]["time_ms"] - tree.logs[0][0]["time_ms"]
                for line, source in zip(lines, tree.logs[0], strict=True):
                    line["time_ms"] = source["time_ms"] + later

    return change


def with_batch(batch: int) -> Change:
    return lambda tree: tree.logs.update({index: log_lines(index, batch=batch) for index in tree.logs})


def one_run_more(tree: Tree) -> None:
    tree.logs[5] = log_lines(5)


def times_far_apart(tree: Tree) -> None:
    """Two runs of five whose epochs took three times as long, by both clocks."""
    for index in (1, 3):
        lines = tree.logs[index]
        for which in range(3):
            taken = (
                lines[at(lines, keys.EPOCH_STOP, which)]["time_ms"]
                - lines[at(lines, keys.EPOCH_START, which)]["time_ms"]
            )
            shift_from(keys.EPOCH_STOP, 2 * taken, which)(lines)
            lines[at(lines, keys.TRACKED_STATS, which)]["value"]["throughput"] /= 3


def of_another_rung(rung: str) -> Change:
    """All that a tree of RUNG says, said of another rung."""

    def change(tree: Tree) -> None:
        every_log(put(keys.SUBMISSION_BENCHMARK, rung))(tree)
        tree.results = RESULTS.replace(RUNG, rung)

    return change


def recognised(**told: object) -> Callable[[Lines], None]:
    """What the log says of the data's golden figures, with other values."""
    return put(keys.DATA_RECOGNISED, Recognition(RECOGNISED, golden_sha256(RUNG), 5500).to_log() | told)


def of_an_unknown_manifest(lines: Lines) -> None:
    put(keys.DATA_MANIFEST_SHA256, "e" * 64)(lines)
    drop(keys.DATA_RECOGNISED)(lines)


def weak_alone(tree: Tree) -> None:
    tree.results = RESULTS.replace("strong", "weak")


def linked(path: Path) -> None:
    path.rename(path.with_name("ledger.txt"))
    path.symlink_to("ledger.txt")
