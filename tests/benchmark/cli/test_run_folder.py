"""The folder of a run that nobody named: one that no other process has, and the same on all ranks of a launcher."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli.run_folder import own_folder, same_folder, unnamed_folder
from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.launch.rank import ALONE

RANK = """
import sys
from pathlib import Path
from benchmark.cli.run_folder import same_folder
from benchmark.definition.finder import load_benchmark
from benchmark.definition.request import RunRequest
from benchmark.launch.rank import detect_rank

rank, (folder, unnamed) = detect_rank(), sys.argv[1:]
benchmark = load_benchmark("space_group")
named = Path(folder) / f"by the clock of rank {rank.rank}"
request = RunRequest(benchmark, benchmark.rung("stemdl_smoke"), Path("data"), named)
with same_folder(request, unnamed == "unnamed", rank) as same:
    (Path(folder) / f"{unnamed}_{rank.rank}").write_text(same.output.name)
"""


def request_for(folder: Path) -> RunRequest:
    benchmark = load_benchmark("space_group")
    return RunRequest(benchmark, benchmark.rung("stemdl_smoke"), folder / "data", folder / "runs/now")


def test_two_that_begin_in_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    request = request_for(tmp_path)
    with own_folder(request, True) as one, own_folder(request, True) as other:
        assert [each.output.name for each in (one, other)] == ["now", "now-2"]
        (other.output / "result_0.txt").write_text("")
    assert [path.name for path in request.output.parent.iterdir()] == ["now-2"], "nothing came into the first"
    with own_folder(request, False) as named:
        assert named is request and not request.output.exists()


def test_a_name_is_free_though_a_run_of_the_same_second_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.gmtime", lambda: (2026, 11, 28, 13, 39, 12, 5, 332, 0))
    names = []
    for _ in range(3):
        names.append(unnamed_folder("stemdl_smoke"))
        names[-1].mkdir(parents=True)
    assert [each.name for each in names] == [f"20261128T133912-stemdl_smoke{number}" for number in ("", "-2", "-3")]


def test_a_rank_that_is_alone_asks_nobody(tmp_path: Path) -> None:
    with same_folder(request_for(tmp_path), True, ALONE) as one, same_folder(one, True, ALONE) as other:
        assert [each.output.name for each in (one, other)] == ["now", "now-2"]


@pytest.mark.mpi
def test_ranks_whose_clocks_differ_have_one_folder(mpirun: Callable, tmp_path: Path) -> None:
    done = mpirun(3, sys.executable, "-c", RANK, tmp_path, "unnamed")
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / f"unnamed_{rank}").read_text() for rank in range(3)] == ["by the clock of rank 0"] * 3
    assert not (tmp_path / "by the clock of rank 1").exists()


@pytest.mark.mpi
def test_a_folder_that_was_named_is_every_rank_s_own_word(mpirun: Callable, tmp_path: Path) -> None:
    done = mpirun(2, sys.executable, "-c", RANK, tmp_path, "named")
    assert done.returncode == 0, done.stderr
    assert [(tmp_path / f"named_{rank}").read_text()[-1] for rank in range(2)] == ["0", "1"]
