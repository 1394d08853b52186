"""Files of a submission are added and never overwritten; what is broken off can be done again."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.cli.main import main
from benchmark.foundation.errors import StemdlError
from benchmark.launch.launchers import launcher_names
from benchmark.submission.package import command_of, publish, put, put_runs
from benchmark.submission.run_record import StoredRun


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        put(folder / name, text)
    return folder


def read(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("launcher", [*launcher_names(), "none of them", None])
def test_the_command_of_runs_on_several_nodes_can_be_typed(
    launcher: str | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """It is `stemdl launch`, whatever words the launcher takes; what it cannot start so, it says."""
    draft = SimpleNamespace(
        told=SimpleNamespace(trainer=None, instances=1, ranks=4),
        description={"number_of_nodes": "2"},
        rung="stemdl_smoke",
        runs=[(SimpleNamespace(record={"launcher": launcher}), None)] * 5,
    )
    monkeypatch.setenv("MASTER_ADDR", "node0")
    stemdl, command, *words = shlex.split(command_of(draft))
    assert (stemdl, command, words[-4:]) == ("stemdl", "launch", ["--rung", "stemdl_smoke", "--runs", "5"])
    assert ("--launcher" in words) == (launcher in launcher_names())
    code = main(["launch", "--dry-run", *words])
    output = capsys.readouterr()
    if launcher == "local":
        assert code == 2 and "local starts one rank" in output.err
    else:
        assert code == 0 and "--rung stemdl_smoke --runs 5 --output" in output.out


OLD = {"systems/a.json": "a", "results/a/strong/x/result_0.txt": "0"}
NEW = {"systems/b.json": "b", "results/b/strong/x/result_0.txt": "1", "benchmarks/x/README.md": "read"}


def test_what_is_new_is_added(tmp_path: Path):
    publish(write(tmp_path / "staged", OLD | NEW), write(tmp_path / "tree", OLD))
    assert read(tmp_path / "tree") == OLD | NEW
    publish(write(tmp_path / "whole", NEW), tmp_path / "elsewhere" / "tree")
    assert read(tmp_path / "elsewhere" / "tree") == NEW


def test_what_was_broken_off_is_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tree, rename, left = write(tmp_path / "tree", OLD), os.rename, 2

    def until(source: Path, target: Path) -> None:
        nonlocal left
        if left == 0:
            raise KeyboardInterrupt
        left -= 1
        rename(source, target)

    monkeypatch.setattr(os, "rename", until)
    with pytest.raises(KeyboardInterrupt):
        publish(write(tmp_path / "staged", OLD | NEW), tree)
    assert not (tree / "results" / "b").exists()  # results come last: none without its system
    monkeypatch.undo()
    publish(write(tmp_path / "again", OLD | NEW), tree)
    assert read(tree) == OLD | NEW


def test_somebody_else_s_file_is_not_overwritten(tmp_path: Path):
    tree = write(tmp_path / "tree", OLD | {"systems/b.json": "other"})
    with pytest.raises(StemdlError, match="meanwhile"):
        publish(write(tmp_path / "staged", OLD | NEW), tree)
    assert read(tree)["systems/b.json"] == "other"


def test_a_file_is_put_once(tmp_path: Path):
    put(tmp_path / "a", "1")
    put(tmp_path / "a", b"1")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name, content in (("a", "2"), ("link", "1")):
        with pytest.raises(StemdlError, match="nothing is overwritten"):
            put(tmp_path / name, content)


def test_power_logs_go_with_their_runs_whatever_the_number_of_these(tmp_path: Path):
    from mlperf_logging.package_checker.power_checker import PowerChecker

    runs = []
    for index in (3, 5):
        folder = write(
            tmp_path / f"run_{index}",
            {
                f"result_{index}.txt": f"log {index}",
                "run.json": "{}",
                f"power/result_{index}/node_0.txt": f"power {index}",
                f"power/result_{index}/node_1.txt": "more",
            },
        )
        runs.append((StoredRun(folder, {}), None))
    results = tmp_path / "system" / "strong" / "stemdl_mini"
    put_runs(runs, results, "result_{index}.txt")
    assert read(results) == {
        "result_0.txt": "log 3",
        "result_0.json": "{}",
        "result_1.txt": "log 5",
        "result_1.json": "{}",
        "power/result_0/node_0.txt": "power 3",
        "power/result_0/node_1.txt": "more",
        "power/result_1/node_0.txt": "power 5",
        "power/result_1/node_1.txt": "more",
    }
    good, faults = PowerChecker("3.0.0").check_power(str(results / "power"), ["result_0.txt", "result_1.txt"])
    assert good and not faults
