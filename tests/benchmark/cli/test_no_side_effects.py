"""Commands that only read change nothing of what they read: no byte, no time, no file more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from corpus import write_runs
from honest_run import RUNG, log_lines

from benchmark.cli.main import COMMANDS, build_parser, main
from benchmark.cli.parser import leaves
from benchmark.foundation.source import source_sha256
from benchmark.submission.ledger_entry import ROOT

WRITES = {("run",), ("evaluate",), ("explain",), ("data", "import"), ("data", "split")}
"""Commands that are for writing: `run` makes runs, `evaluate` answers, `split` lays a partition next to the shards."""
READS = {
    ("doctor",): (["--folder", "{elsewhere}", "--data", "{data}", "--rung", "stemdl_smoke"],),
    ("list",): (["{runs}"], ["{runs}", "--format", "json"], ["--rungs"]),
    ("show",): (["{runs}/set"], ["{runs}/set/run_0"], ["{smoke}"]),
    ("watch",): (["{runs}/set", "--once"], ["{runs}", "--once", "--format", "json"]),
    ("ledger",): (["{runs}"], ["{runs}/ledger.jsonl", "--format", "json"]),
    ("validate",): (["{runs}/set"], ["{tree}"], ["{tree}", "--format", "sarif"], ["{runs}/set/run_0/result_0.txt"]),
    ("score",): (["{runs}/set"], ["{tree}"], ["{tree}", "--format", "json"]),
    ("compare",): (["{runs}/set", "{many}/set"], ["{tree}", "{many}/set", "-o", "{elsewhere}/report.md"]),
    ("report",): (["{tree}", "{runs}/set", "-o", "{elsewhere}/site"], ["{tree}", "--table", "{elsewhere}/table.md"]),
    ("review",): (["{tree}", "-o", "{elsewhere}/review"],),
    ("submit",): (["{runs}/set", "-o", "{elsewhere}/tree", "--system", "two-cores"],),
    ("rules",): ([], ["R4"]),
    ("rcp", "show"): ([RUNG],),
    ("rcp", "record"): (["{many}/set", "-o", "{elsewhere}/points.json"],),
    ("data", "info"): (["{data}"],),
    ("data", "verify"): (["{data}"], ["{data}", "--quick"]),
    ("data", "explore"): (["{data}", "-o", "{elsewhere}/page"],),
    ("data", "generate"): (["stemdl_smoke", "-o", "{data}", "--dry-run"],),
    ("launch",): (["--profile", "summit", "--nodes", "2", "--dry-run", "--", "--rung", "stemdl_smoke"],),
    ("completion",): (["bash"],),
}
CASES = [(words, options) for words, several in READS.items() for options in several]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory, smoke_data: Path, smoke_run: Path) -> dict[str, Path]:
    """Runs, a submission of them and data, all valid."""
    folder = tmp_path_factory.mktemp("read")
    source = source_sha256(ROOT / "reference")
    made = write_runs(folder / "runs", {index: log_lines(index) for index in range(5)}, source)
    assert main(["submit", str(made), "-o", str(folder / "tree"), "--system", "two-cores"]) == 0
    write_runs(folder / "many", {index: log_lines(30 + index) for index in range(10)}, source)
    return {
        "runs": folder / "runs",
        "many": folder / "many",
        "tree": folder / "tree",
        "data": smoke_data,
        "smoke": smoke_run,
    }


def state(folders: dict[str, Path]) -> dict[str, tuple]:
    """Of every file and folder its kind, size, time of the last change, and content."""
    found = {}
    for top in folders.values():
        for path in (top, *sorted(top.rglob("*"))):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino, content)
    return found


@pytest.mark.parametrize(("words", "options"), CASES, ids=lambda each: " ".join(each) if each else "-")
def test_what_is_read_stays_as_it_is(
    words: tuple[str, ...],
    options: list[str],
    read: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if words == ("completion",):
        pytest.importorskip("argcomplete")
    for name in ("home", "elsewhere", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    before = state(read)
    places = {name: str(path) for name, path in read.items()} | {"elsewhere": str(tmp_path / "elsewhere")}
    assert main([*words, *(option.format(**places) for option in options)]) in (0, 1)
    assert state(read) == before
    assert os.listdir(tmp_path / "here") == []
    assert set(os.listdir(tmp_path / "home")) <= {".config", ".cache"}  # of matplotlib, its fonts
    asked_for = {"report.md", "site", "table.md", "review", "tree", "points.json", "page"}
    assert set(os.listdir(tmp_path / "elsewhere")) <= asked_for


def test_every_command_is_tried_or_is_for_writing() -> None:
    assert {words for words, _ in leaves(build_parser())} == READS.keys() | WRITES
    assert set(COMMANDS) == {words[0] for words in READS.keys() | WRITES}
