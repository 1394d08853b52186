"""Every command and every option of it, over arguments that somebody types by mistake or on purpose: one message, an
exit code, and everything as it was. The commands are asked of the parser, so that a new one is tested at once."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmark.cli import guard, run_command
from benchmark.cli.arguments import place, run_path
from benchmark.cli.main import build_parser, main
from benchmark.cli.parser import leaves
from benchmark.data import generate
from benchmark.data.workers import Workers
from benchmark.foundation.errors import StemdlError
from benchmark.launch import doctor
from benchmark.submission import run_driver

PARSER = build_parser()
COMMANDS = dict(leaves(PARSER))
BEGAN = "work was begun"
NEW = ("missing", "a\nb", "\udcff\udcfe", "-", "~")
"""Odd names, but names, of what may be made."""
WELCOME = {
    "output": (*NEW, "folder"),
    "data": NEW,
    "ledger": (*NEW, "empty"),
    "config": ("empty",),
    "power": ("empty",),
    "folder": ("folder",),
    "path": ("empty",),
    "partition": ("",),
    "title": ("-1", "1.5", "1e9", "9" * 5000, "nan", "²", "", "text", "folder", "a\nb", "\udcff", "../x"),  # a text
    "ids": ("1.5",),
    "set": ("device=cuda",),  # by doctor, whose ranks say what they see
}
"""What an argument takes, odd as it is."""
FILES = {
    "text": b"hello\n",
    "deep.yaml": b"[" * 100_000,
    "aliases.yaml": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "tabs.yaml": b"width: 3\n\tmax_epochs: 4\n",
    "huge.yaml": b"learning_rate: 1" + b"0" * 400 + b"\nwidth: 0x" + b"f" * 5000 + b"\n",
    "infinite.yaml": b"learning_rate: .inf\n",
    "nan.yaml": b"learning_rate: .nan\n",
    "tagged.yaml": b"width: !!python/object/apply:os.system ['touch ran']\n",
    "utf16": "width: 3\n".encode("utf-16"),
    "zeros": b"\0" * 1000,
    "deep.json": b"[" * 100_000,
    "object.json": b'{"a": NaN, "a": [1e999]}\n',
    "table.csv": b"id,a\n\xff,\x00\n",
    "table.npz": b"PK\x03\x04",
    "data/manifest.json": b'{"format": 1}',
    "shards/manifest.json": b"[" * 100_000,
    "broken/run.json": b"[]",
    "broken/result_0.txt": b":::MLLOG {",
    "empty": b"",
}
NOWHERE = (
    "missing",
    "text/x",
    "n" * 300,
    "loop",
    "pipe",
    "/dev/zero",
    "/dev/full",
    "/proc/self/mem",
    "a\nb",
    "\udcff\udcfe",
    "-",
    "~",
    "x/" * 3000,
)
NUMBERS = ("-1", "1.5", "1e9", "9" * 5000, "nan", "²", "")
SETTINGS = (
    "width=" + "[" * 3000,
    "width=0x" + "f" * 5000,
    "learning_rate=nan",
    "width",
    "=",
    "global_batch_size=1000000000",
    "stage=\x1b[2J",
    "max_epochs=1e30",
    "no_such=1",
    "device=cuda",
    "comm=solo2",
    "warning_signals=KILL",
)


def options_of(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments with a value, positional ones too."""
    return [action for action in command._actions if action.nargs != 0 and action.help != argparse.SUPPRESS]


def values_for(action: argparse.Action) -> Iterator[str]:
    if action.type in (place, run_path):
        yield from (*FILES, "folder", *NOWHERE)
    elif "--set" in action.option_strings:
        yield from SETTINGS
    elif action.choices is not None:
        yield from ("x", "")
    else:
        yield from NUMBERS
        yield from ("text", "folder", "a\nb", "\udcff", "../x")


CASES = [(words, action) for words, command in COMMANDS.items() for action in options_of(command)]


def name_of(value: object) -> str | None:
    return " ".join(value) if isinstance(value, tuple) else getattr(value, "dest", None)


def snapshot(folder: Path) -> dict[str, bytes | str]:
    """All that lies in a folder: content, or kind of what has none."""
    return {
        str(path): path.read_bytes() if path.is_file() and not path.is_symlink() else str(path.lstat().st_mode)
        for path in folder.rglob("*")
    }


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with all of `FILES` in it. Nothing can be simulated or trained: it would show."""
    for name, content in FILES.items():
        (tmp_path / "box" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "box" / name).write_bytes(content)
    (tmp_path / "box" / "folder" / "below").mkdir(parents=True)
    (tmp_path / "box" / "folder" / "notes.txt").write_text("mine")
    os.mkfifo(tmp_path / "box" / "pipe")
    (tmp_path / "box" / "loop").symlink_to("loop")
    monkeypatch.chdir(tmp_path / "box")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def began(*_: object, **__: object) -> None:
        raise StemdlError(BEGAN)

    monkeypatch.setattr("benchmark.cli.main.build_parser", lambda: PARSER)
    monkeypatch.setattr(run_driver.RunDriver, "make", began)
    monkeypatch.setattr(generate, "samples_of_unit", began)
    monkeypatch.setattr(generate, "workers", lambda *_, **__: nullcontext(Workers(None, None)))
    monkeypatch.setattr(doctor, "run_checks", lambda folder: [])
    monkeypatch.setattr(run_command, "_accelerators", lambda: 0)
    return tmp_path / "box"


def base_of(command: argparse.ArgumentParser, words: tuple[str, ...], without: argparse.Action) -> list[str]:
    """The arguments that a command needs besides the one that is tried, as right as can be without data."""
    known = {"rung": "stemdl_smoke", "benchmark": "stemdl_mini", "output": "new", "system": "here", "source": "folder"}
    arguments: list[str] = []
    for action in options_of(command):
        if action is without or not (action.required or action.dest == "rung"):
            continue
        value = known.get(action.dest, "broken")
        arguments += [action.option_strings[-1], value] if action.option_strings else [value]
    if without.dest != "format" and any(action.dest == "official" for action in command._actions):
        arguments.append("--no-official")
    return arguments


@pytest.mark.parametrize(("words", "action"), CASES, ids=name_of)
def test_whatever_is_given_is_one_message(
    words: tuple[str, ...],
    action: argparse.Action,
    box: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    before = snapshot(box)
    kept = []
    monkeypatch.setattr(guard, "_keep", kept.append)
    for value in values_for(action):
        given = [f"{action.option_strings[-1]}={value}"] if action.option_strings else ["--", value]
        arguments = [*words, *base_of(COMMANDS[words], words, action), *given]
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code
        printed = capsys.readouterr()
        told = f"{value[:40]!r}: {code}\n{printed.err[-600:]}"
        assert not kept and "Traceback" not in printed.out + printed.err, told + repr(kept)
        after = snapshot(box)
        assert {name: after.get(name) for name in before} == before, told
        if code == 0 or BEGAN in printed.err:
            assert value in WELCOME.get(action.dest, ()), told
            assert words != ("run",) or action.dest != "set", told
        else:
            assert code in (1, 2), told
            assert after == before, told
            assert "stemdl" in printed.err or code == 1, told
        for made in map(Path, after.keys() - before.keys()):
            shutil.rmtree(made) if made.is_dir() else made.unlink(missing_ok=True)


def test_the_table_is_of_all_commands():
    assert {("run",), ("data", "generate"), ("rcp", "record"), ("validate",)} <= COMMANDS.keys()
    assert all(main.__module__ and options_of(command) for command in COMMANDS.values())
    assert len(CASES) > 90
