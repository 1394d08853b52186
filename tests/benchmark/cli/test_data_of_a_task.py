"""`stemdl data import`, `split` and `explore` ask the task that the data are of; one that cannot answer is named."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.data.manifest import write_manifest
from benchmark.definition import finder
from benchmark.definition.sample import Field, SampleSchema

HERE = Path(__file__).resolve().parents[2]
TOYS = HERE / "toy_task" / "tasks"
IMPORTER = """
from benchmark.foundation.errors import StemdlError

def import_data(path, folder, **options):
    raise StemdlError("the toy was asked", where=path)
"""
EXPLORE = """
from benchmark.report.explored import Explored

def explore(manifest, output, *, groups=None):
    return Explored({"rung": manifest.rung, "groups": groups}, ("a toy page",))
"""
SPLIT = """
from benchmark.data.partition import Divided, Partition

def split(manifest, name):
    dealt = {"train": ("line-0", "line-1"), "test": ("line-2",)}
    partition = Partition(name or "usual", manifest.sha256, "by hand", dealt, {})
    return Divided(partition, {"line-0": "steep", "line-1": "flat", "line-2": "flat"})
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """`task(**parts)`: the folder of a toy task, which the command line knows, with these parts of its own."""
    folder = tmp_path / "toy_line"
    for name in [name for name in sys.modules if name.startswith("stemdl_task_toy_line")]:
        monkeypatch.delitem(sys.modules, name)  # another test's, from another folder

    def make(**parts: str) -> Path:
        folder.mkdir()
        for path in (TOYS / "toy_line").glob("*.*"):
            (folder / path.name).write_bytes(path.read_bytes())
        for name, text in parts.items():
            (folder / f"{name}.py").write_text(text)
        monkeypatch.setenv(finder.VARIABLE, os.fspath(folder))
        return folder

    return make


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The manifest of data of the toy task, without a shard."""
    folder = tmp_path / "data"
    folder.mkdir()
    schema = SampleSchema((Field("x", (4,)),), (Field("y", ()),), "line")
    said = {"rung": "toy_line_60", "standard": True, "recipe_sha256": "", "source": {"kind": "drawn"}}
    write_manifest(folder, schema=schema, shards=[], about={"task": "toy_line"}, **said)
    return folder


def test_a_task_without_a_page_says_who_has_one(task: Callable, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = task()
    assert main(["data", "explore", str(data)]) == 2
    said = capsys.readouterr().err
    assert f"{folder}: the task toy_line brings no explore.py" in said and "space_group" in said
    assert "add explore.py to its folder" in said and "Traceback" not in said


def test_a_page_is_made_by_the_task_with_the_options_that_it_takes(
    task: Callable, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task(explore=EXPLORE)
    assert main(["data", "explore", str(data)]) == 0
    assert capsys.readouterr().out == "a toy page\n"
    assert main(["data", "explore", str(data), "--set", "groups=2", "--format", "json"]) == 0
    assert '"groups": "2"' in capsys.readouterr().out
    assert main(["data", "explore", str(data), "--set", "histogram=x.csv"]) == 2
    assert "--set: no option 'histogram' of the pages of the task toy_line" in capsys.readouterr().err


def test_a_recipe_has_options_of_its_own_if_it_says_what_they_make(
    task: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = (TOYS / "toy_line" / "recipe.py").read_text().replace("def make_recipe(", "def make_standard(")
    task(recipe=own + "\n\ndef make_recipe(rung, *, slope=None):\n    return make_standard(rung)\n")
    argv = ["data", "generate", "toy_line_60", "-o", str(tmp_path / "own"), "--dry-run"]
    for given, says in (
        ("slope=2", "takes options and does not say what data they make"),
        ("slop=2", "--set: no option 'slop' of the data of the task toy_line"),
        ("slope", "--set: an option is not key=value"),
    ):
        assert main([*argv, "--set", given]) == 2
        assert says in capsys.readouterr().err
    assert main(argv) == 0


def test_units_are_split_by_the_task(task: Callable, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task(split=SPLIT)
    assert main(["data", "split", str(data)]) == 0
    said = capsys.readouterr().out
    assert "usual.json: by hand" in said and "no line of 1 groups in test: steep" in said
    assert main(["data", "split", str(data), "--folds", "2", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["partition"] == "folds_2"


def test_an_importer_whose_module_is_broken_is_not_taken_for_none(
    task: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task(importer="import nothing_of_this_name\n")
    assert main(["data", "import", str(tmp_path), "-o", str(tmp_path / "out"), "--task", "toy_line"]) == 2
    said = capsys.readouterr().err
    assert "the importer of the task toy_line cannot be imported" in said and "nothing_of_this_name" in said


def test_data_are_imported_by_the_task_that_is_named_or_whose_they_are(
    task: Callable, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task(importer=IMPORTER)
    out = ["-o", str(tmp_path / "out")]
    ours = [str(data)]
    for source in ([str(tmp_path), "--task", "toy_line"], [str(tmp_path), "--rung", "toy_line_60"], ours):
        assert main(["data", "import", *source, *out]) == 2
        assert "the toy was asked" in capsys.readouterr().err
    assert main(["data", "import", str(tmp_path), *out]) == 2  # two tasks have an importer
    said = capsys.readouterr().err
    assert "--task: whose data are these?" in said and "space_group, toy_line" in said
    assert not (tmp_path / "out").exists()
