"""`stemdl ledger`: what it prints, and that a broken chain is not a success."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.cli.main import main
from benchmark.submission import chain
from benchmark.submission.ledger import LEDGER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    start = chain.append(
        tmp_path / LEDGER,
        {"event": "start", "folder": "a", "rung": "stemdl_mini", "ranks": 2, "seed_given": False, "resumed": False},
    )
    chain.append(
        tmp_path / LEDGER,
        {"event": "end", "start": start, "status": "success", "seed": 7, "epochs": 3, "time_to_train_seconds": 12.345},
    )
    chain.append(tmp_path / LEDGER, {"event": "start", "folder": "killed", "seed_given": True})
    return tmp_path


def test_every_run_is_printed(folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "240")
    assert main(["ledger", str(folder)]) == 0
    out = capsys.readouterr().out
    rows = [line.split()[1:8] for line in out.splitlines()]
    assert ["a", "stemdl_mini", "2", "success", "12.35", "3", "7"] in rows
    assert "unfinished" in out and "(given)" in out and "BROKEN" not in out


def test_a_changed_line_is_no_success(folder: Path, capsys: pytest.CaptureFixture):
    path = folder / LEDGER
    path.write_bytes(path.read_bytes().replace(b"12.345", b"11.345"))
    assert main(["ledger", str(path)]) == 1
    assert "BROKEN at line 3" in capsys.readouterr().out
    assert main(["ledger", str(path), "--format", "json"]) == 1
    read = json.loads(capsys.readouterr().out)
    assert not read["whole"] and read["faults"][0]["line"] == 3 and read["runs"][0]["seconds"] == 11.345


def test_no_ledger_is_told(tmp_path: Path, capsys: pytest.CaptureFixture):
    assert main(["ledger", str(tmp_path)]) == 2
    assert "there is no ledger here" in capsys.readouterr().err
