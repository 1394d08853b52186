"""Runs to be submitted, the command that packs them, and what it has written."""

from __future__ import annotations

import json
from pathlib import Path

from corpus import write_runs
from honest_run import APART_MS, ORG, RUNG, log_lines

from benchmark.cli.main import main
from benchmark.events import keys
from benchmark.foundation.source import source_sha256
from benchmark.submission.ledger_entry import ROOT

SOURCE = source_sha256(ROOT / "reference")


RESULTS = f"{ORG}/results/two-cores/strong/{RUNG}"


def at_once(folder: Path, instances: int, missed: int = -1) -> Path:
    """A weak-scaling set whose instances start 30 ms one after the other; number `missed` is short of the target."""
    logs = {index: log_lines(20 + index) for index in range(instances)}
    for index, lines in logs.items():
        for line in lines:
            line["time_ms"] -= APART_MS * (20 + index) - 30 * index
            if index == missed and line["key"] in (keys.EVAL_ACCURACY, keys.F1_MACRO):
                line["value"] = min(line["value"], 0.89)
            if index == missed and line["key"] == keys.RUN_STOP:
                line["metadata"]["status"] = keys.ABORTED
    return write_runs(folder, logs, SOURCE, instances)


def submit(runs: Path, tree: Path, *options: str) -> int:
    """The exit code of `stemdl submit` into a tree."""
    return main(["submit", str(runs), "-o", str(tree), "--system", "two-cores", *options])


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its name there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def log_lines_of(log: Path) -> list[dict]:
    return [json.loads(line.removeprefix(":::MLLOG ")) for line in log.read_text().splitlines()]
