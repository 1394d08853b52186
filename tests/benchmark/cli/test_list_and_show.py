"""`stemdl list` and `show`: runs in progress, runs that broke off, the newest, and the figures of a set."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from corpus import write_runs
from honest_run import log_lines

from benchmark.cli.main import main
from benchmark.events.log import EventLog
from benchmark.validation import official


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set of five runs in the folder `runs` of the current one; the official checker passes logs that are whole."""
    monkeypatch.setattr(
        official, "check_log", lambda path: SimpleNamespace(passed=b"run_stop" in path.read_bytes(), output="")
    )
    monkeypatch.chdir(tmp_path)
    return write_runs(tmp_path / "runs", {index: log_lines(index) for index in range(5)}, "5" * 64)


def begun(folder: Path) -> Path:
    """A run that has a log and no record."""
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("width: 16\n")
    (folder / "result_0.txt").write_text("")
    return folder


def statuses(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert main(["list", "--format", "json"]) == 0
    return {Path(run["folder"]).name: run["status"] for run in json.loads(capsys.readouterr().out)}


def test_a_run_in_progress_one_that_broke_off_and_one_elsewhere_are_told_apart(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(made.parent / "here")
    begun(made.parent / "elsewhere")
    monkeypatch.setattr(
        "benchmark.submission.run_record.read_nodes",
        lambda folder: [SimpleNamespace(hosts=("far-away",))] if folder.name == "elsewhere" else None,
    )
    with ExitStack() as held:
        held.enter_context(EventLog(made.parent / "now" / "result_0.txt", 0, lambda: None))
        found = statuses(capsys)
        assert (found["now"], found["here"], found["elsewhere"]) == ("running", "crashed", "unknown")
        assert {found[f"run_{index}"] for index in range(5)} == {"success"}
        assert main(["list"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[1] for line in lines if line.startswith("runs/now")] == ["running"]
        assert main(["show", "runs/now"]) == 1 and "running" in capsys.readouterr().out
    assert statuses(capsys)["now"] == "crashed", "its process has let go of the log"
    assert main(["show", "runs/elsewhere"]) == 1 and "far-away" in capsys.readouterr().out


def test_the_newest_is_that_which_was_gone_on_with_last(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = begun(made.parent / "one")
    for path in made.rglob("*"):
        os.utime(path, (1e9, 1e9))
    assert main(["show", "latest"]) == 1 and "runs/one" in capsys.readouterr().out
    for path in one.iterdir():
        os.utime(path, (9e8, 9e8))
    assert main(["show", "latest"]) == 0 and "5 of 5 runs" in capsys.readouterr().out


def test_there_is_no_newest_where_there_are_no_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["show", "latest"], ["evaluate", "latest", str(tmp_path)]):
        assert main(command) == 2
        told = capsys.readouterr().err
        assert "there is no run here" in told and "stemdl list" in told


def test_a_set_is_shown_with_its_mean(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "runs/set"]) == 0
    text = capsys.readouterr().out
    seconds = sorted(json.loads(path.read_text())["time_to_train_seconds"] for path in made.rglob("run.json"))
    mean = sum(seconds[1:-1]) / 3
    assert f"{mean:.2f} s (95 % interval " in text and "5 of 5 runs" in text and "stands out" not in text
    assert main(["show", "runs/set", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["olympic_mean_seconds"] == pytest.approx(mean) and len(shown["records"]) == 5
    low, high = shown["interval_seconds"]
    assert seconds[0] <= low < mean < high <= seconds[-1] and shown["outliers"] == []
    assert main(["show", "runs/set/run_0"]) == 0
    assert "5 of 5 runs" not in capsys.readouterr().out, "one run is not a set"
