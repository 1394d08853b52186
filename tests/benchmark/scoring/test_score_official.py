"""Scores that lean on others: convergence of the reference, MLCommons' own tool, published tables."""

from __future__ import annotations

import csv
import json
import random
import shutil
import tarfile
from pathlib import Path

import pytest
from rows import only

from benchmark.scoring.score import score_paths

SYSTEM = dict.fromkeys(
    (
        "division",
        "status",
        "submitter",
        "system_name",
        "number_of_nodes",
        "host_processor_model_name",
        "host_processor_core_count",
        "host_processors_per_node",
        "accelerator_model_name",
        "accelerators_per_node",
        "framework",
        "hw_notes",
        "sw_notes",
    ),
    "1",
)


COSMOFLOW_EPOCHS = [21, 22, 22, 23, 23, 23, 23, 23, 23, 24]  # a little sooner than the reference at 512 samples


def test_a_closed_row_is_normalised(write_set, tmp_path: Path):
    write_set([60.0 + number for number in range(10)], epochs=COSMOFLOW_EPOCHS)
    row = only(tmp_path)
    assert row.verdict.match == "found" and row.verdict.passed
    assert row.factor == row.verdict.point.mean / 22.75 and row.score_minutes == row.raw_minutes * row.factor


def test_each_round_has_points_of_its_own(write_set, tmp_path: Path):
    write_set(
        [60, 61, 62, 63, 64],
        benchmark="deepcam",
        metric="eval_accuracy",
        reached=0.83,
        missed=0.1,
        epochs=8,
        batch_size=128,
    )
    newest, first, before = (only(tmp_path, ruleset=ruleset) for ruleset in ("3.0.0", "1.0.0", "0.7.0"))
    assert newest.verdict.passed and newest.verdict.point.mean < 8
    assert not first.verdict.passed and first.verdict.point.mean == 9
    assert before.verdict is None and before.score_minutes == pytest.approx(62 / 60)


def test_a_row_much_sooner_than_the_reference_says_so(write_set, tmp_path: Path):
    write_set([60.0 + number for number in range(10)], epochs=10)
    row = only(tmp_path)
    assert not row.verdict.passed and row.score_minutes == row.raw_minutes
    assert "the convergence test fails: 10 epochs" in row.warnings[0]
    assert only(tmp_path, statistics_of="rules").verdict.point.fewest > row.verdict.point.fewest


@pytest.mark.parametrize(
    ("division", "epochs", "text", "factor", "says"),
    [
        ("open", 23, '{"scaling_factor": 1.5}', 1.5, None),
        ("open", 23, '{"scaling_factor": 0.5}', 1.0, "would improve the score"),
        ("open", 23, '{"scaling_factor": "1.5"}', 1.0, "cannot be read"),
        ("open", 23, "[" * 5000, 1.0, "cannot be read"),
        ("open", 23, "{}", 1.0, "cannot be read"),
        ("closed", 24, '{"scaling_factor": 1.5}', 1.0, "the convergence test says 1, which counts"),
        ("closed", 10, '{"scaling_factor": 1.5}', 1.5, "the convergence test fails"),
    ],
)
def test_a_shipped_factor(write_set, tmp_path: Path, division, epochs, text, factor, says):
    folder = write_set([60.0 + number for number in range(10)], division=division, epochs=epochs)
    (folder / "scaling.json").write_text(text)
    row = only(tmp_path)
    assert row.factor == factor and row.score_minutes == row.raw_minutes * factor
    assert (not row.warnings) if says is None else any(says in warning for warning in row.warnings)


@pytest.mark.parametrize("seed", range(3))
def test_the_official_tool_says_the_same_the_second_time(write_set, tmp_path: Path, monkeypatch, seed: int):
    from mlperf_logging.result_summarizer.result_summarizer import summarize_results

    monkeypatch.chdir(tmp_path)
    draw = random.Random(seed)

    def seconds(number: int) -> list[float]:
        return [draw.randint(60_000, 99_000) / 1000 for _ in range(number)]

    sooner = [epoch - seed for epoch in COSMOFLOW_EPOCHS]
    write_set(seconds(10), system="strong", epochs=sooner, batch_size=512 + 100 * seed)
    write_set(seconds(10), system="open", division="open", epochs=sooner)
    write_set(
        seconds(12),
        system="weak",
        scaling="weak",
        nodes=3,
        start_ms=[draw.randint(1_000_000, 1_020_000) for _ in range(12)],
    )
    submission = tmp_path / "tree" / "Somewhere"
    (submission / "systems").mkdir()
    for system in ("strong", "open", "weak"):
        (submission / "systems" / f"{system}.json").write_text(
            json.dumps(SYSTEM | {"division": "open" if system == "open" else "closed", "system_name": system})
        )
    ours = {row.system: row for row in score_paths([tmp_path / "tree"])}
    copy = shutil.copytree(submission, tmp_path / "official" / "Somewhere")
    summarize_results(str(copy), "hpc", "3.0.0")  # writes the files that it then reads
    strong, weak, _, _ = summarize_results(str(copy), "hpc", "3.0.0")
    theirs = strong.set_index("system")["cosmoflow"]
    assert ours["strong"].score_minutes == pytest.approx(theirs["strong"], rel=1e-14)
    assert ours["open"].score_minutes == pytest.approx(theirs["open"], rel=1e-14)
    (row,) = weak.to_dict("records")
    assert (row["cosmoflow:time_to_train_all"], row["cosmoflow:number_of_models"], row["cosmoflow:instance_scale"]) == (
        ours["weak"].total_minutes,
        ours["weak"].models,
        ours["weak"].accelerators_per_model,
    )
    assert ours["strong"].factor > 1 or not ours["strong"].verdict.passed


@pytest.mark.realdata
def test_the_published_results_of_mlperf_hpc_3(tmp_path: Path):
    published = Path(__file__).resolve().parents[4] / "shared" / "data" / "mlperf_hpc_v3.0"
    if not (published / "results.tar.xz").is_file():
        pytest.skip("the published results are not there")
    with tarfile.open(published / "results.tar.xz") as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python has it since 3.11.4
        archive.extractall(tmp_path)
    with open(published / "official_scores.csv", newline="") as handle:
        expected = {
            (row["submitter"], row["system"], row["scaling"], row["benchmark"]): row for row in csv.DictReader(handle)
        }
    rows = {(row.submitter, row.system, row.scaling, row.benchmark): row for row in score_paths([tmp_path])}
    assert rows.keys() == expected.keys() and len(rows) == 22
    for name, row in rows.items():
        theirs = {
            key: float(value) if value else None
            for key, value in expected[name].items()
            if key not in ("submitter", "system", "scaling", "benchmark")
        }
        assert row.runs == theirs["runs"], name
        assert (row.models, row.accelerators_per_model, row.total_minutes) == (
            theirs["official_number_of_models"],
            theirs["official_instance_scale"],
            theirs["official_time_to_train_all"],
        ), name
        if row.scaling == "strong":
            assert row.raw_minutes == pytest.approx(theirs["olympic_mean_minutes"], rel=1e-9), name
            assert row.score_minutes == pytest.approx(theirs["official_minutes_pass2"], rel=1e-14), name
