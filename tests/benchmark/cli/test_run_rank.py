"""`stemdl run` as a rank: what it refuses, and what it says of a fault that nobody foresaw."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from patience import HANG_SECONDS

from benchmark.cli import guard, run_rank
from benchmark.cli.main import main
from benchmark.foundation.errors import Interrupted, ProgramFault, StemdlError, TrainingDiverged
from benchmark.submission.run_driver import LAUNCHED_BY_US

TWO_RANKS = {
    "OMPI_COMM_WORLD_RANK": "0",
    "OMPI_COMM_WORLD_SIZE": "2",
    "OMPI_COMM_WORLD_LOCAL_RANK": "0",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
}
ONE_RANK = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}


@pytest.mark.parametrize(
    ("arguments", "where", "remedy"),
    [
        (["run", "--rung", "stemdl_smoke", "--ranks", "4"], "--ranks", "leave out --ranks, or have mpirun start 4"),
        (["run", "--rung", "stemdl_smoke", "--instances", "2"], "--instances", "start it without a launcher"),
        (["run", "--rung", "stemdl_smoke", "--scale", "1,2"], "--scale", "start it without a launcher"),
        (["doctor", "--ranks", "4"], "--ranks", "leave out --ranks, or have mpirun start 4"),
        (["data", "generate", "stemdl_smoke", "--ranks", "4"], "--ranks", "leave out --ranks"),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else None,
)
def test_a_rank_of_a_launcher_starts_no_others(
    arguments: list[str],
    where: str,
    remedy: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in TWO_RANKS.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.count("stemdl: ") == 1 and f"{where}: " in told and remedy in told
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_program_names_the_rank_the_line_and_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv(guard.SHOW, raising=False)
    try:
        {}["nowhere"]
    except KeyError as error:
        fault = guard.as_told(error, "rank 3 on node-7")
    assert isinstance(fault, ProgramFault) and fault.exit_code == 70
    assert re.match(
        r"rank 3 on node-7: \S+test_run_rank\.py:\d+: a fault of the program: KeyError: 'nowhere'", str(fault)
    )
    (kept,) = tmp_path.glob("stemdl-fault-*.txt")
    assert str(kept) in str(fault) and "KeyError: 'nowhere'" in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "error", [StemdlError("wrong", where="--set"), MemoryError(), OSError(5, "Input/output error")]
)
def test_what_is_no_fault_of_the_program_is_not_called_one(error: Exception) -> None:
    assert not isinstance(guard.as_told(error, "rank 3 on node-7"), ProgramFault)


def test_a_rank_whose_trainer_fails_leaves_with_70_and_one_message(
    smoke_data: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    trainer = tmp_path / "failing.py"
    trainer.write_text("def train(request):\n    return [][1]\n")
    argv = [sys.executable, "-m", "benchmark", "run", "--rung", "stemdl_smoke", "--data", str(smoke_data)]
    done = subprocess.run(
        [*argv, "--trainer", f"{trainer}:train", "--output", str(tmp_path / "run")],
        env=environment | ONE_RANK | {"TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert done.returncode == 70 and "Traceback" not in done.stderr, done.stderr
    assert re.search(
        rf"stemdl: rank 0 on \S+: {trainer}:2: a fault of the trainer {trainer.name}: IndexError", done.stderr
    )
    (kept,) = tmp_path.glob("stemdl-fault-*.txt")
    assert str(kept) in done.stderr and "return [][1]" in kept.read_text(encoding="utf-8")


def test_a_rank_that_has_nothing_to_report_does_not_end_the_one_that_has(
    smoke_data: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A launcher ends all ranks at the first status that is not 0, and rank 0 may not have printed its report."""
    trainer = tmp_path / "mine.py"
    trainer.write_text("def train(request):\n    return False\n", encoding="utf-8")
    argv = [sys.executable, "-m", "benchmark", "run", "--rung", "stemdl_smoke", "--data", str(smoke_data)]
    done = subprocess.run(
        [*argv, "--trainer", f"{trainer}:train", "--output", str(tmp_path / "run")],
        env=environment | TWO_RANKS | {"OMPI_COMM_WORLD_RANK": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("error", [TrainingDiverged("the loss is nan"), Interrupted("the run was asked to end")])
@pytest.mark.parametrize("ours", ["0", "1"])
def test_what_all_ranks_end_by_is_said_by_the_first_which_has_the_time_to_record_it(
    error: StemdlError, ours: str, monkeypatch: pytest.MonkeyPatch, said: list[str], tmp_path: Path
) -> None:
    """A launcher ends the first at the end of any other."""
    done: list[float] = []

    def ended(code: int) -> None:
        done.append(code)
        raise SystemExit

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(run_rank.os, "_exit", ended)
    monkeypatch.setattr(run_rank, "time", SimpleNamespace(sleep=done.append))
    monkeypatch.setattr("benchmark.launch.watchdog.end_with_parent", lambda: None)
    monkeypatch.setattr(run_rank, "_make_runs", broken)
    for name, value in (TWO_RANKS | {"OMPI_COMM_WORLD_RANK": "1", LAUNCHED_BY_US: ours}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main(["run", "--rung", "stemdl_smoke", "--output", str(tmp_path / "run")])
    assert done == [run_rank.RECORDED_SECONDS, error.exit_code] and said == []


def test_a_full_disk_is_told_as_one_by_a_rank(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    left: list[int] = []
    monkeypatch.setattr(run_rank.os, "_exit", left.append)
    run_rank._leave(OSError(28, "No space left on device", "/data/run/result_0.txt"), 0)
    assert left == [2] and "No space left on device" in said[0] and "make room" in said[0]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(run_rank, "say", found.append)
    return found
