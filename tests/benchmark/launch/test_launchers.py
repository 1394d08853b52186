"""Launchers: the asserted command lines, and what real ranks see that were started by them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmark.foundation.errors import StemdlError
from benchmark.launch.cores import may_bind, usable_cores
from benchmark.launch.launchers import Job, get_launcher, mpirun
from benchmark.launch.launchers.mpirun import find_mpirun
from benchmark.launch.resources import Layout

QUIET = ["--mca", "pml", "ob1", "--mca", "btl", "^tcp,openib,ofi,uct"]
YIELD = ["--mca", "mpi_yield_when_idle", "1"]


def _x(threads: int, *more: str) -> list[str]:
    pairs = ("PYTHONUNBUFFERED=1", f"OMP_NUM_THREADS={threads}", *more)
    return [word for pair in pairs for word in ("-x", pair)]


@pytest.mark.parametrize(
    ("job", "cores", "root", "binds", "expected"),
    [
        # one rank has all cores
        (
            Job(1, ("a",)),
            8,
            False,
            True,
            ["-n", "1", "--map-by", "ppr:1:node:PE=8", "--bind-to", "core", *QUIET, *_x(8)],
        ),
        # cores are shared out evenly, in whole cores
        (
            Job(3, ("a", "b c")),
            8,
            False,
            True,
            ["-n", "3", "--map-by", "ppr:3:node:PE=2", "--bind-to", "core", *QUIET, *_x(2)],
        ),
        # as many ranks as cores; root
        (
            Job(8, ("a",)),
            8,
            True,
            True,
            ["-n", "8", "--allow-run-as-root", "--map-by", "ppr:8:node:PE=1", "--bind-to", "core", *QUIET, *_x(1)],
        ),
        # binding is not permitted
        (Job(4, ("a",)), 8, False, False, ["-n", "4", "--map-by", "ppr:4:node", "--bind-to", "none", *QUIET, *_x(2)]),
        # more ranks than cores
        (
            Job(9, ("a",)),
            8,
            False,
            True,
            ["-n", "9", "--map-by", "ppr:9:node:OVERSUBSCRIBE", "--bind-to", "none", *YIELD, *QUIET, *_x(1)],
        ),
        # several nodes: networks stay available, and the environment travels
        (
            Job(24, ("a",), layout=Layout(24, 4, 6)),
            42,
            False,
            True,
            [
                "-n",
                "24",
                "--map-by",
                "ppr:6:node:PE=7",
                "--bind-to",
                "core",
                "-x",
                "PATH=/p",
                "-x",
                "LD_LIBRARY_PATH=/l",
                *_x(7),
            ],
        ),
        # the layout's cores count, not this host's
        (
            Job(24, ("a",), layout=Layout(24, 4, 6, cores_per_rank=7)),
            2,
            False,
            False,
            [
                "-n",
                "24",
                "--map-by",
                "ppr:6:node:PE=7",
                "--bind-to",
                "core",
                "-x",
                "PATH=/p",
                "-x",
                "LD_LIBRARY_PATH=/l",
                *_x(7),
            ],
        ),
        # all fit on one node
        (
            Job(2, ("a",), layout=Layout(2, 1, 6)),
            8,
            False,
            True,
            ["-n", "2", "--map-by", "ppr:2:node:PE=4", "--bind-to", "core", *QUIET, *_x(4)],
        ),
        # the job's own environment comes last and wins
        (
            Job(2, ("a",), environment={"OMP_NUM_THREADS": "3", "A": "b = c"}),
            8,
            False,
            True,
            ["-n", "2", "--map-by", "ppr:2:node:PE=4", "--bind-to", "core", *QUIET, *_x(3, "A=b = c")],
        ),
    ],
)
def test_mpirun_argv(
    monkeypatch: pytest.MonkeyPatch, job: Job, cores: int, root: bool, binds: bool, expected: list[str]
) -> None:
    monkeypatch.setattr(mpirun, "find_mpirun", lambda: "/bin/mpirun")
    monkeypatch.setattr(mpirun, "usable_cores", lambda: cores)
    monkeypatch.setattr(mpirun, "may_bind", lambda: binds)
    monkeypatch.setattr(mpirun, "SHARED_MEMORY_BYTES_PER_RANK", 0)
    monkeypatch.setattr(os, "geteuid", lambda: 0 if root else 1000)
    monkeypatch.setattr(os, "environ", {"HOME": "/h", "PATH": "/p", "LD_LIBRARY_PATH": "/l"})
    assert get_launcher("mpirun").argv(job) == ["/bin/mpirun", *expected, *job.command]


def test_the_users_number_of_threads_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpirun, "find_mpirun", lambda: "/bin/mpirun")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert "OMP_NUM_THREADS=5" in get_launcher("mpirun").argv(Job(2, ("a",)))


def test_mpirun_starts_where_home_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under cron or `env -i`; Open MPI ends with an error without it."""
    monkeypatch.delenv("HOME")
    argv = get_launcher("mpirun").argv(Job(1, ("true",)))
    assert argv[0] == "env" and Path(argv[1].removeprefix("HOME=")).is_absolute()
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # a user whom no list knows
    assert Path(get_launcher("mpirun").argv(Job(1, ("true",)))[1].removeprefix("HOME=")).is_absolute()


