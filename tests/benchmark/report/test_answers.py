"""The parts of a run's page that its task brings: known counts, real runs, and files of strangers."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli.main import main
from benchmark.data.manifest import read_manifest
from benchmark.definition.sample import Field, SampleSchema
from benchmark.metrics.confusion import Confusion
from benchmark.metrics.tallies import TALLIES, Tallies, read_tallies, write_tallies
from benchmark.report.answers import answers_of
from benchmark.report.confused import confused_parts, most_confused

COUNTS = [[8, 2, 0], [0, 5, 5], [0, 0, 0]]
PICTURE = (Field("x", (2,)),)


def of_groups(folder: Path, counts: list[list[int]], *splits: str) -> float:
    """Leave counts of a run on space groups; their macro-F1."""
    labels = tuple(map(str, (2, 14, 225)[: len(counts)]))
    schema = SampleSchema(PICTURE, (Field("space_group", (), "int64"),), classes={"space_group": labels})
    tally = np.append(np.array(counts).ravel(), np.sum(counts))
    write_tallies(folder, Tallies(schema, dict.fromkeys(splits, tally)))
    return Confusion(np.array(counts)).macro_f1()


def test_the_classes_and_the_pairs_of_known_counts() -> None:
    matrix, pairs = confused_parts(Confusion(np.array(COUNTS)), ("2", "14", "225"))
    assert matrix.rows == (("14", 10, 0.5, 5 / 7, 10 / 17), ("2", 10, 0.8, 1.0, 16 / 18)), "the worst first"
    assert pairs.rows == (("14", "225", 5, 0.5, 0), ("2", "14", 2, 0.2, 0))
    assert pairs.said == "7 of 20 samples were taken for another class; these pairs have 7 of them."
    assert matrix.chart.count("<rect") == 4 and "14 taken for 225: 5 of 10" in matrix.chart


def test_a_matrix_of_many_classes_stays_drawable() -> None:
    counts = np.random.default_rng(1).integers(0, 3, (230, 230))
    matrix, pairs = confused_parts(Confusion(counts), [f"<b>{each}" for each in range(230)])
    assert matrix.chart.count("<rect") == 6_000 and len(matrix.rows) == 230 and len(pairs.rows) == 20
    assert "<b>" not in matrix.chart


def test_counts_are_shown_where_they_come_to_what_the_log_says(tmp_path: Path) -> None:
    value = of_groups(tmp_path, COUNTS, "dev", "test")
    dev, test = answers_of(tmp_path / "result_0.txt", "stemdl_mini", {"dev": value, "test": value + 1e-12})
    assert [part.title for part in dev.parts] == ["Found classes", "Most confused"] and not dev.problem
    assert dev.parts[0].rows[0][0] == "14 P21/c", "a group is named"
    assert test.parts == () and "the log says" in test.problem
    assert answers_of(tmp_path / "result_0.txt", "no_such_rung", {"dev": value}) == []
    assert answers_of(tmp_path / "nowhere" / "result_0.txt", "stemdl_mini", {"dev": value}) == []


def test_powder_and_density_show_theirs(tmp_path: Path) -> None:
    classes = {"extinction_group": ("a", "b", "c"), "part": ("balanced", "natural")}
    targets = tuple(Field(name, (), "int64") for name in classes)
    balanced = [5, 8, 9, 10, *(5, 0, 0), *(5, 3, 2), *(8, 1, 1)]  # of each class right, predicted and there
    natural = [1, 1, 2, 4, *(0, 1, 0), *(2, 2, 0), *(0, 4, 0)]
    counted = np.array([*balanced, *natural, 14])
    write_tallies(tmp_path, Tallies(SampleSchema(PICTURE, targets, classes=classes), {"dev": counted}))
    (dev,) = answers_of(tmp_path / "result_0.txt", "powder_mini", {"dev": 0.5})
    assert dev.parts[0].columns == ("part", "samples", "top-1", "top-3", "top-5", "macro-F1")
    assert dev.parts[0].rows == (
        ("balanced", 10, 0.5, 0.8, 0.9, pytest.approx(10 / 13 / 3)),
        ("natural", 4, 0.25, 0.25, 0.5, pytest.approx(2 / 6)),
    )
    schema = SampleSchema(PICTURE, (Field("density", (4, 4)),))
    write_tallies(tmp_path, Tallies(schema, {"test": np.array([2**32, 4])}))
    (test,) = answers_of(tmp_path / "result_0.txt", "density_mini", {"test": 0.5})
    assert test.parts[0].rows == ((4, 0.5, 0.75),)


def of_smoke(folder: Path, wrong: list[tuple[int, int, int]], smoke_data: Path) -> Confusion:
    """Leave counts of a run on the smoke rung: (class, taken for, how often), by index, and ten of each right."""
    schema = read_manifest(smoke_data).schema
    classes = len(schema.classes["space_group"])
    counts = np.diag([10] * classes)
    for row, column, number in wrong:
        counts[row, column] += number
    write_tallies(folder, Tallies(schema, {"test": np.append(counts.ravel(), counts.sum())}))
    return Confusion(counts)


def test_each_pair_is_shown_once_as_it_was_confused_most() -> None:
    counts = Confusion(np.array([[9, 1, 0], [3, 5, 2], [0, 0, 4]]))
    assert most_confused(counts) == [(1, 0), (1, 2)]


def test_confused_groups_are_shown_side_by_side_where_the_data_are_at_hand(tmp_path: Path, smoke_data: Path) -> None:
    manifest = read_manifest(smoke_data)
    value = of_smoke(tmp_path, [(0, 1, 3), (1, 0, 1), (4, 2, 2)], smoke_data).macro_f1()
    (test,) = answers_of(tmp_path / "result_0.txt", "stemdl_smoke", {"test": value}, manifest)
    examples = test.parts[-1]
    one, two = re.search('alt="(.*)"', str(examples.chart))[1].split("; ")
    groups = manifest.schema.classes["space_group"]
    assert re.findall(r"\((\d+)\)", one) == [groups[0], groups[1]]
    assert re.findall(r"\((\d+)\)", two) == [groups[4], groups[2]]
    png = base64.b64decode(re.search('base64,([^"]*)', str(examples.chart))[1])
    assert png.startswith(b"\x89PNG") and len(png) < 400_000


def test_where_nothing_is_confused_or_a_group_has_no_sample_the_page_has_the_rest(
    tmp_path: Path, smoke_data: Path
) -> None:
    manifest = read_manifest(smoke_data)
    value = of_smoke(tmp_path, [], smoke_data).macro_f1()
    (test,) = answers_of(tmp_path / "result_0.txt", "stemdl_smoke", {"test": value}, manifest)
    assert len(test.parts) == 2 and not test.problem
    value = of_smoke(tmp_path, [(0, 1, 3)], smoke_data).macro_f1()
    without = replace(manifest, shards=())
    (test,) = answers_of(tmp_path / "result_0.txt", "stemdl_smoke", {"test": value}, without)
    assert len(test.parts) == 2 and "a group has no sample in test" in test.problem


def test_two_data_sets_of_one_rung_are_refused(
    smoke_run: Path, smoke_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = ["--data", str(smoke_data), str(smoke_data)]
    assert main(["report", str(smoke_run), "-o", str(tmp_path / "site"), *given]) == 2
    assert "two data sets are of stemdl_smoke" in capsys.readouterr().err and not (tmp_path / "site").exists()
    assert main(["report", str(smoke_run), "-o", str(tmp_path / "site"), *given[:2]]) == 0


def test_data_of_another_rung_or_of_another_making_are_not_shown_in_silence(
    smoke_run: Path, smoke_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    other = shutil.copytree(smoke_data, tmp_path / "other")
    values = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps(values, indent=3))
    argv = ["report", str(smoke_run), "-o", str(tmp_path / "site"), "--data", str(other)]
    assert main(argv) == 0
    (page,) = (tmp_path / "site" / "runs").iterdir()
    assert "has other data than the run" in page.read_text()
    (other / "manifest.json").write_text(json.dumps({**values, "rung": "stemdl_mini"}))
    assert main(argv) == 2 and "no run here is of stemdl_mini" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "[" * 5000,
        '{"format": 1, "schema": {}, "splits": {}}',
        json.dumps({"format": 1, "splits": {"dev": [1, 2]}, "schema": SampleSchema(PICTURE, ()).to_json()}),
    ],
)
def test_a_stranger_s_file_stops_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / TALLIES).write_text(text)
    (found,) = answers_of(tmp_path / "result_0.txt", "stemdl_mini", {"dev": 0.5})
    assert found.parts == () and TALLIES in found.problem


@pytest.mark.parametrize("counts", [[[-1, 2], [3, 4]], [[0, 0], [0, 0]]])
def test_counts_that_are_none_are_not_shown(tmp_path: Path, counts: list[list[int]]) -> None:
    of_groups(tmp_path, [[1, 0], [0, 1]], "dev")
    values = json.loads((tmp_path / TALLIES).read_text())
    values["splits"]["dev"] = [*np.ravel(counts).tolist(), 1]
    (tmp_path / TALLIES).write_text(json.dumps(values))
    (found,) = answers_of(tmp_path / "result_0.txt", "stemdl_mini", {"dev": 1.0})
    assert found.parts == () and found.problem


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / TALLIES)
    (found,) = answers_of(tmp_path / "result_0.txt", "stemdl_mini", {"dev": 1.0})
    assert "not a regular file" in found.problem


def test_a_run_s_page_shows_what_it_answered(smoke_run: Path, tmp_path: Path) -> None:
    assert main(["report", str(smoke_run), "-o", str(tmp_path / "site")]) == 0
    (page,) = (tmp_path / "site" / "runs").iterdir()
    text = page.read_text()
    assert re.findall("<h2>(.*, .* split)</h2>", text) == [
        "Found classes, dev split",
        "Most confused, dev split",
        "Found classes, test split",
        "Most confused, test split",
    ]
    counted, record = read_tallies(smoke_run / TALLIES), json.loads((smoke_run / "run.json").read_text())
    classes = len(counted.schema.classes["space_group"])
    of_test = Confusion(counted.splits["test"][:-1].reshape(classes, classes))
    assert of_test.macro_f1() == record["test"] and "it is not shown" not in text
