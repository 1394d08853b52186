"""Whole jobs on the smoke rung by the command line: reached, missed, repeated, under a launcher, by a partition."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from patience import HANG_SECONDS
from runs import FILES, printed, record_of, values_of

from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.files import sha256_of_file
from benchmark.submission.ledger import read_ledger
from benchmark.validation.official import check_log

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("name", "ranks"), [("smoke_run", 1), ("two_ranks", 2)])
def test_a_run_that_reaches_the_target(name: str, ranks: int, request: pytest.FixtureRequest, smoke_data: Path):
    folder = request.getfixturevalue(name)
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert check_log(folder / "result_0.txt").passed
    events, record = read_events(folder / "result_0.txt"), record_of(folder)
    timeline = Timeline.of(events)

    # The clock stops at the first evaluation that reaches the target, and not before.
    curve = list(record["evaluations"].values())
    assert list(record["evaluations"]) == [str(epoch) for epoch in range(1, record["epochs"] + 1)]
    assert curve[-1] >= 0.9 and all(f1 < 0.9 for f1 in curve[:-1])
    assert curve == values_of(events, keys.EVAL_ACCURACY)
    order = [event.key for event in events]
    assert keys.F1_MACRO not in order, "the metric is logged once"
    assert order.index(keys.RUN_START) < order.index(keys.STAGING_START) < order.index(keys.EPOCH_START)
    assert order[-2:] == [keys.RUN_STOP, keys.TEST_F1_MACRO]  # the test split is read when the clock has stopped

    # The record says what the log says.
    assert (record["status"], record["scorable"], record["resumed"], record["ranks"]) == ("success", True, False, ranks)
    assert record["time_to_train_seconds"] == timeline.time_to_train_seconds > 0
    assert record["train_seconds"] + record["eval_seconds"] <= record["time_to_train_seconds"]
    assert record["seed"] == timeline.seed and record["global_batch_size"] == timeline.global_batch_size
    assert record["test"] == timeline.value(keys.TEST_F1_MACRO) > 0.5
    assert record["log"] == {"name": "result_0.txt", "sha256": sha256_of_file(folder / "result_0.txt")}
    data = record["data"]
    assert (data["train_samples"], data["eval_samples"], data["standard"]) == (200, 60, True)
    assert data["manifest_sha256"] == sha256_of_file(smoke_data / "manifest.json")
    assert record["data"]["manifest_sha256"] == timeline.value(keys.DATA_MANIFEST_SHA256)

    # What it ran with is what was resolved, in the log and next to it.
    settings = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert settings == timeline.value(keys.CONFIG)
    config = read_settings(load_benchmark("space_group"), "stemdl_smoke")
    assert (settings["ranks"], settings["max_epochs"]) == (ranks, config.max_epochs)
    assert settings["comm"] == ("solo" if ranks == 1 else settings["comm"]) != ("auto" if ranks == 1 else "solo")
    steps = 200 // config.global_batch_size
    samples = [event.metadata[keys.SAMPLES_COUNT] for event in events if event.key == keys.EVAL_ACCURACY]
    assert samples == [epoch * steps * config.global_batch_size for epoch in range(1, len(curve) + 1)]
    system = json.loads((folder / "system.json").read_text(encoding="utf-8"))
    assert system["submitter"] == settings["org"] and all(isinstance(each, str) for each in system.values())


def test_the_score_is_printed_and_shown(smoke_run: Path, stemdl: Callable):
    said = printed(smoke_run)["out"]
    record = record_of(smoke_run)
    assert f"macro-F1 0.9 reached in {record['time_to_train_seconds']:.2f} s" in said
    assert "official compliance checker: SUCCESS" in said
    # Its seed was given by hand: our own rules look further than the official checker.
    assert "our own rules: " in said and f"(stemdl validate {smoke_run})" in said
    shown = stemdl("show", smoke_run)
    assert shown.returncode == 0 and "SUCCESS" in shown.stdout and f"seed {record['seed']}" in shown.stdout
    as_json = json.loads(stemdl("show", smoke_run, "--format", "json").stdout)
    assert as_json == [{"folder": str(smoke_run), "compliant": True, **record}]


def test_json_alone_goes_to_stdout(two_ranks: Path):
    report = json.loads(printed(two_ranks)["out"])
    assert report["ok"] and (report["runs"], report["reached"], report["olympic_mean_seconds"]) == (1, 1, None)
    assert report["records"] == [{"folder": str(two_ranks), "compliant": True, **record_of(two_ranks)}]


def test_a_missed_target_is_no_success_anywhere(missed: Path):
    said = printed(missed)
    assert said["code"] == 1 and "Traceback" not in said["err"]
    assert "SUCCESS" not in said["out"] and "success" not in said["out"] and "reached in" not in said["out"]
    assert "0 of 2 runs reached the target" in said["out"] and "the target of 0.9 was missed" in said["out"]
    for index in range(2):
        folder = missed / f"run_{index}"
        log = folder / f"result_{index}.txt"
        record = record_of(folder)
        assert (record["status"], record["scorable"], record["index"], record["epochs"]) == ("aborted", False, index, 1)
        assert record["evaluations"]["1"] < 0.9
        assert "success" not in log.read_text(encoding="utf-8")
        assert not check_log(log).passed


def test_the_runs_of_a_set_have_folders_and_seeds_of_their_own(missed: Path, two_ranks: Path, stemdl: Callable):
    assert sorted(path.name for path in missed.iterdir()) == ["run_0", "run_1", "runset.json"]
    records = [record_of(missed / f"run_{index}") for index in range(2)]
    ledger = read_ledger(missed.parent)  # which other runs of these tests are in, too
    assert not ledger.faults
    assert [(run.status, run.log_sha256, run.seconds) for run in ledger.runs if run.folder.startswith(missed.name)] == [
        ("aborted", record["log"]["sha256"], record["time_to_train_seconds"]) for record in records
    ]
    seeds = {record["seed"] for record in (*records, record_of(two_ranks))}
    assert len(seeds) == 3  # fresh from the operating system for each run that was given none
    summary = json.loads((missed / "runset.json").read_text(encoding="utf-8"))
    assert summary == {
        "format": 1,
        "runs": 2,
        "reached": 0,
        "seeds_differ": True,
        "olympic_mean_seconds": None,
        "coefficient_of_variation": None,
        "unfinished": 0,
        "seconds": [record["time_to_train_seconds"] for record in records],
    }
    listed = json.loads(stemdl("list", missed, "--format", "json").stdout)
    assert listed == [{"folder": str(missed / f"run_{index}"), **records[index]} for index in range(2)]
    assert stemdl("show", missed).returncode == 1


@pytest.mark.mpi
@pytest.mark.parametrize("comm", ["horovod", "torch"])
def test_a_set_of_runs_under_a_launcher(comm: str, mpirun: Callable, python: Path, smoke_data: Path, tmp_path: Path):
    if comm == "horovod":
        pytest.importorskip("horovod")
    done = mpirun(
        2,
        python,
        "-m",
        "benchmark",
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        smoke_data,
        "--runs",
        2,
        "--output",
        tmp_path / "set",
        "--set",
        "max_epochs=1",
        "--set",
        f"comm={comm}",
        "--format",
        "json",
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    report = json.loads(done.stdout[: done.stdout.rindex("}") + 1])  # mpirun adds its remark on the exit status
    assert (report["runs"], report["reached"]) == (2, 0)
    assert len({record["seed"] for record in report["records"]}) == 2
    assert {record["launcher"] for record in report["records"]} == {"mpirun"}
    assert (tmp_path / "set" / "runset.json").is_file()


@pytest.mark.mpi
def test_run_benchmark_sh_is_a_rank_under_mpirun(
    ready_environment: dict[str, str], toys_known: dict[str, str], toy_data: Path, tmp_path: Path
):
    from benchmark.launch.launchers import Job, get_launcher

    script = Path(__file__).resolve().parents[3] / "run_benchmark.sh"
    command = ("bash", str(script), "--rung", "toy_line_60", "--data", str(toy_data))
    argv = get_launcher("mpirun").argv(Job(2, command))
    done = subprocess.run(
        argv,
        env=ready_environment | toys_known,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("official compliance checker: SUCCESS") == 1  # rank 0 speaks for all
    (folder,) = (path for path in (tmp_path / "runs").iterdir() if path.is_dir())  # the ranks agree on one
    assert sorted(path.name for path in folder.iterdir()) == FILES
    record = record_of(folder)
    assert (record["ranks"], record["launcher"], record["status"]) == (2, "mpirun", "success")
    assert record["scorable"]


def test_run_benchmark_sh_without_an_environment_says_so_once(environment: dict[str, str], tmp_path: Path):
    script = Path(__file__).resolve().parents[3] / "run_benchmark.sh"
    messages = []
    for rank in ("0", "1"):
        variables = {"STEMDL_VENV": str(tmp_path / "none"), "RANK": rank, "WORLD_SIZE": "2", "LOCAL_RANK": rank}
        done = subprocess.run(["bash", str(script)], env=environment | variables, capture_output=True, text=True)
        assert done.returncode == 2 and done.stdout == ""
        messages.append(done.stderr)
    assert "setup_env.sh first" in messages[0] and messages[1] == ""


def test_a_run_by_a_partition_says_so_and_cannot_be_scored(smoke_data: Path, tmp_path: Path, stemdl: Callable) -> None:
    """One of two folds is dev: three times as many samples as the rung's own."""
    data, output = tmp_path / "data", tmp_path / "run"
    shutil.copytree(smoke_data, data)
    assert stemdl("data", "split", data, "--folds", 2).returncode == 0
    done = stemdl(
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        data,
        "--partition",
        "folds_2/fold_1",
        "--output",
        output,
        "--ranks",
        1,
        "--seed",
        1,
        "--set",
        "max_epochs=1",
        "--set",
        "threads_per_rank=1",
    )
    assert done.returncode == 1, done.stderr
    splits = json.loads((data / "partitions" / "folds_2.json").read_text())["splits"]
    events, record = read_events(output / "result_0.txt"), record_of(output)
    assert values_of(events, keys.DATA_PARTITION) == ["folds_2/fold_1"]
    assert values_of(events, keys.DATA_STANDARD) == [False] and not record["scorable"]
    assert values_of(events, keys.TRAIN_SAMPLES) == [len(splits["fold_0"])]
    assert values_of(events, keys.EVAL_SAMPLES) == [len(splits["fold_1"])]
    test = next(event for event in events if event.key == keys.TEST_F1_MACRO)
    assert test.metadata[keys.SAMPLES_COUNT] == len(splits["test"])
    found = stemdl("validate", output / "result_0.txt", "--format", "json")
    assert found.returncode == 1
    assert {"R2.2", "R2.5"} <= {finding["rule"] for finding in json.loads(found.stdout)["findings"]}
