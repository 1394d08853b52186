"""Completion by the Tab key, asked for as shells ask argcomplete; and what is printed without argcomplete."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import HANG_SECONDS

from benchmark.cli.completion import _ENDINGS, _NAMES
from benchmark.cli.main import COMMANDS, build_parser, main
from benchmark.cli.parser import leaves
from benchmark.definition.finder import readable
from benchmark.launch.launchers import launcher_names
from benchmark.launch.machine import profile_names

Words = Callable[[str], list[str]]


@pytest.fixture
def words(environment: dict[str, str], tmp_path: Path) -> Words:
    """`words(line)`: what a shell is offered behind that line, in a folder with a few files."""
    pytest.importorskip("argcomplete")
    for name in ("mine.yaml", "mine.py", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "data").mkdir()
    answer = tmp_path / ".answer"

    def ask(line: str) -> list[str]:
        asked = {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_SHELL": "bash",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line.encode())),
        }
        done = subprocess.run(
            [sys.executable, "-m", "benchmark"],
            env=environment | asked,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return answer.read_text(encoding="utf-8").split("\n")

    return ask


def test_commands_options_and_values_are_offered(words: Words) -> None:
    assert set(COMMANDS) <= set(words("stemdl "))
    assert words("stemdl co") == ["compare", "completion"]
    assert set(words("stemdl data ")) >= {"generate", "verify", "info"}
    assert words("stemdl run --ran") == ["--ranks", "--ranks-per-node"]
    assert set(words("stemdl run --launcher ")) <= set(launcher_names())
    assert words("stemdl run --launcher sr") == ["srun"]
    assert words("stemdl run --start") == [""], "what the help does not show is not offered"


def test_names_are_offered_with_the_files_that_may_stand_for_them(words: Words) -> None:
    rungs = {name for known in readable().values() for name in known.rungs}
    assert set(words("stemdl run --rung ")) == {*rungs, "mine.yaml", "data/"}
    assert set(words("stemdl data generate ")) >= {*rungs, "mine.yaml"}
    assert set(words("stemdl launch --profile ")) == {*profile_names(), "mine.yaml", "data/"}
    assert words("stemdl run --set max_ep") == ["max_epochs="]
    assert words("stemdl rules R4.10") == ["R4.10"]
    assert set(words("stemdl run --trainer ")) == {"mine.py", "data/"}
    assert "latest" in words("stemdl show ")


def test_files_are_offered_where_one_is_asked_for_and_nowhere_else(words: Words) -> None:
    assert words("stemdl run --data da") == ["data/"]
    assert words("stemdl submit data --description mine.y") == ["mine.yaml"]
    assert words("stemdl run --seed ") == words("stemdl submit data --org ") == [""]


def test_every_argument_that_names_are_known_for_exists() -> None:
    there = {action.dest for _, command in leaves(build_parser()) for action in command._actions}
    assert {*_NAMES, *_ENDINGS} <= there


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_shell_reads_is_printed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("argcomplete")
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert text.startswith("# ") and f"stemdl completion {shell}" in text.splitlines()[0]
    assert "_ARGCOMPLETE" in text
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_bash_itself_completes(environment: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("argcomplete")
    (tmp_path / "stemdl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m benchmark "$@"\n')
    (tmp_path / "stemdl").chmod(0o755)
    script = (
        'eval "$(stemdl completion bash)"; COMP_LINE="stemdl run --rung stemdl_sm" COMP_POINT=27 COMP_TYPE=9; '
        '_python_argcomplete stemdl; printf "%s|" "${COMPREPLY[@]}"'
    )
    path = f"{tmp_path}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert [each.strip() for each in done.stdout.split("|")] == ["stemdl_smoke", "stemdl_small", ""], done.stderr


def test_without_argcomplete_one_message_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["completion", "bash"]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("stemdl: ") == 1
    assert "completion needs argcomplete" in output.err and "/pip install argcomplete" in output.err


def test_a_variable_that_only_looks_like_a_shell_s_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_ARGCOMPLETE", "1")
    assert main(["rules", "R1.1"]) == 0 and "R1.1" in capsys.readouterr().out
