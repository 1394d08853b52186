"""The walks of docs/ as a reader takes them: every file written, every command typed, in their order."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANG_SECONDS

ROOT = Path(__file__).resolve().parents[2]
TASKS = Path(__file__).parent / "tasks"
BLOCK = re.compile(r"(?:^`(?P<name>[^`\n]+)`\n\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
pytestmark = pytest.mark.slow


def steps(document: str) -> list[tuple[str, str]]:
    """Files as (name, text) and commands as ("", text), in the document's order."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    found = [(each["name"] or "", each["kind"], each["text"]) for each in BLOCK.finditer(text)]
    return [(name, text) for name, kind, text in found if name or not kind]


def walk(document: str, folder: Path, environment: dict[str, str]) -> None:
    """Take a walk in a folder where `stemdl` is on the path."""
    (folder / "bin").mkdir()
    (folder / "bin" / "stemdl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m benchmark "$@"\n', encoding="utf-8")
    (folder / "bin" / "stemdl").chmod(0o755)
    script = ["set -e"]
    for name, text in steps(document):
        place = f"tasks/{name}" if "/" in name else name
        script.append(f"cat > {place} <<'END_OF_FILE'\n{text}END_OF_FILE" if name else text)
    done = subprocess.run(
        ["bash"],
        cwd=folder,
        env=environment | {"PATH": f"{folder / 'bin'}:{environment['PATH']}"},
        input="\n".join(script),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_benchmark_of_the_walk_is_the_one_that_is_tested() -> None:
    files = {name: text for name, text in steps("add_a_benchmark.md") if name}
    assert files == {
        f"toy_line/{name}": (TASKS / "toy_line" / name).read_text(encoding="utf-8")
        for name in ("definition.yaml", "recipe.py", "task.py", "settings.yaml")
    }


def test_a_benchmark_is_added(tmp_path: Path, environment: dict[str, str]) -> None:
    walk("add_a_benchmark.md", tmp_path, environment)
    assert (tmp_path / "submission" / "ORG").is_dir() and (tmp_path / "review" / "index.html").is_file()


def test_a_model_is_brought(tmp_path: Path, environment: dict[str, str]) -> None:
    shutil.copytree(TASKS, tmp_path / "tests" / "toy_task" / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    walk("bring_your_model.md", tmp_path, environment)
    assert (tmp_path / "submission" / "ORG").is_dir()
