"""results/leaderboard.md is what the results come to now."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.cli.main import main

RESULTS = Path(__file__).resolve().parents[3] / "results"


def test_the_leaderboard_is_not_stale(tmp_path: Path) -> None:
    made = tmp_path / "leaderboard.md"
    assert main(["report", str(RESULTS), "--table", str(made)]) == 0
    assert (RESULTS / "leaderboard.md").read_text() == made.read_text(), (
        "stale: stemdl report results --table results/leaderboard.md"
    )


def test_a_table_takes_the_place_of_an_older_one_and_of_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for form in ("csv", "json", "md", "tex"):
        path = tmp_path / f"table.{form}"
        assert main(["report", str(RESULTS), "--table", str(path)]) == 0
        assert main(["report", str(RESULTS), "--table", str(path)]) == 0
        path.write_text("my thesis")
        assert main(["report", str(RESULTS), "--table", str(path)]) == 2
        assert path.read_text() == "my thesis" and "not a table of results" in capsys.readouterr().err
