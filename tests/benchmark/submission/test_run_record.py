"""A run's record: every figure is the log's, and only a whole, unbroken run on the rung's own data can be scored."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.manifest import Manifest
from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import CONFIG, RunRequest
from benchmark.events import keys
from benchmark.events.log import EventLog
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import sha256_of_file
from benchmark.launch.rank import ALONE
from benchmark.submission.run_record import CRASHED, read_run, stored_runs, summarise_set, write_run_record

RANK = dataclasses.replace(ALONE, size=4, local_size=2, launcher="srun")


def request_in(folder: Path, index: int = 0) -> RunRequest:
    benchmark = load_benchmark("space_group")
    return RunRequest(benchmark, benchmark.rung("stemdl_smoke"), Path("data"), folder, index=index)


def write_log(request: RunRequest, *, status: str | None = keys.SUCCESS, resumed: bool = False, standard: bool = True):
    with EventLog(request.log, 0, lambda: None) as log:
        log.point(keys.SUBMISSION_DIVISION, "closed")
        log.point(keys.SUBMISSION_GITHUB_COMMIT_VERSION, "a" * 40)
        log.point(keys.CONFIG, {"org": "Somewhere", "status": "onprem", "platform": "Machine"})
        log.point(keys.VERSIONS, {"torch": "2.2"})
        if resumed:
            log.point(keys.RESUMED, 1)
        for key, value in {
            keys.SEED: 11,
            keys.GLOBAL_BATCH_SIZE: 64,
            keys.NUMBER_OF_NODES: 2,
            keys.ACCELERATORS_PER_NODE: 2,
            keys.DATA_STANDARD: standard,
            keys.TRAIN_SAMPLES: 200,
            keys.EVAL_SAMPLES: 60,
        }.items():
            log.point(key, value)
        log.start("run")
        for epoch, f1 in ((1, 0.5), (2, 0.91)):
            with log.interval("epoch", epoch_num=epoch):
                pass
            log.point(keys.EVAL_ACCURACY, f1, epoch_num=epoch)
        if status:
            log.stop("run", status=status)
        log.point(keys.TEST_F1_MACRO, 0.88)


def record_of(folder: Path, **options: object) -> dict:
    request = request_in(folder)
    write_log(request, **options)
    manifest = Manifest(folder, "stemdl_smoke", True, "r" * 64, "m" * 64, (2, 62), {}, (), {})
    return write_run_record(request, manifest, RANK)


def test_every_field_is_the_log_s(tmp_path: Path):
    record = record_of(tmp_path)
    log = tmp_path / "result_0.txt"
    events = [json.loads(line[8:]) for line in log.read_text().splitlines()]
    times = {event["key"]: event["time_ms"] for event in events}
    seconds = (times["run_stop"] - times["run_start"]) / 1000
    assert record["time_to_train_seconds"] == seconds
    expected = {
        "benchmark": "stemdl",
        "rung": "stemdl_smoke",
        "index": 0,
        "status": "success",
        "format": 2,
        "metric": "macro-F1",
        "reaches": "at_least",
        "target": 0.9,
        "low": 0.0,
        "high": 1.0,
        "epochs": 2,
        "evaluations": {"1": 0.5, "2": 0.91},
        "test": 0.88,
        "global_batch_size": 64,
        "ranks": 4,
        "launcher": "srun",
        "seed": 11,
        "commit": "a" * 40,
        "division": "closed",
        "resumed": False,
        "scorable": True,
        "versions": {"torch": "2.2"},
        "log": {"name": "result_0.txt", "sha256": sha256_of_file(log)},
        "data": {
            "folder": "data",
            "manifest_sha256": "m" * 64,
            "recipe_sha256": "r" * 64,
            "standard": True,
            "recognised": None,
            "train_samples": 200,
            "eval_samples": 60,
        },
    }
    assert {key: record[key] for key in expected} == expected
    assert json.loads((tmp_path / "run.json").read_text()) == record == read_run(tmp_path).record
    system = json.loads((tmp_path / "system.json").read_text())
    assert (system["submitter"], system["division"], system["system_name"]) == ("Somewhere", "closed", "Machine")
    assert (system["number_of_nodes"], system["accelerators_per_node"]) == ("2", "2")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"status": "aborted"}, "aborted"),
        ({"status": None}, CRASHED),
        ({"resumed": True}, "success"),
        ({"standard": False}, "success"),
    ],
)
def test_no_other_run_is_scorable(tmp_path: Path, options: dict, status: str):
    record = record_of(tmp_path, **options)
    assert (record["status"], record["scorable"]) == (status, False)
    assert record["resumed"] is options.get("resumed", False)
    assert (record["time_to_train_seconds"] is None) == (status == CRASHED)


def test_a_run_without_a_record_is_one_that_crashed(tmp_path: Path):
    write_log(request_in(tmp_path), status=None)
    run = read_run(tmp_path)
    assert run.record is None and run.log == tmp_path / "result_0.txt"
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / CONFIG).write_text("width: 16\n")
    assert read_run(begun).record is None and read_run(begun).log is None


def test_what_is_no_run_is_refused_by_name(tmp_path: Path):
    with pytest.raises(StemdlError, match="there is no run here"):
        read_run(tmp_path)
    for text in ("{", "[1]", '"run"'):
        (tmp_path / "run.json").write_text(text)
        with pytest.raises(StemdlError, match="record cannot be read") as caught:
            read_run(tmp_path)
        assert str(tmp_path / "run.json") in str(caught.value)


def test_the_runs_of_a_set_are_in_their_order(tmp_path: Path):
    for index in (10, 2, 0, 1, 11):
        record_of(tmp_path / "20260101T000000-set" / f"run_{index}")
    record_of(tmp_path / "20250101T000000-the-older-one")
    found = [run.folder.name for run in stored_runs(tmp_path)]
    assert found == ["20250101T000000-the-older-one", "run_0", "run_1", "run_2", "run_10", "run_11"]


def records_of(seconds: list[float]) -> list[dict]:
    """Of successful runs with a seed of their own each."""
    return [{"status": "success", "time_to_train_seconds": each, "seed": seed} for seed, each in enumerate(seconds)]


times = st.lists(st.floats(0.001, 1e5), min_size=3, max_size=12)


@given(times, st.randoms())
def test_the_olympic_mean_drops_the_fastest_and_the_slowest(seconds: list[float], random):
    summary = summarise_set(records_of(seconds))
    total = sum(seconds) - min(seconds) - max(seconds)
    assert summary["olympic_mean_seconds"] == pytest.approx(total / (len(seconds) - 2), rel=1e-6, abs=1e-6)
    assert (summary["runs"], summary["reached"], summary["seconds"]) == (len(seconds), len(seconds), seconds)
    shuffled = random.sample(seconds, len(seconds))
    assert summarise_set(records_of(shuffled))["olympic_mean_seconds"] == summary["olympic_mean_seconds"]


def test_there_is_no_mean_of_too_few_runs_or_with_a_missed_target():
    for statuses in itertools.chain(*(itertools.product(("success", "aborted", CRASHED), repeat=n) for n in range(5))):
        records = [
            {"status": status, "time_to_train_seconds": None if status == CRASHED else 1.0, "seed": seed}
            for seed, status in enumerate(statuses)
        ]
        summary = summarise_set(records)
        assert summary["reached"] == statuses.count("success")
        scored = len(statuses) >= 3 and set(statuses) == {"success"}
        assert summary["olympic_mean_seconds"] == (1.0 if scored else None)


def test_two_runs_of_one_seed_are_noticed():
    records = records_of([1.0, 2.0, 3.0])
    assert summarise_set(records)["seeds_differ"] is True
    assert summarise_set([*records, records[1]])["seeds_differ"] is False
