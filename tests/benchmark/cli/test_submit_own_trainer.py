"""`stemdl submit` of runs by a trainer of one's own, in the open division: from runs to a score, with its source."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from corpus import as_ledger, ledger_of, write_runs
from honest_run import ORG, RUNG, as_text, log_lines

from benchmark.cli.main import main
from benchmark.events import keys
from benchmark.foundation.source import source_sha256
from benchmark.submission.ledger import LEDGER
from benchmark.submission.ledger_entry import ROOT

MODEL = ROOT / "examples" / "my_model.py"
REFERENCE = source_sha256(ROOT / "reference")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(MODEL, tmp_path / "a_model.py"))


@pytest.fixture
def runs(model: Path, tmp_path: Path) -> Path:
    """Five runs as `stemdl run --trainer a_model.py:train` leaves them."""
    logs = {index: log_lines(index, division="open") for index in range(5)}
    for line in (line for lines in logs.values() for line in lines):
        if line["key"] == keys.CONFIG:
            line["value"] = {**line["value"], "trainer": f"{model}:train"}
    folder = write_runs(tmp_path / "runs", logs, REFERENCE)
    entries = ledger_of({index: (lines, as_text(lines)) for index, lines in logs.items()})
    for entry in entries:
        if entry["event"] == "start":
            entry["settings"].pop("trainer")
            entry["trainer"], entry["instances"] = f"{model}:train", 1
            entry["source"] = {"benchmark": "5" * 64, "reference": REFERENCE, "a_model": source_sha256(model)}
    (tmp_path / "runs" / LEDGER).write_bytes(as_ledger(entries))
    return folder


def submit(runs: Path, tree: Path, *options: str) -> int:
    return main(["submit", str(runs), "-o", str(tree), "--system", "two-cores", *options])


def test_its_runs_are_submitted_with_its_source_reviewed_and_scored(
    runs: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    assert submit(runs, tree, "--division", "open") == 0, capsys.readouterr()
    here = tree / ORG / "benchmarks" / RUNG / "implementations"
    (code,) = (path for path in here.iterdir() if path.name.startswith("a_model"))
    assert (code / "a_model" / "a_model.py").read_bytes() == model.read_bytes()
    script = (here / "two-cores" / "run_and_time.sh").read_text(encoding="utf-8")
    assert f"stemdl run --rung {RUNG} --trainer {model}:train" in script
    capsys.readouterr()
    assert main(["validate", str(tree)]) == 0
    assert capsys.readouterr().out.startswith("OPEN ")
    assert main(["score", str(tree)]) == 0 and RUNG in capsys.readouterr().out
    assert main(["review", str(tree), "-o", str(tmp_path / "review")]) == 0
    assert "a_model" in (tmp_path / "review" / "index.html").read_text(encoding="utf-8")


def test_the_closed_division_and_a_trainer_that_is_gone_are_refused(
    runs: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit(runs, tmp_path / "tree", "--division", "closed") == 2
    assert "the runs are of the other division" in capsys.readouterr().err
    model.rename(tmp_path / "elsewhere.py")
    assert submit(runs, tmp_path / "tree") == 2
    assert "--code FOLDER" in capsys.readouterr().err
    (tmp_path / "kept").mkdir()
    (tmp_path / "elsewhere.py").rename(tmp_path / "kept" / "a_model.py")
    assert submit(runs, tmp_path / "tree", "--code", str(tmp_path / "kept")) == 0


def test_a_trainer_that_has_changed_since_is_refused(
    runs: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.write_text(model.read_text(encoding="utf-8") + "\n# another\n", encoding="utf-8")
    assert submit(runs, tmp_path / "tree") != 0
    assert not (tmp_path / "tree").exists()
