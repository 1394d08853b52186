"""Every command that a document or a help text tells a user to type is one that the parser takes."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest
from walks import commands_in

from benchmark.cli.main import COMMANDS, build_parser

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "results/*.md", "benchmark/tasks/*/*.md", "reference/tasks/*/*.md")
    for path in ROOT.glob(pattern)
)


def documented() -> list[tuple[str, str]]:
    found = []
    for name in DOCUMENTS:
        blocks = re.findall(r"^```\n(.*?)^```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        found += [(name, each) for block in blocks for each in commands_in(block.splitlines())]
    for name in COMMANDS:
        example = importlib.import_module(f"benchmark.cli.{name}_command").EXAMPLE
        found += [(f"{name} --help", each) for each in commands_in([line.strip() for line in example.splitlines()])]
    return found


@pytest.mark.parametrize(("where", "arguments"), documented())
def test_a_documented_command_is_one(
    where: str, arguments: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # runs that the checkout holds are not those of the examples
    try:
        build_parser().parse_args(shlex.split(arguments))
    except SystemExit:
        pytest.fail(f"{where}: stemdl {arguments}\n{capsys.readouterr().err}")


def test_the_documents_have_commands():
    assert len(documented()) >= 50
    assert {where for where, _ in documented()} >= {"docs/running.md", "results/README.md", "submit --help"}
