"""Weak scaling: instances start together, one that dies stops no other, and the figures are those of the logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from schemas import held_but_not_spoiled

from benchmark.events import keys
from benchmark.events.reader import read_events
from benchmark.launch.cores import usable_cores
from benchmark.launch.share import divide
from benchmark.scoring.score import score_paths
from benchmark.submission.ledger import read_ledger
from benchmark.submission.weak_set import make_instances, read_instances


def times(folder: Path, index: int) -> dict[str, int]:
    """Of an instance's log, the milliseconds of each mark."""
    return {event.key: event.time_ms for event in read_events(folder / f"instance_{index}" / f"result_{index}.txt")}


def test_all_start_together_and_the_figures_are_those_of_the_logs(pretend):
    request, driver = pretend("1=late,2=missed", instances=4)
    said = []
    outcomes = make_instances(request, driver, divide(4, 0), said.append)
    assert [each.status for each in outcomes] == ["success", "success", "aborted", "success"]
    assert "4 instances are ready, and start together" in said
    marks = [times(request.output, index) for index in range(4)]
    last_ready = max(each[keys.INIT_STOP] for each in marks)
    assert all(each[keys.RUN_START] >= last_ready for each in marks)
    assert marks[1][keys.INIT_STOP] == last_ready > max(marks[index][keys.INIT_STOP] for index in (0, 2, 3))

    summary = read_instances(request.output)
    counted = [marks[index] for index in (0, 1, 3)]  # the one that missed the target is not a model
    minutes = (max(each[keys.RUN_STOP] for each in counted) - min(each[keys.RUN_START] for each in counted)) / 60_000
    assert summary["total_minutes"] == minutes and summary["models_per_hour"] == pytest.approx(3 / (minutes / 60))
    assert (summary["instances"], summary["reached"], summary["seeds_differ"]) == (4, 3, True)
    held_but_not_spoiled("runset", summary, {"format": 2}, {"runs": []}, {"scaling": "strong"}, {"shared": "no"})
    assert [(run["run_start_ms"], run["run_stop_ms"]) for run in summary["runs"]] == [
        (each[keys.RUN_START], each[keys.RUN_STOP]) for each in marks
    ]
    assert summary["shared"] == (usable_cores() < 4)
    ledger = read_ledger(driver.ledger)
    assert not ledger.faults and [run.instances for run in ledger.runs] == [4] * 4
    assert sorted((run.folder, run.status) for run in ledger.runs) == [
        (f"set/instance_{index}", each.status) for index, each in enumerate(outcomes)
    ]
    (row,) = score_paths([request.output])
    assert (row.scaling, row.system, row.runs) == ("weak", "set", 4)


@pytest.mark.parametrize("fate", ["dumb", "killed", "wrong"])
def test_one_that_dies_stops_no_other(pretend, fate: str):
    request, driver = pretend(f"0={fate}", instances=3)
    said = []
    outcomes = make_instances(request, driver, divide(3, 0), said.append)
    assert [each.status for each in outcomes] == ["crashed", "success", "success"]
    assert f"instance 0: crashed; see {request.output / 'instance_0.txt'}" in said
    summary = read_instances(request.output)
    assert (summary["reached"], summary["instances"]) == (2, 3)
    assert (summary["runs"][0]["run_start_ms"] is not None) == (fate == "killed")
    assert summary["runs"][0]["run_stop_ms"] is None and summary["total_minutes"] > 0
    assert sorted(run.status for run in read_ledger(driver.ledger).runs) == ["crashed", "success", "success"]


def test_an_interruption_ends_all_of_them_and_the_ledger_says_so(pretend):
    request, driver = pretend("0=hangs,1=hangs", instances=2)

    def interrupt(text: str) -> None:
        if "start together" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_instances(request, driver, divide(2, 0), interrupt)
    assert [run.status for run in read_ledger(driver.ledger).runs] == ["crashed", "crashed"]
    open_by = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(request.output).encode() in _bytes(path)]
    assert not open_by  # no rank is left


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended meanwhile
        return b""


def test_another_set_s_figures_are_not_taken_for_these(tmp_path: Path):
    assert read_instances(tmp_path) is None
    (tmp_path / "runset.json").write_text(json.dumps({"runs": 2, "reached": 2}))
    assert read_instances(tmp_path) is None
