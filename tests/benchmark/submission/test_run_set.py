"""Run sets: what crashed stays and stops no other, the same command makes what is missing, the ledger has it all."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.foundation.errors import CheckFailed, StemdlError
from benchmark.submission.ledger import read_ledger
from benchmark.submission.run_driver import Outcome
from benchmark.submission.run_set import RUNSET, make_runs, missing_runs, runs_there

KILLED = "mpirun noticed that process rank 1 with PID 7 on node vm exited on signal 9 (Killed)."


def quiet(text: str) -> None:
    return


def statuses(outcomes: list) -> list[tuple[int, str]]:
    return [(each.request.index, each.status) for each in outcomes]


def test_a_run_that_crashes_stays_and_the_same_command_makes_another(pretend):
    request, driver = pretend("1=killed,2=missed")
    said = []
    first = make_runs(request, 3, driver, said.append)
    assert statuses(first) == [(0, "success"), (1, "crashed"), (2, "aborted")]
    assert any("run_1: the run ended before it was done" in text for text in said)
    assert isinstance(first[1].fault(), CheckFailed) and first[0].fault() is None
    left = {path: path.read_bytes() for path in request.output.rglob("*") if path.is_file() and path.name != RUNSET}
    summary = json.loads((request.output / RUNSET).read_text())
    assert (summary["runs"], summary["reached"], summary["unfinished"]) == (2, 1, 1)

    again = make_runs(request, 3, driver, said.append)
    assert statuses(again) == [(0, "success"), (1, "crashed"), (2, "aborted"), (3, "success")]
    assert again[:3] == [replace(each, exit_code=None, ranks=None) for each in first]
    assert {path: path.read_bytes() for path in left} == left
    ledger = read_ledger(driver.ledger)
    assert not ledger.faults
    assert [(run.folder, run.status) for run in ledger.runs] == [
        ("set/run_0", "success"),
        ("set/run_1", "crashed"),
        ("set/run_2", "aborted"),
        ("set/run_3", "success"),
    ]
    assert len({run.seed for run in ledger.runs if run.status != "crashed"}) == 3
    assert len({run.configuration for run in ledger.runs}) == 1

    before = driver.ledger.read_bytes()
    assert statuses(make_runs(request, 3, driver, quiet)) == statuses(again)  # whole: nothing is begun
    assert driver.ledger.read_bytes() == before


@pytest.mark.parametrize(("words", "blamed"), [("", True), (KILLED, False)])
def test_what_ended_a_run_is_not_said_to_be_a_rank_where_none_is_known(pretend, words: str, blamed: bool):
    """A launcher that gets SIGTERM ends its ranks without a word, with exit code 1."""
    request, _ = pretend()
    told = str(Outcome(request, None, 1, 2, words).fault())
    assert "a rank died or failed" in told and ("something outside ended its launcher" in told) == blamed


def test_more_runs_are_added_to_a_whole_set(pretend):
    request, driver = pretend()
    make_runs(request, 1, driver, quiet)
    assert statuses(make_runs(request, 2, driver, quiet)) == [(0, "success"), (1, "success")]


def test_what_a_run_is_asked_in_vain_ends_the_set(pretend):
    request, driver = pretend("1=wrong")
    with pytest.raises(StemdlError, match="could not be made") as caught:
        make_runs(request, 3, driver, quiet)
    assert caught.value.exit_code == 2
    assert [run.status for run in read_ledger(driver.ledger).runs] == ["success", "crashed"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ranks": 2}, "ranks"),
        ({"settings": {"org": "Somewhere", "learning_rate": 0.004, "division": "closed"}}, "learning_rate"),
    ],
)
def test_a_set_is_not_gone_on_with_otherwise(pretend, change: dict, named: str):
    request, driver = pretend()
    make_runs(request, 1, driver, quiet)
    before = driver.ledger.read_bytes()
    with pytest.raises(StemdlError, match=f"another {named}"):
        make_runs(request, 2, replace(driver, **change), quiet)
    assert driver.ledger.read_bytes() == before and not (request.output / "run_1").exists()


def test_a_set_is_not_gone_on_with_by_another_partition_of_the_data(pretend):
    request, driver = pretend()
    make_runs(request, 1, driver, quiet)
    with pytest.raises(StemdlError, match="another partition"):
        make_runs(replace(request, partition="folds_5/fold_0"), 2, driver, quiet)
    assert not (request.output / "run_1").exists()


def test_a_set_that_the_ledger_does_not_have_is_not_gone_on_with(pretend, tmp_path: Path):
    request, driver = pretend()
    make_runs(request, 1, driver, quiet)
    make_runs(replace(request, output=tmp_path / "runs" / "other"), 1, replace(driver, ledger=tmp_path / "own"), quiet)
    with pytest.raises(StemdlError, match="the ledger does not have this run"):
        make_runs(request, 2, replace(driver, ledger=tmp_path / "own"), quiet)


def test_a_resumed_run_is_none_of_the_set_s(pretend):
    request, driver = pretend()
    (made,) = make_runs(request, 1, driver, quiet)
    path = made.request.output / "run.json"
    path.write_text(json.dumps({**made.record, "resumed": True}))
    there = runs_there(request)
    assert [each.output.name for each in missing_runs(request, 1, there)] == ["run_1"]


def test_a_folder_of_something_else_is_refused(pretend):
    request, driver = pretend()
    request.output.mkdir(parents=True)
    (request.output / "thesis.tex").write_text("x")
    with pytest.raises(StemdlError, match="holds no run set"):
        make_runs(request, 2, driver, quiet)
    assert [path.name for path in request.output.iterdir()] == ["thesis.tex"]
