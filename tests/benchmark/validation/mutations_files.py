"""Submissions packed wrong: files that are missing, named oddly, too large, linked, secret or not to be read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from changes import add, after, raw
from corpus import CODE, RESULTS, Mutation
from honest_run import RUNG


def made(path: Path) -> Path:
    path.touch()
    return path


def relinked(results: Path) -> None:
    (results / "result_4.txt").unlink()
    (results / "result_4.txt").symlink_to("result_3.txt")


def foldered(path: Path) -> None:
    path.unlink()
    path.mkdir()


FILES = (
    Mutation(
        "logs in another benchmark's folder",
        "R8.1",
        lambda tree: setattr(tree, "results", RESULTS.replace(RUNG, "cosmoflow")),
    ),
    Mutation(
        "a folder of no benchmark", "R8.1", lambda tree: setattr(tree, "results", RESULTS.replace(RUNG, "stemdl_maxi"))
    ),
    Mutation("a log of another name", "R8.1", add(f"{RESULTS}/run-5.txt", b"")),
    Mutation("no code", "R8.2", lambda tree: [tree.files.pop(name) for name in [*tree.files] if name[-3:] != ".md"]),
    Mutation("source that is not what ran", "R8.2", add(f"{CODE}/reference/train.py", b"pass\n")),
    Mutation("an empty README", "R8.2", add(f"{CODE}/README.md", b"")),
    Mutation("a hidden file", "R8.3", add(f"{CODE}/.cache", b"x")),
    Mutation("a space in a name", "R8.3", add(f"{CODE}/run me.sh", b"x")),
    Mutation("a line break in a name", "R8.3", add(f"{CODE}/a\nb.py", b"x")),
    Mutation("a file of 53 MB", "R8.3", after(lambda folder: os.truncate(made(folder / CODE / "big.txt"), 53_000_000))),
    Mutation("a FIFO", "R8.3", after(lambda folder: os.mkfifo(folder / CODE / "pipe"))),
    Mutation("a checkpoint", "R8.3", add(f"{CODE}/model.pt", b"\x80\x04"), invalid=False),
    Mutation("a link out of the tree", "R8.4", after(lambda folder: (folder / CODE / "p").symlink_to("/etc/passwd"))),
    Mutation("a link to itself", "R8.4", after(lambda folder: (folder / CODE / "loop").symlink_to("loop"))),
    Mutation("a log that is a link to another", "R8.4", after(lambda folder: relinked(folder / RESULTS))),
    Mutation("a private key", "R8.5", add(f"{CODE}/notes.txt", b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n")),
    Mutation("a token", "R8.5", add(f"{CODE}/env.sh", b"export TOKEN=ghp_" + b"a1" * 18 + b"\n")),
    Mutation("a log in the form of 2018", "R4.6", raw(lambda text: text.replace(b":::MLLOG", b":::MLL 1538.1"))),
    Mutation("a line cut off", "R4.6", raw(lambda text: text[:-40])),
    Mutation("a line that is not JSON", "R4.6", raw(lambda text: text.replace(b'"value"', b"'value'", 1))),
    Mutation("a byte that is not UTF-8", "R4.6", raw(lambda text: text.replace(b"Somewhere", b"Some\xffwhere", 1))),
    Mutation("NaN", "R4.6", raw(lambda text: re.sub(rb'"loss": [0-9.]+', b'"loss": NaN', text, count=1))),
    Mutation("a number beyond all", "R4.6", raw(lambda text: text.replace(b"1318135155", b"1" * 30, 1))),
    Mutation("an event behind other text", "R4.6", raw(lambda text: text.replace(b":::MLLOG", b"rank 0: :::MLLOG", 1))),
    Mutation("two events in a line", "R4.6", raw(lambda text: text.replace(b"\n", b" ", 1))),
    Mutation("an empty log", "R4.6", raw(lambda text: b"")),
    Mutation("an event without a value", "R4.6", raw(lambda text: text.replace(b'"value": 32,', b"", 1))),
    Mutation("a time that is a text", "R4.6", raw(lambda text: text.replace(b'"time_ms": 17', b'"time_ms": "17"', 1))),
    Mutation(
        "JSON nested too deep",
        "R4.6",
        raw(lambda text: text.replace(b'"value": 32,', b'"value": ' + b"[" * 500 + b"]" * 500 + b",", 1)),
    ),
    Mutation("a log that is a folder", "R8.6", after(lambda folder: foldered(folder / RESULTS / "result_4.txt"))),
)
