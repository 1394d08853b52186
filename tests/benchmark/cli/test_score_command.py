"""`stemdl score`: exactly the promised keys, tables, warnings on stderr, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from benchmark.cli.main import main

RESULTS = Path(__file__).resolve().parents[3] / "results"
OURS = RESULTS / "reference/results/2-cores-x86-horovod/strong/stemdl_mini"
KEYS = [
    "submitter",
    "system",
    "scaling",
    "benchmark",
    "division",
    "runs",
    "raw_minutes",
    "score_minutes",
    "models",
    "accelerators_per_model",
    "total_minutes",
    "models_per_hour",
]


def olympic_minutes() -> float:
    """The mean without the fastest and the slowest run of our own results, from the lines of their logs."""
    minutes = []
    for log in OURS.glob("result_*.txt"):
        events = [json.loads(line.removeprefix(":::MLLOG ")) for line in log.read_text().splitlines()]
        at = {event["key"]: event["time_ms"] for event in events}
        minutes.append((at["run_stop"] - at["run_start"]) / 60_000)
    return sum(sorted(minutes)[1:-1]) / (len(minutes) - 2)


def test_our_own_results_have_their_score(capsys: pytest.CaptureFixture[str]):
    assert main(["score", str(RESULTS), "--format", "json"]) == 0
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert captured.err == "" and all(list(row) == KEYS for row in rows)
    row = next(row for row in rows if row["system"] == "2-cores-x86-horovod")
    assert [row[key] for key in KEYS[:6]] == ["reference", "2-cores-x86-horovod", "strong", "stemdl_mini", "closed", 5]
    assert row["raw_minutes"] == pytest.approx(olympic_minutes(), rel=1e-12)
    assert row["raw_minutes"] <= row["score_minutes"] < 1.5 * row["raw_minutes"]  # what convergence may add
    assert row["models"] is None


def test_the_table_and_what_stands_behind_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "240")
    assert main(["score", str(RESULTS), "--details"]) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert "95 % interval" in header and "convergence" in header
    raw = f"{olympic_minutes():.4f}"
    assert any(line.startswith("reference  2-cores-x86-horovod") and raw in line for line in rows)
    assert main(["score", str(RESULTS), "--details", "--format", "json"]) == 0
    row, *_ = json.loads(capsys.readouterr().out)
    assert list(row) == [*KEYS, "details"] and row["details"]["warnings"] == []


def test_a_bad_log_is_a_warning_and_a_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(RESULTS / "reference", tmp_path / "reference")
    log, other, *_ = sorted((tmp_path / "reference").rglob("result_*.txt"))
    log.write_bytes(b":::MLLOG \xff{")
    assert main(["score", str(tmp_path)]) == 1  # a set of which one run cannot be read has no score
    captured = capsys.readouterr()
    assert "5 !" in captured.out and "result_0.txt" in captured.err and "malformed" in captured.err
    other.write_bytes(b"")
    assert main(["score", str(tmp_path), "--format", "json"]) == 1
    captured = capsys.readouterr()
    row, *_ = json.loads(captured.out)
    assert row["score_minutes"] is None and row["runs"] == 5
    assert "2 of 5 runs do not count" in captured.err and "Traceback" not in captured.err


def test_nothing_to_score_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["score", str(tmp_path)]) == 2
    assert "no logs here" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["score", str(tmp_path), "--ruleset", "4.0.0"])
    assert left.value.code == 2
