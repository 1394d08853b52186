"""What is wrong in a task that somebody writes is said before data are made, and in the words of its own files."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.definition import finder

TOY = Path(__file__).resolve().parents[2] / "toy_task" / "tasks" / "toy_line"
NO_RECIPE = "def make_recipe(rung):\n    return 1\n"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], Path]:
    """`broken(file, text, other)`: the folder of the toy, which the command line knows, with another text in a file;
    all of the file for an empty one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # for the tracebacks that are kept
    for name in [name for name in sys.modules if name.startswith("stemdl_task_toy_line")]:
        monkeypatch.delitem(sys.modules, name)  # another test's, from another folder

    def make(file: str, text: str, other: str) -> Path:
        folder = tmp_path / "toy_line"
        shutil.copytree(TOY, folder, ignore=shutil.ignore_patterns("__pycache__"))
        before = (folder / file).read_text(encoding="utf-8") if text else ""
        assert text in before
        (folder / file).write_text(before.replace(text, other) if text else other, encoding="utf-8")
        monkeypatch.setenv(finder.VARIABLE, os.fspath(folder))
        return folder

    return make


@pytest.mark.parametrize(
    ("file", "text", "other", "code", "says"),
    [
        ("definition.yaml", "mean_error,", "mean_eror,", 2, "metric.name: there is no metric 'mean_eror'\n*mean_error"),
        ("definition.yaml", "of: slope", "of: slop", 2, "metric.of: the metric is of no target*\n*of slope\n*: slop\n"),
        ("definition.yaml", "metric: {name: mean_error", "metric: {name: macro_f1", 2, "metric.of: macro_f1 is of one"),
        (
            "definition.yaml",
            "[fp32]",
            "fp32",
            2,
            "precisions has the wrong type\n*expected: tuple[[]str*\n*found: fp32",
        ),
        ("recipe.py", "range(count)", "range(count - 1)", 2, "definition.yaml: *other numbers of samples*: 10}*: 9}"),
        ("recipe.py", "def make_recipe", "def recipe", 2, "recipe.py: *no function make_recipe*did you mean 'recipe'"),
        (
            "recipe.py",
            "",
            NO_RECIPE,
            2,
            "recipe.py: the make_recipe of the task toy_line gives no recipe\n*schema()*int",
        ),
        ("recipe.py", "import numpy as np", "import numpyy as np", 2, "recipe.py:8: *cannot be imported\n*'numpyy'"),
        ("recipe.py", "+ offset +", "+ 'offset' +", 70, "recipe.py:28: a fault of the task toy_line: *Error: *mend it"),
        (
            "recipe.py",
            'return [Unit(f"line',
            'return [Unt(f"line',
            70,
            "recipe.py:24: a fault of the task toy_line: Name",
        ),
    ],
)
def test_a_fault_of_a_task_is_said_before_its_data_are_made(
    file: str,
    text: str,
    other: str,
    code: int,
    says: str,
    broken: Callable,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken(file, text, other)
    assert main(["data", "generate", "toy_line_60", "-o", str(tmp_path / "data"), "--dry-run"]) == code
    message = capsys.readouterr().err
    assert fnmatchcase(message, f"*{tmp_path}*{says}*") and "Traceback" not in message, message
    assert not (tmp_path / "data").exists()


def test_a_worker_says_which_line_of_a_recipe_failed(
    broken: Callable, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its frames do not reach the process that shows the error."""
    folder = broken("recipe.py", "+ offset +", "+ 'offset' +")
    assert main(["data", "generate", "toy_line_60", "-o", str(tmp_path / "data"), "--ranks", "1"]) == 70
    message = capsys.readouterr().err
    assert f"{folder}/recipe.py:28: a fault of the task toy_line: " in message and "mend it there" in message


@pytest.mark.parametrize("content", [object(), {"a": 1}, None, [0.0] * 9_000])
def test_an_attribute_that_no_file_holds_is_named(content: object, tmp_path: Path) -> None:
    import h5py
    import numpy as np

    from benchmark.data.recipe import Sample, Unit
    from benchmark.data.sample_file import write_sample
    from benchmark.definition.rung import Storage
    from benchmark.definition.sample import Field, SampleSchema
    from benchmark.foundation.errors import StemdlError

    schema = SampleSchema((Field("profile", (2,)),), (Field("slope", ()),), unit="line")
    sample = Sample({"profile": np.zeros(2, np.float32), "slope": np.float32(0)}, {"remark": content})
    with (
        h5py.File(tmp_path / "shard.h5", "w") as shard,
        pytest.raises(StemdlError, match="attribute remark.*\n.*64 kB"),
    ):
        write_sample(shard, "sample_0_0", sample, Unit("line-0", "train", 1), schema, Storage())
