"""Rows of made trees, with scores that were worked out by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from rows import only

from benchmark.definition import scored
from benchmark.foundation.files import sha256_of_file
from benchmark.scoring.details import details
from benchmark.scoring.score import score_paths


def state_of(folder: Path) -> dict[str, tuple[str, int]]:
    return {str(path): (sha256_of_file(path), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_a_strong_row(write_set, tmp_path: Path):
    write_set(
        [60, 66, 72, 90, 61], benchmark="deepcam", metric="eval_accuracy", reached=0.83, missed=0.1, division="open"
    )
    before = state_of(tmp_path)
    row = only(tmp_path)
    assert (row.submitter, row.system, row.scaling, row.benchmark, row.division, row.runs) == (
        "Somewhere",
        "machine",
        "strong",
        "deepcam",
        "open",
        5,
    )
    assert row.raw_minutes == row.score_minutes == pytest.approx((61 + 66 + 72) / 3 / 60)
    assert (row.models, row.accelerators_per_model, row.total_minutes, row.models_per_hour) == (None,) * 4
    assert row.complete and not row.warnings and row.verdict is None
    assert only(tmp_path) == row and state_of(tmp_path) == before  # nothing is written, and nothing remembered


def test_a_weak_row(write_set, tmp_path: Path):
    write_set([60] * 10, scaling="weak", start_ms=[1_000_000 + 3_000 * number for number in range(10)], epochs=23)
    row = only(tmp_path)
    assert (row.runs, row.models, row.accelerators_per_model) == (10, 10, 8)
    assert row.total_minutes == pytest.approx((27 + 60) / 60) and row.models_per_hour == pytest.approx(600 / 1.45)
    assert row.raw_minutes is None and row.score_minutes is None and row.verdict.passed


def test_one_run_that_did_not_converge_is_the_slowest(write_set, tmp_path: Path):
    folder = write_set(
        [60, 66, 72, 90, 61],
        benchmark="deepcam",
        metric="eval_accuracy",
        reached=0.83,
        missed=0.1,
        division="open",
        status=["success", "success", "success", "success", "aborted"],
    )
    row = only(tmp_path)
    assert row.runs == 5 and row.raw_minutes == pytest.approx((66 + 72 + 90) / 3 / 60)
    assert row.warnings == ("result_4.txt: the run ended with status 'aborted', not 'success'",)
    (folder / "result_0.txt").write_bytes(b":::MLLOG {")
    row = only(tmp_path)
    assert row.score_minutes is None and not row.complete and "2 of 5 runs do not count" in row.warnings[-1]


def test_too_few_runs_have_no_score(write_set, tmp_path: Path):
    write_set([60, 66, 72, 90], division="open")
    row = only(tmp_path)
    assert row.raw_minutes == pytest.approx(69 / 60) and row.score_minutes is None
    assert row.warnings == ("a score needs 10 runs, and here are 4",)


def test_of_more_runs_the_median_window_counts_in_the_order_of_time(write_set, tmp_path: Path):
    starts = [6, 5, 4, 3, 2, 1, 0]  # the files are numbered against the time
    write_set(
        [95, 70, 69, 68, 67, 66, 10],
        benchmark="deepcam",
        metric="eval_accuracy",
        reached=0.83,
        missed=0.1,
        division="open",
        start_ms=[1_000_000 + 200_000 * start for start in starts],
    )
    row = only(tmp_path)
    assert row.runs == 7 and row.raw_minutes == pytest.approx((67 + 68 + 69) / 3 / 60)
    assert [run.log.name for run in row.counted] == [f"result_{number}.txt" for number in (5, 4, 3, 2, 1)]
    assert "more than 5 runs" in row.warnings[0]


def test_a_median_window_without_a_mean_has_no_score(write_set, tmp_path: Path):
    write_set(
        [60, 61, 62, 63, 64, 65, 66],
        benchmark="deepcam",
        metric="eval_accuracy",
        reached=0.83,
        missed=0.1,
        division="open",
        status=["success"] * 5 + ["aborted"] * 2,
    )
    row = only(tmp_path)
    assert row.raw_minutes == pytest.approx((62 + 63 + 64) / 3 / 60)  # 61 to 65: one did not converge
    write_set(
        [60, 61, 62, 63, 64, 65, 66],
        benchmark="deepcam",
        metric="eval_accuracy",
        reached=0.83,
        missed=0.1,
        division="open",
        status=["success"] * 4 + ["aborted"] * 2 + ["success"],
    )
    row = only(tmp_path)
    assert row.raw_minutes is None and "2 of 5 runs do not count" in row.warnings[-1]


def test_logs_that_disagree_have_no_score(write_set, tmp_path: Path):
    write_set([60.0 + number for number in range(10)], system="a", division=["closed"] * 9 + ["open"])
    write_set([60.0] * 10, system="b", scaling="weak", nodes=[2] * 9 + [4])
    write_set([60.0 + number for number in range(10)], system="c", batch_size=[512] * 9 + [1024], epochs=23)
    write_set(
        [60.0 + number for number in range(10)],
        system="d",
        benchmark="deepcam",
        metric="eval_accuracy",
        reached=0.9,
        division="open",
    )
    (tmp_path / "tree" / "Somewhere" / "results" / "d" / "strong" / "deepcam").rename(
        tmp_path / "tree" / "Somewhere" / "results" / "d" / "strong" / "openfold"
    )
    a, b, c, d = score_paths([tmp_path])
    assert a.division is None and a.score_minutes is None and "one division" in a.warnings[0]
    assert b.total_minutes is None and b.accelerators_per_model is None and "different scales: 16, 8" in b.warnings[0]
    assert c.verdict is None and "one global_batch_size, and log 1024, 512" in c.warnings[0]
    assert d.score_minutes is None and "the log is of 'deepcam', not of 'openfold'" in d.warnings[0]


def test_without_epoch_num_there_is_no_convergence_test(write_set, tmp_path: Path):
    for log in write_set([60.0 + number for number in range(10)], epochs=10).iterdir():
        log.write_text(log.read_text().replace("epoch_num", "epoch"))
    row = only(tmp_path)
    assert row.verdict is None and row.warnings == ("no convergence test: the evaluations must log their epoch_num",)


def test_a_run_counts_once(write_set, tmp_path: Path):
    folder = write_set([60, 61, 62, 63, 64], benchmark="deepcam", metric="eval_accuracy", reached=0.83, missed=0.1)
    shutil.copy(folder / "result_0.txt", folder / "result_4.txt")
    shutil.copy(folder / "result_0.txt", folder / "result_3.txt")
    row = only(tmp_path)
    assert row.score_minutes is None
    assert row.warnings[:2] == (
        "result_3.txt: this is the run of result_0.txt again",
        "result_4.txt: this is the run of result_0.txt again",
    )


def test_runs_of_ours_need_seeds_of_their_own(write_set, tmp_path: Path):
    ours = {"metric": "eval_accuracy", "reached": 0.91, "missed": 0.5, "benchmark": "stemdl_mini", "division": "open"}
    write_set([60, 61, 62, 63, 64], system="fresh", **ours)
    write_set([60, 61, 62, 63, 64], system="again", seed=[1, 2, 3, 4, 1], **ours)
    again, fresh = score_paths([tmp_path])
    assert fresh.score_minutes == pytest.approx(62 / 60) and not fresh.warnings
    assert again.score_minutes is None and "same seed" in again.warnings[0]


def test_a_closed_row_of_ours_is_held_to_the_recorded_reference(write_set, tmp_path: Path):
    ours = {"metric": "eval_accuracy", "reached": 0.91, "missed": 0.5, "benchmark": "stemdl_mini", "batch_size": 32}
    write_set([60, 61, 62, 63, 64], system="fair", epochs=3, **ours)
    write_set([60, 61, 62, 63, 64], system="too_soon", epochs=2, **ours)
    fair, too_soon = score_paths([tmp_path])
    assert fair.factor == fair.verdict.point.mean / 3 > 1 and not fair.warnings
    assert not too_soon.verdict.passed and "the convergence test fails" in too_soon.warnings[0]


def test_runs_that_lie_outside_a_submission(write_log, tmp_path: Path):
    for number in range(5):
        write_log(
            tmp_path / "runs" / "a-set" / f"run_{number}" / f"result_{number}.txt",
            benchmark="stemdl_smoke",
            metric="eval_accuracy",
            reached=0.95,
            division="open",
            seed=number,
            run_ms=60_000 + 1_000 * number,
        )
    row = only(tmp_path)
    assert (row.submitter, row.system, row.benchmark, row.score_minutes) == (
        "Somewhere",
        "a-set",
        "stemdl_smoke",
        pytest.approx(62 / 60),
    )


def test_a_benchmark_is_added_by_a_file(write_set, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_set([60, 61, 62], benchmark="newbench", metric="loss", reached=0.5, missed=0.9, epochs=5)
    row = only(tmp_path)
    assert row.score_minutes is None and "this ruleset has no newbench" in row.warnings[0]
    definitions = tmp_path / "definitions"
    definitions.mkdir()
    (definitions / "newbench.yaml").write_text(
        "name: newbench\nmetric: {log_key: loss, at_most: 0.6}\n"
        "rulesets:\n  3.0.0: {runs: 3, reference_points: {file: points.json}}\n"
    )
    (definitions / "points.json").write_text(
        json.dumps({"a": {"Benchmark": "newbench", "BS": 512, "Epochs to converge": [5, 5, 6, 6, 7, 7]}})
    )
    monkeypatch.setattr(scored, "SCORED", definitions)
    row = only(tmp_path)
    assert row.verdict.passed and row.factor == 6 / 5 and row.score_minutes == pytest.approx(61 / 60 * 1.2)


def test_what_stands_behind_a_score(write_set, tmp_path: Path):
    folder = write_set(
        [60, 66, 72, 90, 61],
        benchmark="deepcam",
        metric="eval_accuracy",
        reached=0.83,
        missed=0.1,
        division="open",
        epochs=4,
    )
    for number, watts in enumerate([100, 200, 300, 400, 500]):
        node = folder / "power" / f"result_{number}" / "node_0.txt"
        node.parent.mkdir(parents=True)
        node.write_text(
            "".join(
                ":::MLLOG "
                + json.dumps(
                    {"time_ms": time_ms, "event_type": "POINT_IN_TIME", "key": key, "value": value, "metadata": {}}
                )
                + "\n"
                for time_ms, key, value in ((0, "power_measurement_start", None), (1000, "power_reading", watts))
            )
        )
    behind = details(only(tmp_path))
    low, high = behind["interval_minutes"]
    assert 1.0 <= low < 199 / 180 < high <= 1.5
    assert behind["epochs_to_target"] == 4 and behind["global_batch_size"] == 512
    assert behind["compute_minutes"] == pytest.approx(349 / 300 * 0.75, rel=1e-4)
    assert behind["evaluation_minutes"] == pytest.approx(349 / 300 * 0.25, rel=1e-4)
    # the runs of 66, 72 and 61 s, as in the score, whatever their energy
    assert behind["energy_joules"] == pytest.approx((66 * 200 + 72 * 300 + 61 * 500) / 3)
    (folder / "power" / "result_1" / "node_0.txt").write_text("nothing")
    behind = details(only(tmp_path))
    assert behind["energy_joules"] is None and "no reading" in behind["warnings"][-1]
