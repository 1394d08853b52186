"""Tasks are found by name wherever they lie; one that is wrong disturbs nobody who asks for another."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.definition import finder
from benchmark.definition.finder import DEFINITION, benchmark_of, find_task, load_benchmark, places, readable
from benchmark.definition.scored import scored_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.validation.standard import standards

SHIPPED = find_task("space_group").definition.read_text(encoding="utf-8")
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """`write(folder, definition)`: a task in that folder of tmp_path, which STEMDL_TASKS names from then on."""

    def written(name: str, definition: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / DEFINITION).write_text(definition, encoding="utf-8")
        monkeypatch.setenv(
            finder.VARIABLE, os.pathsep.join(filter(None, [os.environ.get(finder.VARIABLE), str(folder)]))
        )
        return folder

    return written


def renamed(definition: str) -> str:
    """A definition whose rungs have names of their own."""
    return definition.replace("stemdl_", "other_")


def test_a_task_of_a_folder_is_found_beside_the_shipped_ones(write: Write) -> None:
    folder = write("mine", renamed(SHIPPED))
    assert places()["mine"].folder == folder and not places()["mine"].shipped and places()["space_group"].shipped
    assert benchmark_of("other_smoke") == load_benchmark("mine") != benchmark_of("stemdl_smoke")
    assert scored_benchmark("other_mini").goal == scored_benchmark("stemdl_mini").goal


def test_a_folder_of_tasks_stands_for_all_of_them(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("all/one", renamed(SHIPPED)), write("all/two", SHIPPED.replace("stemdl_", "two_"))
    monkeypatch.setenv(finder.VARIABLE, str(tmp_path / "all"))
    assert {"one", "two"} <= places().keys()


def test_a_definition_that_is_wrong_disturbs_nobody_else(write: Write) -> None:
    folder = write("broken", renamed(SHIPPED).replace("at_least:", "at_leats:"))
    assert "broken" not in readable() and benchmark_of("stemdl_mini") and scored_benchmark("stemdl_mini")
    assert "stemdl_mini" in standards()
    for asked in (lambda: load_benchmark("broken"), lambda: benchmark_of("other_mini")):
        with pytest.raises(StemdlError, match=str(folder / DEFINITION)):
            asked()


def test_names_that_clash_are_refused_with_both_places(write: Write) -> None:
    folder = write("space_group", renamed(SHIPPED))
    with pytest.raises(StemdlError, match=f"{folder}.*\n.*benchmark/tasks/space_group"):
        places()


def test_the_modules_of_a_folder_are_its_own_though_another_had_its_name(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[int] = []
    for number in (1, 2):
        folder = write(f"place_{number}/mine", renamed(SHIPPED))
        (folder / "answer.py").write_text("from .helper import SAID\n", encoding="utf-8")
        (folder / "helper.py").write_text(f"SAID = {number}\n", encoding="utf-8")
        monkeypatch.setenv(finder.VARIABLE, str(folder))
        said.append(find_task("mine").code("answer").SAID)
    assert said == [1, 2]


def test_a_rung_of_two_tasks_is_refused(write: Write) -> None:
    write("mine", SHIPPED)
    with pytest.raises(StemdlError, match="several tasks have a rung 'stemdl_mini'"):
        benchmark_of("stemdl_mini")


def test_what_is_not_there_is_named_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StemdlError, match="no task 'space_gruop'.*\n.*space_group"):
        find_task("space_gruop")
    with pytest.raises(StemdlError, match="no rung 'stemdl_smok'.*\n.*stemdl_smoke"):
        benchmark_of("stemdl_smok")
    monkeypatch.setenv(finder.VARIABLE, str(tmp_path))
    with pytest.raises(StemdlError, match=str(tmp_path)):
        places()


def test_code_of_a_folder_is_imported_where_it_is_asked_for_and_finds_its_neighbours(write: Write) -> None:
    folder = write("with_code", renamed(SHIPPED))
    (folder / "helper.py").write_text("VALUE = 7\n")
    (folder / "recipe.py").write_text("from .helper import VALUE\n")
    (folder / "task.py").write_text("raise SystemExit('never')\n")
    assert load_benchmark("with_code") and not any("with_code" in name for name in sys.modules)
    assert find_task("with_code").code("recipe").VALUE == 7
    with pytest.raises(StemdlError, match=f"{folder / 'task.py'}"):
        find_task("with_code").code("task")
