"""Whole jobs on the smoke rung through the command line: reached, missed, repeated, resumed, broken off."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from patience import HANG_SECONDS

from benchmark.definition.finder import load_benchmark
from benchmark.definition.settings import read_settings
from benchmark.events import keys
from benchmark.events.reader import Event, read_events
from benchmark.events.timeline import Timeline
from benchmark.foundation.files import sha256_of_file
from benchmark.submission.ledger import read_ledger
from benchmark.validation.official import check_log

pytestmark = pytest.mark.slow
FILES = ["checkpoint.pt", "config.yaml", "nodes.json", "result_0.txt", "run.json", "system.json"]
ALONE = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
"""What torchrun tells an only rank."""
FATAL = """
import os, signal, sys
from benchmark.cli.main import main
write = sys.stderr.write
sys.stderr.write = lambda text: os.kill(os.getpid(), signal.SIGKILL) if text.startswith("epoch  1 ") else write(text)
sys.exit(main())
"""
"""stemdl, killed in the place of what it would print of its first epoch."""


def record_of(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def values_of(events: list[Event], key: str) -> list:
    return [event.value for event in events if event.key == key]


@pytest.fixture(scope="session")
def two_ranks(once: Callable, stemdl: Callable, smoke_data: Path) -> Path:
    """A run on two ranks with a seed of its own, its standard output beside it."""

    def make(folder: Path) -> None:
        done = stemdl(
            "run",
            "--rung",
            "stemdl_smoke",
            "--data",
            smoke_data,
            "--output",
            folder,
            "--ranks",
            2,
            "--oversubscribe",
            "--format",
            "json",
        )
        assert done.returncode == 0, done.stderr
        folder.with_name("two_ranks.stdout").write_text(done.stdout, encoding="utf-8")

    return once("two_ranks", make)


@pytest.fixture(scope="session")
def missed(once: Callable, stemdl: Callable, smoke_data: Path) -> Path:
    """Two runs of one epoch each, which is too short; what was printed and the exit code beside them."""

    def make(folder: Path) -> None:
        done = stemdl(
            "run",
            "--rung",
            "stemdl_smoke",
            "--data",
            smoke_data,
            "--output",
            folder,
            "--ranks",
            1,
            "--runs",
            2,
            "--set",
            "max_epochs=1",
        )
        printed = {"code": done.returncode, "out": done.stdout, "err": done.stderr}
        folder.with_name("missed.printed").write_text(json.dumps(printed), encoding="utf-8")

    return once("missed", make)


# ---- reached


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

    # What it ran with is what was resolved, in the log and beside it.
    settings = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert settings == timeline.value(keys.CONFIG)
    config = read_settings(load_benchmark(), "stemdl_smoke")
    assert (settings["ranks"], settings["max_epochs"]) == (ranks, config.max_epochs)
    assert settings["comm"] == ("solo" if ranks == 1 else settings["comm"]) != ("auto" if ranks == 1 else "solo")
    steps = 200 // config.global_batch_size
    samples = [event.metadata[keys.SAMPLES_COUNT] for event in events if event.key == keys.EVAL_ACCURACY]
    assert samples == [epoch * steps * config.global_batch_size for epoch in range(1, len(curve) + 1)]
    system = json.loads((folder / "system.json").read_text(encoding="utf-8"))
    assert system["submitter"] == settings["org"] and all(isinstance(each, str) for each in system.values())


def test_the_score_is_printed_and_shown(smoke_run: Path, stemdl: Callable):
    printed = smoke_run.with_name("smoke_run.stdout").read_text(encoding="utf-8")
    record = record_of(smoke_run)
    assert f"macro-F1 0.9 reached in {record['time_to_train_seconds']:.2f} s" in printed
    assert "official compliance checker: SUCCESS" in printed
    # Its seed was given by hand: our own rules look further than the official checker.
    assert "our own rules: " in printed and f"(stemdl validate {smoke_run})" in printed
    shown = stemdl("show", smoke_run)
    assert shown.returncode == 0 and "SUCCESS" in shown.stdout and f"seed {record['seed']}" in shown.stdout
    as_json = json.loads(stemdl("show", smoke_run, "--format", "json").stdout)
    assert as_json == [{"folder": str(smoke_run), "compliant": True, **record}]


def test_json_alone_goes_to_stdout(two_ranks: Path):
    report = json.loads(two_ranks.with_name("two_ranks.stdout").read_text(encoding="utf-8"))
    assert report["ok"] and (report["runs"], report["reached"], report["olympic_mean_seconds"]) == (1, 1, None)
    assert report["records"] == [{"folder": str(two_ranks), "compliant": True, **record_of(two_ranks)}]


# ---- missed, and sets of runs


def test_a_missed_target_is_no_success_anywhere(missed: Path):
    printed = json.loads(missed.with_name("missed.printed").read_text(encoding="utf-8"))
    assert printed["code"] == 1 and "Traceback" not in printed["err"]
    assert "SUCCESS" not in printed["out"] and "success" not in printed["out"] and "reached in" not in printed["out"]
    assert "0 of 2 runs reached the target" in printed["out"] and "the target of 0.9 was missed" in printed["out"]
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
def test_a_set_of_runs_under_a_launcher(comm: str, mpirun: Callable, smoke_data: Path, tmp_path: Path):
    if comm == "horovod":
        pytest.importorskip("horovod")
    done = mpirun(
        2,
        sys.executable,
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


# ---- resumed


def test_resumed_after_a_kill_is_the_unbroken_run_to_the_last_bit(
    smoke_run: Path, smoke_data: Path, tmp_path: Path, environment: dict[str, str]
):
    """Killed when it would tell of its first epoch, and resumed: the same curve and weights, and still no score. The
    unbroken run is another process with the same seed, so that this holds one seed to one result as well."""
    folder = tmp_path / "run"
    argv = [
        sys.executable,
        "-c",
        FATAL,
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        str(smoke_data),
        "--output",
        str(folder),
        "--seed",
        "7",
        "--set",
        "threads_per_rank=1",
    ]
    assert subprocess.run(argv, env=environment | ALONE, check=False).returncode == -signal.SIGKILL
    log = (folder / "result_0.txt").read_text(encoding="utf-8")
    assert log.endswith("\n") and "run_stop" not in log and not (folder / "run.json").exists()

    argv[1:3] = ["-m", "benchmark"]
    argv[argv.index("--seed") : argv.index("--seed") + 2] = ["--resume"]
    resumed = subprocess.run(argv, env=environment | ALONE, capture_output=True, text=True, check=False)
    assert resumed.returncode == 1 and "cannot be scored" in resumed.stderr
    assert "official compliance checker: FAILED" in resumed.stdout
    unbroken, record = record_of(smoke_run), record_of(folder)
    assert len(unbroken["evaluations"]) > 1
    events = read_events(folder / "result_0.txt")
    (resumption,) = [event for event in events if event.key == keys.RESUMED]
    epochs = [
        event.metadata[keys.EPOCH_NUM]
        for event in events
        if event.key == keys.EPOCH_START and event.line > resumption.line
    ]
    assert resumption.value == 1
    assert epochs == list(range(resumption.value + 1, len(unbroken["evaluations"]) + 1))
    assert record["evaluations"] == unbroken["evaluations"] and record["test"] == unbroken["test"]
    assert (record["seed"], record["status"]) == (7, "success")
    assert (record["resumed"], record["scorable"]) == (True, False)

    ours, theirs = (torch.load(each / "checkpoint.pt", weights_only=True) for each in (folder, smoke_run))
    assert ours.keys() == theirs.keys() and ours["model"].keys() == theirs["model"].keys()
    for part in (name for name, value in ours.items() if isinstance(value, dict) and name != "optimizer"):
        for name, weights in ours[part].items():
            assert torch.equal(weights, theirs[part][name]), (part, name)
    for index, state in ours["optimizer"]["state"].items():
        assert all(torch.equal(value, theirs["optimizer"]["state"][index][name]) for name, value in state.items())


def test_an_aborted_run_can_go_on_but_not_be_scored(missed: Path, stemdl: Callable, smoke_data: Path, tmp_path: Path):
    folder = shutil.copytree(missed / "run_0", tmp_path / "run")
    before = record_of(folder)
    done = stemdl(
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        smoke_data,
        "--output",
        folder,
        "--ranks",
        1,
        "--resume",
        "--set",
        "max_epochs=2",
    )
    assert done.returncode == 1 and "Resuming after epoch 1" in done.stderr, done.stderr
    record = record_of(folder)
    assert list(record["evaluations"]) == ["1", "2"] and record["evaluations"]["1"] == before["evaluations"]["1"]
    assert (record["seed"], record["resumed"], record["scorable"]) == (before["seed"], True, False)
    assert not check_log(folder / "result_0.txt").passed
    assert "resumed from a checkpoint: cannot be scored" in done.stdout
    assert f"our own rules: resumed runs are not scored (R4.4)   (stemdl validate {folder})" in done.stdout


def test_a_folder_without_a_checkpoint_cannot_be_resumed(stemdl: Callable, smoke_data: Path, tmp_path: Path):
    done = stemdl(
        "run", "--rung", "stemdl_smoke", "--data", smoke_data, "--output", tmp_path / "none", "--ranks", 1, "--resume"
    )
    assert done.returncode == 2 and "no checkpoint to go on from" in done.stderr and "Traceback" not in done.stderr


# ---- as ranks of a launcher


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


# ---- broken data and settings


@pytest.mark.mpi
def test_a_truncated_shard_is_named_once_and_ends_all_ranks(stemdl: Callable, smoke_data: Path, tmp_path: Path):
    data = shutil.copytree(smoke_data, tmp_path / "data")
    shard = data / "dev" / "batch_dev_1.h5"
    os.truncate(shard, shard.stat().st_size // 2)
    done = stemdl(
        "run", "--rung", "stemdl_smoke", "--data", data, "--output", tmp_path / "run", "--ranks", 2, "--oversubscribe"
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert done.stderr.count("was cut off") == 1 and str(shard) in done.stderr
    assert "stemdl data verify" in done.stderr
    assert "run_stop" not in (tmp_path / "run" / "result_0.txt").read_text(encoding="utf-8")


@pytest.mark.mpi
def test_a_loss_that_is_no_number_stops_the_run(stemdl: Callable, smoke_data: Path, tmp_path: Path):
    done = stemdl(
        "run",
        "--rung",
        "stemdl_smoke",
        "--data",
        smoke_data,
        "--output",
        tmp_path / "run",
        "--ranks",
        2,
        "--oversubscribe",
        "--set",
        "learning_rate=99",
        "--set",
        "weight_decay=99",
    )
    assert done.returncode != 0 and "Traceback" not in done.stderr, done.stderr
    assert len(re.findall(r"epoch 1, step [0-9]+, ranks? (0|1|0, 1): the loss is ", done.stderr)) == 1, done.stderr
    assert "lower learning_rate" in done.stderr
    timeline = Timeline.of(read_events(tmp_path / "run" / "result_0.txt"))
    assert (timeline.status, timeline.evaluations) == ("aborted", ())
    shown = json.loads(stemdl("show", tmp_path / "run", "--format", "json").stdout)
    assert shown[0]["compliant"] is False and shown[0]["status"] != "success"


# ---- by a partition


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
