"""Runs followed from logs that are being written, have ended, or have fallen silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_logs import log_text, write_set

from benchmark.cli.main import main
from benchmark.report.watching import STARTING, TRAINING, progress

START_MS = 1_795_000_000_000


def cut(tmp_path: Path, until: str, more: str = "") -> Path:
    """A log of a run of 12 s and 4 epochs of at most 18, up to the first line that holds a text."""
    text = log_text(12.0, 1, epochs=4, config={"max_epochs": 18})
    log = tmp_path / "run_0" / "result_0.txt"
    log.parent.mkdir()
    log.write_text(text[: text.index(until)].rpartition("\n")[0] + "\n" + more)
    return log


def test_a_run_on_the_way(tmp_path: Path) -> None:
    log = cut(
        tmp_path, '"key": "epoch_start", "value": null, "metadata": {"file": "train.py", "lineno": 1, "epoch_num": 3'
    )
    seen = progress(log, START_MS + 7000)
    assert (seen.name, seen.status, seen.epochs, seen.ended) == ("run_0", TRAINING, 2, False)
    assert seen.so_far_seconds == 7 and seen.best_value == pytest.approx(0.445) and seen.goal == "at least 0.9"
    assert seen.most_left_seconds == pytest.approx(16 * 3.0) and seen.silent_seconds is None
    assert seen.samples_per_second == pytest.approx(2 * 3500 / 4.8)
    assert progress(log, START_MS + 60_000).silent_seconds == pytest.approx(54)


def test_a_line_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    log = cut(tmp_path, '"run_stop"', ':::MLLOG {"namespace": "", "ti')
    assert progress(log, START_MS + 13_000).status == TRAINING


def test_before_the_clock(tmp_path: Path) -> None:
    seen = progress(cut(tmp_path, '"run_start"'), START_MS)
    assert seen.status == STARTING and seen.so_far_seconds is None and seen.most_left_seconds is None


def test_the_command_ends_with_the_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write_set(tmp_path / "good", (10.0, 11.0)), write_set(tmp_path / "bad", (10.0, -11.0))
    assert main(["watch", str(good)]) == 0
    said = capsys.readouterr()
    assert said.out.count("success") == 2 and "at least 0.9" in said.out and "Next: stemdl show" in said.err
    assert main(["watch", str(good), str(bad), "--format", "json"]) == 1
    assert [each["status"] for each in json.loads(capsys.readouterr().out)] == ["success"] * 3 + ["aborted"]
    assert main(["watch", str(tmp_path / "good" / "run_0" / "result_0.txt"), "--once"]) == 0


def test_a_run_that_broke_off_is_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(cut(tmp_path, '"run_stop"').parent)]) == 1
    assert "crashed" in capsys.readouterr().out
    (tmp_path / "notes.txt").write_text("no log at all\n")
    assert main(["watch", str(tmp_path / "notes.txt")]) == 1


def test_a_folder_without_logs_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["watch", str(tmp_path / "empty")]) == 2
    assert "there is no log here" in capsys.readouterr().err


@pytest.mark.parametrize(("typed", "meant"), [("lastest", "latest"), ("latets", "latest"), ("goood", "good")])
@pytest.mark.parametrize("command", ["show", "watch", "compare", "score"])
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    typed: str,
    meant: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / "good", (10.0,))
    with pytest.raises(SystemExit) as left:
        main([command, typed])
    assert left.value.code == 2 and f"there is no {typed}; did you mean '{meant}'?" in capsys.readouterr().err
