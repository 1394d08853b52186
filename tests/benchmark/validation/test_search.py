"""What was tuned besides the submitted set, as a reader is shown it."""

from __future__ import annotations

from pathlib import Path

import pytest
from changes import ledger, more_run
from corpus import Tree

from benchmark.validation.finding import Severity
from benchmark.validation.validate import validate


def searched(ways: int, runs: int):
    """So many runs for each of so many learning rates, of half an hour each."""

    def change(entries) -> None:
        for way in range(ways * runs):
            rate = 0.1 * 2.0 ** -(way % ways)
            more_run(entries, 40.0, settings={**entries[0]["settings"], "learning_rate": rate})
            entries[-1]["time_ms"] = entries[-2]["time_ms"] + 1_800_000

    return ledger(change)


def told(change, folder: Path):
    tree = Tree.valid("closed")
    change(tree)
    tree.write(folder)
    return [each for each in validate([folder], official=False).findings if each.rule == "R4.17"]


@pytest.mark.parametrize(("ways", "severity"), [(20, Severity.NOTE), (21, Severity.WARNING)])
def test_a_search_is_told_with_its_hours(tmp_path: Path, ways: int, severity: Severity) -> None:
    (finding,) = told(searched(ways, 2), tmp_path)
    assert (finding.severity, finding.found) == (severity, f"{ways} in {2 * ways} runs, which lasted {ways} hours")


def test_runs_on_more_ranks_are_not_a_search(tmp_path: Path) -> None:
    assert told(ledger(lambda entries: more_run(entries, 40.0, ranks=4)), tmp_path) == []
