"""Run sets: what crashed stays and stops no other, the same command makes what is missing, the ledger has it all."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.foundation.errors import CheckFailed, Interrupted, StemdlError
from benchmark.foundation.files import Busy, exclusive
from benchmark.launch import supervise
from benchmark.submission.ledger import read_ledger
from benchmark.submission.run_driver import Outcome
from benchmark.submission.run_set import LOCK, RUNSET, make_runs, missing_runs, runs_there

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


def test_a_set_whose_ledger_has_gone_is_not_gone_on_with(pretend):
    request, driver = pretend()
    make_runs(request, 1, driver, quiet)
    driver.ledger.rename(driver.ledger.with_suffix(".gone"))
    with pytest.raises(StemdlError, match="the ledger of these runs is not there") as caught:
        make_runs(request, 2, driver, quiet)
    assert caught.value.where == driver.ledger and "--ledger FILE" in caught.value.remedy


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


def test_two_processes_do_not_make_runs_of_one_set(pretend):
    request, driver = pretend()
    make_runs(request, 1, driver, quiet)
    assert not (request.output / LOCK).exists()
    before = driver.ledger.read_bytes()
    with exclusive(request.output / LOCK), pytest.raises(Busy, match="another process is at work here"):
        make_runs(request, 2, driver, quiet)
    assert driver.ledger.read_bytes() == before
    assert statuses(make_runs(request, 2, driver, quiet)) == [(0, "success"), (1, "success")]


def test_no_number_is_given_twice_though_a_run_was_deleted(pretend):
    request, driver = pretend()
    make_runs(request, 2, driver, quiet)
    shutil.rmtree(request.output / "run_1")
    assert statuses(make_runs(request, 2, driver, quiet)) == [(0, "success"), (2, "success")]


@pytest.mark.parametrize("rename", [shutil.move, shutil.copytree])
def test_a_run_under_another_number_is_refused_and_nothing_is_counted(pretend, rename):
    request, driver = pretend()
    make_runs(request, 2, driver, quiet)
    before = (request.output / RUNSET).read_bytes()
    rename(request.output / "run_1", request.output / "run_7")
    with pytest.raises(StemdlError, match="another run of a set, renamed or copied") as caught:
        make_runs(request, 2, driver, quiet)
    assert caught.value.where == request.output / "run_7" and caught.value.expected == "result_7.txt"
    assert (request.output / RUNSET).read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [{"log": 5}, {"log": {}}, {"status": None}, {"resumed": "no"}, {"seed": "3"}, {"time_to_train_seconds": None}],
    ids=str,
)
def test_a_damaged_record_is_named(pretend, change: dict):
    request, driver = pretend()
    (made,) = make_runs(request, 1, driver, quiet)
    path = made.request.output / "run.json"
    for record in (made.record | change, {name: made.record[name] for name in made.record if name not in change}):
        path.write_text(json.dumps(record))
        with pytest.raises(StemdlError, match="the run's record cannot be read") as caught:
            make_runs(request, 2, driver, quiet)
        assert caught.value.where == path and caught.value.remedy


def test_a_folder_of_a_run_that_never_began_stays(pretend):
    request, driver = pretend()
    make_runs(request, 1, driver, quiet)
    (request.output / "run_1").mkdir()
    (request.output / "run_1" / "nodes.json").write_text("{}")
    assert statuses(make_runs(request, 2, driver, quiet)) == [(0, "success"), (1, "crashed"), (2, "success")]


def test_a_ledger_that_is_not_whole_is_told_before_more_is_made(pretend):
    request, driver = pretend()
    make_runs(request, 1, driver, quiet)
    lines = driver.ledger.read_text().splitlines(keepends=True)
    driver.ledger.write_text("".join([*lines, lines[-1]]))
    said: list[str] = []
    try:
        make_runs(request, 2, driver, said.append)
    finally:
        assert any(f"{driver.ledger}:3:" in text and "closed division" in text for text in said)


def test_a_set_that_is_asked_to_end_begins_no_more(pretend, monkeypatch: pytest.MonkeyPatch):
    """A rank that is just starting dies of the signal, which is not a crash: no other run is begun after it."""
    request, driver = pretend("1=killed")
    make_runs(request, 1, driver, quiet)
    monkeypatch.setattr(supervise, "_warned", True)
    with pytest.raises(Interrupted, match="asked to end before it could keep its state"):
        make_runs(request, 3, driver, quiet)
    with pytest.raises(Interrupted, match="the set was asked to end"):
        make_runs(request, 3, driver, quiet)
    assert statuses(make_runs(request, 3, driver, quiet)) == [
        (0, "success"),
        (1, "crashed"),
        (2, "success"),
        (3, "success"),
    ]
