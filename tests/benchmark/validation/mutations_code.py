"""Submissions whose code is not what ran, is not what was released, is not there or cannot be read."""

from __future__ import annotations

import json
from typing import Any

from changes import Change, add, every_log, ledger, put
from corpus import CODE, Mutation, Tree
from honest_run import RUNG, SYSTEM

from benchmark.definition.finder import load_benchmark
from benchmark.events import keys
from benchmark.foundation.source import digest_of

TRAINER = f"{CODE}/reference/"
SCRIPTS = f"benchmarks/{RUNG}/implementations/{SYSTEM}"


def changed_trainer(tree: Tree) -> None:
    """Another trainer, packed as it ran, with its hash in the ledger."""
    tree.files[f"{TRAINER}train.py"] += b"# epochs are skipped here\n"
    files = {name.removeprefix(TRAINER): text for name, text in tree.files.items() if name.startswith(TRAINER)}
    of_every_run("source", reference=digest_of(files))(tree)


def at_a_release(change: Change) -> Change:
    """The change, and the commit of a release in every log."""

    def both(tree: Tree) -> None:
        commit = load_benchmark("space_group").releases[0]["commit"]
        every_log(put(keys.SUBMISSION_GITHUB_COMMIT_VERSION, commit))(tree)
        change(tree)

    return both


def of_every_run(name: str, **changes: Any) -> Change:
    """An object in the ledger's starts, with other values."""
    return ledger(
        lambda entries: [entry.update({name: {**entry[name], **changes}}) for entry in entries if name in entry]
    )


def unpacked(tree: Tree) -> None:
    tree.files = {name: text for name, text in tree.files.items() if not name.startswith(TRAINER)}


def facts(**changes: Any) -> Change:
    """The scripts' folder with a file of facts that were changed."""
    return add(f"{SCRIPTS}/{SYSTEM}_reference.json", json.dumps({"implementation": "reference", **changes}).encode())


CODES = (
    Mutation("a changed trainer, declared", "R8.7", changed_trainer, invalid=False),
    Mutation("a harness that was never released", "R8.7", of_every_run("source", benchmark="c" * 64), invalid=False),
    Mutation("a changed trainer at a release's commit", "R8.7", at_a_release(changed_trainer)),
    Mutation("another harness at a release's commit", "R8.7", at_a_release(of_every_run("source", benchmark="c" * 64))),
    Mutation(
        "a trainer of one's own in a closed run",
        "R8.7",
        ledger(lambda entries: entries[0].update(trainer="fast.py:train")),
    ),
    Mutation("a source that is not packed", "R8.7", unpacked),
    Mutation("a source that is packed in part", "R8.2", lambda tree: tree.files.pop(f"{TRAINER}model.py")),
    Mutation(
        "a commit with changes on top",
        "R8.2",
        every_log(put(keys.SUBMISSION_GITHUB_COMMIT_VERSION, "0123456789abcdef" * 2 + "01234567-dirty")),
        invalid=False,
    ),
    Mutation(
        "a commit that is not known",
        "R8.2",
        every_log(put(keys.SUBMISSION_GITHUB_COMMIT_VERSION, "unknown")),
        invalid=False,
    ),
    Mutation("a commit that is a word", "R8.2", every_log(put(keys.SUBMISSION_GITHUB_COMMIT_VERSION, "v1.0-fast"))),
    Mutation("a library next to the source", "R8.2", add(f"{TRAINER}fast.so", b"\x7fELF\x02\x01\x01\0\0\0")),
    Mutation(
        "compiled Python next to the source", "R8.2", add(f"{TRAINER}model.cpython-311.pyc", b"\xa7\r\r\n\0\0\0\0")
    ),
    Mutation(
        "a network next to the source",
        "R8.2",
        add(f"{TRAINER}model.onnx", b"\x08\x07\x12\x07pytorch\0\xff"),
        invalid=False,
    ),
    Mutation("numbers next to the source", "R8.2", add(f"{TRAINER}init.bin", bytes(range(256)) * 4), invalid=False),
    Mutation("numbers written as text", "R8.2", add(f"{TRAINER}init.txt", b"QUJD" * 10_000), invalid=False),
    Mutation("facts of another commit", "R8.2", facts(commit="f" * 40)),
    Mutation("facts of other versions", "R8.2", facts(versions={"torch": "1.0"})),
    Mutation("facts that no reader of JSON takes", "R8.2", add(f"{SCRIPTS}/{SYSTEM}_reference.json", b"{}}\n")),
    Mutation("facts of more ranks", "R8.2", facts(ranks=64)),
    Mutation("settings to repeat that are others", "R8.2", add(f"{SCRIPTS}/config.yaml", b"learning_rate: 0.1\n")),
)
