"""The walks of docs/ lead where they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from walks import steps, walk

TASKS = Path(__file__).parent / "tasks"
pytestmark = pytest.mark.slow


def test_the_benchmark_of_the_walk_is_the_one_that_is_tested() -> None:
    files = {name: text for name, text in steps("add_a_benchmark.md") if name}
    assert files == {
        f"toy_line/{name}": (TASKS / "toy_line" / name).read_text(encoding="utf-8")
        for name in ("definition.yaml", "recipe.py", "task.py", "settings.yaml")
    }


def test_a_benchmark_is_added(added: Path) -> None:
    assert (added / "submission" / "ORG").is_dir() and (added / "review" / "index.html").is_file()


def test_a_model_is_brought(tmp_path: Path, python: Path, environment: dict[str, str]) -> None:
    shutil.copytree(TASKS, tmp_path / "tests" / "toy_task" / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    walk("bring_your_model.md", tmp_path, python, environment)
    record = json.loads((tmp_path / "runs" / "mine" / "run.json").read_text(encoding="utf-8"))
    assert (record["division"], record["status"]) == ("open", "success")
    assert (tmp_path / "submission" / "ORG").is_dir()
