"""`stemdl evaluate`: a toy's trained model is asked about inputs that its data set never had."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from patience import HANG_SECONDS
from schemas import held_but_not_spoiled

from benchmark.cli.evaluate_command import _remedies, _shown
from benchmark.cli.main import main
from benchmark.foundation.errors import StemdlError

TOY = Path(__file__).parents[2] / "toy_task" / "tasks" / "toy_line"
EVALUATE = """
import numpy as np
from benchmark.definition.question import Question
from benchmark.foundation.errors import StemdlError

OPTIONS = {"scale": "by which points are multiplied"}


def read_inputs(paths, rung, options):
    for path in (each for given in paths for each in (sorted(given.iterdir()) if given.is_dir() else [given])):
        points = np.loadtxt(path, dtype=np.float32, ndmin=1)
        if points.shape != (rung.recipe["points"],):
            yield StemdlError("a line has other points", where=path, found=len(points))
        else:
            yield Question(path.stem, path, {"profile": points * np.float32(options.get("scale", 1))}, ("one note",))


def remarks(question, outputs, schema):
    return ["rising & shining" if outputs["slope"] > 0 else "falling"]


def picture(question, outputs, schema, path):
    path.write_text(f"{outputs['slope']:.6f}")
"""


@pytest.fixture(scope="module")
def place(once: Callable[[str, Callable[[Path], None]], Path], python: Path) -> Path:
    """A folder with the toy, a run of it, and three inputs: two lines and what is not one."""

    def make(folder: Path) -> None:
        shutil.copytree(TOY, folder / "tasks" / "toy_line", ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "tasks" / "toy_line" / "evaluate.py").write_text(EVALUATE)
        (folder / "lines").mkdir()
        for name, slope in (("down", -0.5), ("up", 0.5)):
            np.savetxt(folder / "lines" / f"{name}.txt", slope * np.linspace(-1, 1, 16))
        (folder / "lines" / "short.txt").write_text("1\n2\n")
        argv = [python, "-m", "benchmark", "run", "--rung", "toy_line_60", "--ranks", "1", "--output", "run"]
        environment = os.environ | {"STEMDL_TASKS": str(folder / "tasks")}
        subprocess.run([*argv, "--seed", "3"], cwd=folder, env=environment, check=True, timeout=HANG_SECONDS)

    return once("evaluated_toy", make)


@pytest.fixture(autouse=True)
def within(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("STEMDL_TASKS", str(place / "tasks"))


def test_each_input_is_answered_or_refused_and_has_a_picture(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["evaluate", "run", "lines", "-o", str(tmp_path / "answers"), "--format", "json"]
    assert main(argv) == 1
    down, short, up = json.loads(capsys.readouterr().out)
    assert "other points" in short["refused"] and "answer" not in short
    averaged = torch.load(place / "run" / "checkpoint.pt", weights_only=True)["averaged"]
    for row, slope in ((down, -0.5), (up, 0.5)):
        line = torch.from_numpy(slope * np.linspace(-1, 1, 16)).float()
        expected = float(averaged["module.weight"][0] @ line + averaged["module.bias"][0])
        assert row["answer"]["slope"] == pytest.approx(expected, abs=1e-5)
        assert float(Path(row["picture"]).read_text()) == pytest.approx(expected, abs=1e-5)
    assert up["notes"] == ["one note"] and down["answer"]["slope"] < 0 < up["answer"]["slope"]
    stored = json.loads((tmp_path / "answers" / "answers.json").read_text())
    assert stored["rung"] == "toy_line_60" and stored["inputs"] == [down, short, up] and stored["format"] == 1
    spoilt = [{"inputs": [up | change]} for change in ({"answer": {}}, {"refused": "no"}, {"notes": "one"})]
    held_but_not_spoiled("answers", stored, {"format": 2}, {"inputs": [{"input": "x"}]}, *spoilt)
    assert [each["remarks"] for each in (down, up)] == [["falling"], ["rising & shining"]]
    page = (tmp_path / "answers" / "index.html").read_text(encoding="utf-8")
    for text in (
        "lines/down.txt",
        "other points",
        "rising &amp; shining",
        "one note",
        f"slope: {up['answer']['slope']:.4g}",
    ):
        assert text in page
    assert page.count("data:image/png") == 2 and "toy_line_60" in page
    assert main(argv) == 2 and "answers is not empty" in capsys.readouterr().err


def test_answers_of_many_numbers_are_shown_by_their_range() -> None:
    row = {"input": "in/a.txt", "answer": {"clean": [[0.5, 2.0, -1.0], [0.0, 0.0, 0.25]]}}
    assert _shown(row) == ("a.txt", "clean (2 x 3 numbers from -1 to 2)")


def test_a_refusal_says_what_was_found() -> None:
    error = StemdlError("a line has other points", where="in/short.txt", expected=16, found=2, remedy="measure more")
    row = {"input": "in/short.txt", "refused": str(error)}
    assert _shown(row)[1] == "refused: a line has other points; expected: 16; found: 2"
    assert _remedies([row, {"input": "in/b.txt", "answer": {}}, row]) == ["what to do: measure more"]


def test_nothing_that_lies_in_the_folder_of_the_answers_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "up.png").write_text("a picture of mine")
    assert main(["evaluate", "run", "lines", "-o", str(tmp_path)]) == 2
    assert "not empty" in capsys.readouterr().err
    assert [each.read_text() for each in tmp_path.iterdir()] == ["a picture of mine"]


def test_the_command_that_was_interrupted_can_be_typed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from benchmark.cli import evaluate_command

    def interrupted(*_: object) -> Path:
        raise KeyboardInterrupt

    argv = ["evaluate", "run", "lines/up.txt", "-o", str(tmp_path / "answers")]
    with monkeypatch.context() as patched:
        patched.setattr(evaluate_command, "write_answers_page", interrupted)
        assert main(argv) == 130
    assert "interrupted; nothing is kept" in capsys.readouterr().err and not (tmp_path / "answers").exists()
    assert main(argv) == 0


def test_an_answer_without_finite_numbers_costs_no_other_input_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savetxt(tmp_path / "vast.txt", np.full(16, np.inf))
    argv = ["evaluate", "run", str(tmp_path / "vast.txt"), "lines/up.txt", "-o", str(tmp_path / "answers")]
    assert main([*argv, "--format", "json"]) == 1
    vast, up = json.loads(capsys.readouterr().out)
    assert "not finite" in vast["refused"] and "vast.txt" in vast["refused"] and "answer" in up


def test_options_go_to_the_reader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slopes = []
    for scale in ("1", "2"):
        output = tmp_path / scale
        argv = ["evaluate", "run", "lines/up.txt", "-o", str(output), "--no-pictures", "--set", f"scale={scale}"]
        assert main(argv) == 0
        said = capsys.readouterr().out
        assert "1 of 1 inputs answered" in said and re.search(r"up\.txt +slope -?\d\.\d+\n", said)
        assert [each.name for each in output.iterdir()] == ["answers.json"]
        slopes.append(json.loads((output / "answers.json").read_text())["inputs"][0]["answer"]["slope"])
    assert slopes[0] != slopes[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "lines", "--set", "scal=2"], "did you mean 'scale'?"),
        (["run", "lines", "--set", "scale"], "not key=value"),
        (["lines", "lines"], "there is no run here"),
        (["run", "lines", "--rung", "missing.yaml"], "missing.yaml"),
        (["run", "lines", "--trainer", "mine.py:make_task"], "another trainer"),
        (["run", "lines", "--calibrate", "missing"], "missing"),
        (["run", "lines", "gone.txt", "away"], "gone.txt, away: nothing is here"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    arguments: list[str], says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *arguments, "-o", str(tmp_path / "answers")]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "answers").exists()


@pytest.mark.parametrize("log", ["", "not a log\n"])
def test_a_log_without_a_rung_is_refused(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result_0.txt").write_text(log)
    assert main(["evaluate", str(tmp_path / "run"), "lines", "-o", str(tmp_path / "answers")]) == 2
    assert "run/result_0.txt: the log does not say which rung" in capsys.readouterr().err


def test_a_checkpoint_that_is_none_is_refused(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(place / "run", tmp_path / "run")
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"none")
    assert main(["evaluate", str(tmp_path / "run"), "lines", "-o", str(tmp_path / "answers")]) == 2
    assert "checkpoint cannot be read" in capsys.readouterr().err
