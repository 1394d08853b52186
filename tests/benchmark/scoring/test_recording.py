"""Reference points from runs: what is refused, and that mlperf-logging's own checker reads the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.definition.finder import find_task, load_benchmark
from benchmark.definition.scored import REFERENCE_POINTS, scored_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.scoring.recording import record_points
from benchmark.scoring.reference_points import read_points

OURS = {"benchmark": "stemdl_mini", "metric": "eval_accuracy", "reached": 0.91, "missed": 0.5}

POINTS = find_task("space_group").folder / REFERENCE_POINTS


@pytest.fixture
def write_runs(tmp_path: Path, write_log):
    """`write_runs(batch_size, number, change, odd)`: reference runs; `change` is what differs in the `odd` one, which
    is the last unless another is named."""

    def write(batch_size: int, number: int, change: dict[str, Any] | None = None, odd: int = -1) -> Path:
        for index in range(number):
            write_log(
                tmp_path / f"set_{batch_size}" / f"run_{index}" / f"result_{index}.txt",
                **{
                    **OURS,
                    "batch_size": batch_size,
                    "seed": index,
                    "epochs": 3 + index % 3,
                    "start_ms": 10_000_000 * (number - index),
                    **((change or {}) if index == odd % number else {}),
                },
            )
        return tmp_path / f"set_{batch_size}"

    return write


def test_points_in_the_order_of_batch_size_and_runs_in_that_of_time(write_runs, tmp_path: Path):
    records = record_points([write_runs(64, 10), write_runs(16, 12)])
    assert list(records) == ["stemdl_mini_ref_16", "stemdl_mini_ref_64"]
    record = records["stemdl_mini_ref_64"]
    assert record["Epochs to converge"] == [3 + index % 3 for index in reversed(range(10))]
    assert record["Seeds"] == [str(index) for index in reversed(range(10))]
    assert record["Hyperparams"]["opt_name"] == "sgd" and record["Hyperparams"]["global_batch_size"] == 64
    assert record["When"] == "1970-01-01"
    (tmp_path / "points.json").write_text(json.dumps(records))
    assert [point.batch_size for point in read_points(tmp_path / "points.json", 5).all] == [16, 64]


@pytest.mark.parametrize(
    ("number", "change", "says"),
    [
        (9, {}, "too few reference runs at batch size 16"),
        (10, {"seed": 3}, "have one seed"),
        (10, {"status": "aborted"}, "must converge"),
        (10, {"reached": 0.89}, "must converge"),
        (10, {"batch_size": None}, "must log its global_batch_size"),
        (10, {"benchmark": "stemdl_smoke"}, "of one benchmark"),
        (10, {"more": (("opt_base_learning_rate", 0.2),)}, "must agree on opt_base_learning_rate at batch size 16"),
        (10, {"more": (("data_recipe_sha256", "x"),)}, "must agree on data_recipe_sha256"),
        (10, {"more": (("data_manifest_sha256", "x"),)}, "must agree on data_manifest_sha256"),
        (10, {"more": (("data_partition", "x"),)}, "must agree on data_partition"),
        (10, {"division": "open"}, "must agree on submission_division"),
        (10, {"more": (("config", {"symmetry": True}),)}, "must agree on the setting symmetry at batch size 16"),
    ],
)
def test_runs_that_are_no_reference_are_refused(write_runs, number: int, change: dict[str, Any], says: str):
    with pytest.raises(StemdlError) as caught:
        record_points([write_runs(16, number, change)])
    assert says in str(caught.value)


def test_runs_may_differ_in_what_changes_no_result(write_runs, tmp_path: Path):
    said = {"org": "Elsewhere", "ranks": 4, "launcher": "srun", "threads_per_rank": 2, "check_hashes": True}
    (record,) = record_points([write_runs(16, 10, {"more": (("config", said),)})]).values()
    assert len(record["Seeds"]) == 10


@pytest.mark.parametrize(
    "change",
    [
        {"benchmark": "stemdl_smoke"},
        {"benchmark": None},
        {"seed": 3},
        {"status": "aborted"},
        {"more": (("submission_github_commit_version", "x"),)},
        {"more": (("opt_name", "lamb"),)},
    ],
)
def test_the_log_that_differs_from_the_others_is_named(write_runs, change: dict[str, Any]):
    folder = write_runs(16, 10, change, odd=2)  # which began after run_3, whose seed is 3 as well
    with pytest.raises(StemdlError) as caught:
        record_points([folder])
    assert caught.value.where == folder / "run_2" / "result_2.txt"


def test_an_empty_log_is_named(write_runs):
    folder = write_runs(16, 10)
    log = folder / "run_7" / "result_7.txt"
    log.write_text("")
    with pytest.raises(StemdlError, match="one benchmark") as caught:
        record_points([folder])
    assert (caught.value.where, caught.value.found) == (log, "not said")
    assert caught.value.expected == "stemdl_mini, as in 9 of 10 logs" and "leave it out" in caught.value.remedy


def test_the_shipped_points_are_of_the_rung_as_it_is():
    shipped = sorted(POINTS.parents[1].glob(f"*/{POINTS.name}/*.json"))
    assert POINTS / "stemdl_mini.json" in shipped
    for path in shipped:
        benchmark = load_benchmark(path.parents[1].name)
        rung = benchmark.rung(path.stem)
        records = json.loads(path.read_text())
        assert records
        for name, record in records.items():
            assert record["Data recipe"] == rung.recipe_sha256, f"{path}: {name} is of other data: record it again"
            assert len(set(record["Seeds"])) == len(record["Epochs to converge"]) >= 2 * benchmark.runs
        assert scored_benchmark(rung.name).reference_points == path


def test_the_official_checker_reads_the_shipped_points(monkeypatch: pytest.MonkeyPatch):
    from mlperf_logging.rcp_checker import rcp_checker

    monkeypatch.setitem(rcp_checker.submission_runs["hpc"], "stemdl_mini", 5)
    path = POINTS / "stemdl_mini.json"
    with open(path) as handle:
        theirs = rcp_checker.RCP_Checker("hpc", "3.0.0", "stemdl_mini", False, handle)
    ours = read_points(path, 5)
    assert [(point.batch_size, point.mean, point.fewest) for point in ours.all] == [
        (record["BS"], record["RCP Mean"], record["Min Epochs"]) for record in theirs.rcp_data.values()
    ]