def test_little_shared_memory_moves_the_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpirun, "find_mpirun", lambda: "/bin/mpirun")
    monkeypatch.setattr(mpirun, "SHARED_MEMORY_BYTES_PER_RANK", 2**60)
    argv = get_launcher("mpirun").argv(Job(2, ("a",)))
    assert Path(argv[argv.index("btl_vader_backing_directory") + 1]).is_dir()


def test_an_unknown_launcher_is_told_the_nearest() -> None:
    with pytest.raises(StemdlError, match="did you mean 'mpirun'"):
        get_launcher("mpirum")


@pytest.mark.parametrize("wrong", [{"ranks": 0}, {"ranks": 2, "layout": Layout(3, 1, 3)}, {"ranks": 2, "command": ()}])
def test_impossible_jobs(wrong: dict) -> None:
    with pytest.raises(StemdlError):
        Job(**{"command": ("a",), **wrong})


def _program(path: Path, prints: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{prints}'\n")
    path.chmod(0o755)
    return path


def test_the_environments_own_mpirun_comes_before_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = _program(tmp_path / "own" / "mpirun", "mpirun (Open MPI) 5.0.11")
    other = _program(tmp_path / "other" / "mpirun", "mpirun (Open MPI) 4.1.4")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "own" / "python"))
    monkeypatch.setenv("PATH", str(other.parent))
    assert find_mpirun() == str(own)
    own.unlink()
    assert find_mpirun() == str(other)
    other.unlink()
    with pytest.raises(StemdlError, match="there is no mpirun") as caught:
        find_mpirun()
    assert "run_benchmark.sh" in caught.value.remedy


def test_another_mpis_mpirun_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / "bin" / "mpirun", "HYDRA build details:")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    with pytest.raises(StemdlError, match="mpirun is not Open MPI"):
        find_mpirun()


def test_usable_cores_follow_the_affinity() -> None:
    mine = os.sched_getaffinity(0)
    assert 1 <= usable_cores() <= len(mine)
    try:
        os.sched_setaffinity(0, {min(mine)})
        assert usable_cores() == 1
        # mpirun would bind to the cores that were taken from this process
        assert may_bind() is (os.cpu_count() == 1)
    finally:
        os.sched_setaffinity(0, mine)


def test_binding_that_is_forbidden_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(pid: int, mask: set[int]) -> None:
        raise PermissionError("no")

    monkeypatch.setattr(os, "cpu_count", lambda: len(os.sched_getaffinity(0)))
    assert may_bind()
    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    assert not may_bind()
