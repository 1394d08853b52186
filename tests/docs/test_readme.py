"""What the README says of all benchmarks is so: which rungs each has, and which goals rest on recorded runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.definition.finder import load_benchmark

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = [re.split(r" *\| *", line)[1:-1] for line in README.splitlines() if line.startswith("| [")]
SHIPPED = sorted(path.parent.name for path in (ROOT / "benchmark" / "tasks").glob("*/definition.yaml"))


def named(text: str) -> list[str]:
    """The rungs of a cell such as `a_smoke`, `_mini`."""
    first, *others = re.findall(r"`(\w+)`", text)
    return [first, *(first.rpartition("_")[0] + each for each in others)]


def test_each_benchmark_has_a_row() -> None:
    assert sorted(re.match(r"\[(\w+)\]", row[0])[1] for row in ROWS) == SHIPPED


@pytest.mark.parametrize("row", ROWS, ids=[row[0].split("]")[0][1:] for row in ROWS])
def test_a_row_has_all_rungs(row: list[str]) -> None:
    benchmark = load_benchmark(re.match(r"\[(\w+)\]", row[0])[1])
    assert sorted(named(row[-1])) == sorted(benchmark.rungs)


def test_goals_that_rest_on_recorded_runs_are_those_of_reference_points() -> None:
    (sentence,) = re.findall(r"goals rest\s+on\s+recorded\s+runs\s+for\s(.*?)\salone", README, re.DOTALL)
    recorded = (ROOT / "benchmark" / "tasks").glob("*/reference_points/*.json")
    assert sorted(re.findall(r"`(\w+)`", sentence)) == sorted(path.stem for path in recorded)
