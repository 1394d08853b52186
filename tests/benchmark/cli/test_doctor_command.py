"""`stemdl doctor` with ranks: what it prints, and what it exits with."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.mpi
ALL = [
    "ranks",
    "device",
    "commit",
    "source",
    "versions",
    "configuration",
    "shared folder",
    "disk",
    "memory",
    "load",
    "clocks",
    "all-reduce",
]


def test_under_a_launcher_the_ranks_are_checked_together(mpirun: Callable, tmp_path: Path) -> None:
    done = mpirun(
        2,
        sys.executable,
        "-m",
        "benchmark",
        "doctor",
        "--ranks",
        "--format",
        "json",
        "--folder",
        tmp_path,
        "--set",
        "device=cpu",
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ok"] and [check["name"] for check in told["checks"]] == [*ALL, "nodes"]
    assert told["figures"]["all_reduce"]["message_bytes"] == 64 << 20
    assert told["figures"]["all_reduce"]["bandwidth_bytes_per_second"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_rank_with_other_settings_is_named_and_the_exit_code_says_so(mpirun: Callable, tmp_path: Path) -> None:
    own = 'exec "$0" "$@" --set device=cpu $([ "$OMPI_COMM_WORLD_RANK" = 1 ] && echo --set width=8)'
    done = mpirun(2, "bash", "-c", own, sys.executable, "-m", "benchmark", "doctor", "--folder", tmp_path)
    assert done.returncode == 1
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
    assert len(failed) == 1 and failed[0].split()[1] == "configuration"
    assert "rank 1 on " in failed[0] and "width 8 instead of 16" in failed[0]
    assert "what to do: give all ranks the same --config, --set" in done.stdout


def test_by_hand_it_starts_the_ranks_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd) -> None:
    from benchmark.cli.main import main
    from benchmark.launch.check import CheckResult

    monkeypatch.setattr("benchmark.launch.doctor.run_checks", lambda folder: [CheckResult("python", True, "fine")])
    command = ["doctor", "--ranks", "2", "--oversubscribe", "--folder", str(tmp_path), "--format", "json", "--set"]
    assert main([*command, "device=cpu"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert [check["name"] for check in told["checks"]] == ["python", *ALL, "nodes"]
    assert told["ok"] and all(check["ok"] and check["detail"] for check in told["checks"])
    assert main([*command, "no_such=setting"]) == 2 and "no setting 'no_such'" in capfd.readouterr().err
    for name in ("_subject", "_require_possible"):  # ranks that end without an answer, whatever they end by
        monkeypatch.setattr(f"benchmark.cli.doctor_command.{name}", lambda *arguments: None)
    assert main([*command, "no_such=setting"]) == 1
    printed = capfd.readouterr()
    told = json.loads(printed.out)
    assert told["checks"][-1]["name"] == "ranks" and not told["ok"]
    assert [bool(check["remedy"]) for check in told["checks"] if not check["ok"]] == [True]
    assert "no answer; rank " in told["checks"][-1]["detail"]  # what mpirun said, in a few words
    assert "no setting 'no_such'" in printed.err and "prterun" not in printed.err
