"""`stemdl rcp`: a file is made once, and shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.definition.scored import scored_benchmark
from benchmark.scoring import recording
from benchmark.scoring.reference_points import read_points
from benchmark.validation import judged_scores

RESULTS = Path(__file__).resolve().parents[3] / "results"


def test_the_points_of_a_benchmark(capsys: pytest.CaptureFixture[str]):
    assert main(["rcp", "show", "cosmoflow", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    points = read_points(scored_benchmark("cosmoflow").reference_points, 10)
    assert [row["batch_size"] for row in shown["points"]] == [32, 64, 128, 512, 1024]
    assert [row["fewest"] for row in shown["points"]] == [point.fewest for point in points.all]
    assert [row["batch_size"] for row in shown["points"] if row["pruned"]] == [64, 128]
    assert main(["rcp", "show", "cosmoflow"]) == 0
    assert "pruned" in capsys.readouterr().out


def test_what_has_no_points(capsys: pytest.CaptureFixture[str]):
    assert main(["rcp", "show", "cosmoflow", "--ruleset", "0.7.0"]) == 2
    assert main(["rcp", "show", "resnet"]) == 2
    assert "there are no reference points of resnet" in capsys.readouterr().err


def test_too_few_runs_leave_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    few = RESULTS / "reference" / "results" / "2-cores-x86-horovod"
    assert main(["rcp", "record", str(few), "-o", str(tmp_path / "points.json")]) == 2
    assert "too few reference runs" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "points.json").write_text("mine")
    assert main(["rcp", "record", str(RESULTS), "-o", str(tmp_path / "points.json")]) == 2
    assert "exists already" in capsys.readouterr().err and (tmp_path / "points.json").read_text() == "mine"


def test_a_link_that_leads_nowhere_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    link = tmp_path / "points.json"
    link.symlink_to(tmp_path / "elsewhere.json")
    assert main(["rcp", "record", str(RESULTS), "-o", str(link)]) == 2
    assert "exists already" in capsys.readouterr().err and link.is_symlink()


def test_runs_without_records_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    record = {"Benchmark": "stemdl_mini", "BS": 16, "Seeds": [1, 2], "Epochs to converge": [3, 4]}
    monkeypatch.setattr(recording, "record_points", lambda paths: {"a": record})
    monkeypatch.setattr(judged_scores, "require_kept", lambda paths: paths)
    assert main(["rcp", "record", str(tmp_path), "-o", str(tmp_path / "points.json"), "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"a": record}
    assert f"{tmp_path}: {judged_scores.UNRECORDED}" in said.err


def test_points_of_another_benchmark_are_not_shown(capsys: pytest.CaptureFixture[str]):
    points = str(scored_benchmark("deepcam").reference_points)
    assert main(["rcp", "show", "deepcam", "--points", points]) == 0
    assert main(["rcp", "show", "cosmoflow", "--points", points]) == 2
    assert "this reference point is of another benchmark" in capsys.readouterr().err
