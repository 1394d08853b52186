"""Names in a command that is shown to be typed, and foreign text as it is shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from patience import HANG_SECONDS

from benchmark.foundation.text import printable, typed

PACKAGE = Path(__file__).resolve().parents[3] / "benchmark"
UNQUOTED = re.compile(r"stemdl [a-z][^\"]*\{(?!typed|quote)[\w.]*(folder|output|path|\.data|runs\[[-\d]+\])\}")


@pytest.mark.parametrize("name", ["a b", "caf\u00e9", "it's", "$HOME", "x;y", "plain/name-1.h5", ""])
def test_a_shell_reads_what_was_typed(name: str) -> None:
    assert shlex.split(f"stemdl show {typed(Path(name)) if name else typed(name)}")[2:] == [name]
    assert typed("plain/name-1.h5") == "plain/name-1.h5"


@pytest.mark.parametrize(
    "name", ["two\nlines", "\u202eevil\u2066 it's", "back\\slash\t", "caf\u00e9\x1b[31m", "a\udcffb"]
)
def test_letters_that_a_terminal_would_obey_are_typed_as_bytes(name: str) -> None:
    shown = typed(name)
    assert shown.isprintable()
    said = subprocess.run(["bash", "-c", f"printf %s {shown}"], capture_output=True, check=True, timeout=HANG_SECONDS)
    assert said.stdout == os.fsencode(name)


def test_commands_that_messages_name_are_quoted() -> None:
    assert UNQUOTED.search('remedy=f"stemdl data verify {manifest.folder}"')
    assert not UNQUOTED.search('remedy=f"stemdl data verify {typed(manifest.folder)}"')
    bare = {
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in PACKAGE.rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNQUOTED.search(line)
    }
    assert not bare


@pytest.mark.parametrize(
    "letter", ["\u3164", "\u115f", "\u2800", "\u034f", "\ufe0f", "\U000e0101", "\u200b", "\u202e", "\u00ad"]
)
def test_two_names_that_look_alike_by_an_unseen_letter_are_told_apart(letter: str) -> None:
    assert printable(f"NV{letter}IDIA") == f"NV{letter.encode('unicode_escape').decode()}IDIA"


def test_marks_do_not_pile_up_over_the_lines_around() -> None:
    assert printable("e\u0301\u0323") == "e\u0301\u0323" and printable("กี้") == "กี้"
    piled = printable("Z" + "\u0301" * 50, 1_000)
    assert piled.count("\u0301") == 3 and piled.count("\\u0301") == 47


def test_letters_of_any_script_stay() -> None:
    for text in ("Müller", "富岳", "Ωmega β", "система", "עברית", "हिन्दी", "P6₃/mmc"):
        assert printable(text) == text
