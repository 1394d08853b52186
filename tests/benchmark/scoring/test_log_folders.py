"""Which folders hold the logs of one row."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmark.foundation.errors import StemdlError
from benchmark.scoring.log_folders import find_log_folders


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_a_tree_of_mlperf_hpc(tmp_path: Path):
    one = tmp_path / "B" / "results" / "sys" / "strong" / "deepcam"
    weak = tmp_path / "A" / "results" / "sys" / "weak" / "oc20"
    old = tmp_path / "C" / "results" / "sys" / "cosmoflow"
    touch(
        *(one / f"result_{number}.txt" for number in (10, 2, 0)),
        weak / "result_1.txt",
        old / "result_1.txt",
        weak / "pruned_results" / "result_2.txt",
        one / "power" / "result_0" / "node_0.txt",
        one / "result_1.log",
        tmp_path / "B" / "systems" / "sys.json",
    )
    found = find_log_folders([tmp_path])
    assert [(each.submitter, each.system, each.scaling, each.benchmark) for each in found] == [
        ("A", "sys", "weak", "oc20"),
        ("B", "sys", "strong", "deepcam"),
        ("C", "sys", "strong", "cosmoflow"),
    ]
    assert [log.name for log in found[1].logs] == ["result_0.txt", "result_2.txt", "result_10.txt"]
    # whichever part of the tree is named, and however often
    assert find_log_folders([one]) == [found[1]]
    assert find_log_folders([one, tmp_path, tmp_path / "B" / "results"]) == found


def test_a_tree_of_the_science_group(tmp_path: Path):
    folder = tmp_path / "A" / "stemdl" / "sys" / "experiment-1"
    touch(
        *(folder / f"result-{number}.txt" for number in (10, 2)),
        folder / "result-2.json",
        folder / "result-x.txt",
        tmp_path / "A" / "cloudmask" / "sys" / "one" / "result-1.txt",
    )
    cloudmask, stemdl = find_log_folders([tmp_path])
    assert (stemdl.folder, stemdl.submitter, stemdl.system, stemdl.scaling, stemdl.benchmark) == (
        folder,
        "A",
        "sys",
        "strong",
        None,
    )
    assert [log.name for log in stemdl.logs] == ["result-2.txt", "result-10.txt"]
    assert (cloudmask.submitter, cloudmask.system) == ("A", "sys")


def test_folders_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    touch(
        *(tmp_path / "runs" / "set" / f"run_{number}" / f"result_{number}.txt" for number in range(11)),
        tmp_path / "runs" / "alone" / "result_0.txt",
    )
    alone, a_set = find_log_folders([tmp_path / "runs"])
    assert (alone.submitter, alone.system, alone.benchmark, len(alone.logs)) == (None, "alone", None, 1)
    assert (a_set.system, a_set.folder) == ("set", tmp_path / "runs" / "set")
    assert [log.parent.name for log in a_set.logs] == [f"run_{number}" for number in range(11)]
    monkeypatch.chdir(tmp_path / "runs")
    assert find_log_folders([Path(".")]) == [alone, a_set]
    parts = find_log_folders([tmp_path / "runs" / "set" / "run_1", tmp_path / "runs" / "set" / "run_0"])
    assert [log.name for log in parts[0].logs] == ["result_0.txt", "result_1.txt"]


def test_links_and_pipes_are_no_logs(tmp_path: Path):
    folder = tmp_path / "tree" / "A" / "results" / "sys" / "strong" / "deepcam"
    touch(folder / "result_0.txt", tmp_path / "elsewhere" / "result_1.txt")
    (folder / "result_1.txt").symlink_to(tmp_path / "elsewhere" / "result_1.txt")
    (folder / "loop").symlink_to(folder)
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / "result_2.txt")
    (only,) = find_log_folders([tmp_path / "tree"])
    assert [log.name for log in only.logs] == ["result_0.txt"]


def test_nothing_to_score_is_an_error(tmp_path: Path):
    touch(tmp_path / "full" / "result_0.txt", tmp_path / "empty" / "notes.txt")
    for path, says in (
        (tmp_path / "none", "nothing here"),
        (tmp_path / "full" / "result_0.txt", "not a folder"),
        (tmp_path / "empty", "no logs"),
    ):
        with pytest.raises(StemdlError, match=says):
            find_log_folders([tmp_path / "full", path])
