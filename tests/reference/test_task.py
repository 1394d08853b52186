"""The reference's task of a benchmark is found by its name, and refused in a sentence where it is not whole."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmark.definition.finder import VARIABLE, load_benchmark
from benchmark.foundation.errors import StemdlError
from reference.task import reference_task
from reference.tasks.space_group.task import make_task


def test_a_shipped_task_is_found_by_its_name() -> None:
    assert reference_task(load_benchmark("space_group")) is make_task


@pytest.mark.parametrize(
    ("text", "says"),
    [("other = 1\n", "has no function make_task"), ("import nothing_of_this_name\n", "cannot be imported")],
)
def test_a_task_without_make_task_is_refused(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / f"task_of_a_test_{len(text)}"
    folder.mkdir()
    (folder / "definition.yaml").write_text("name: of a test\n", encoding="utf-8")
    (folder / "task.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(folder))
    benchmark = dataclasses.replace(load_benchmark("space_group"), task=folder.name, task_folder=folder)
    with pytest.raises(StemdlError, match=says) as caught:
        reference_task(benchmark)
    assert str(folder) in str(caught.value)


def test_a_task_s_neighbours_are_imported_by_relative_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "task_with_a_neighbour"
    folder.mkdir()
    (folder / "definition.yaml").write_text("name: of a test\n", encoding="utf-8")
    (folder / "model.py").write_text("WIDTH = 7\n", encoding="utf-8")
    (folder / "task.py").write_text(
        "from .model import WIDTH\n\ndef make_task(schema, settings):\n    return WIDTH\n", encoding="utf-8"
    )
    monkeypatch.setenv(VARIABLE, str(folder))
    benchmark = dataclasses.replace(load_benchmark("space_group"), task=folder.name, task_folder=folder)
    assert reference_task(benchmark)(None, {}) == 7
