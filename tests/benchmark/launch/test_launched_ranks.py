"""Real ranks by mpirun: where they run, what they print while they work, and how the job ends with one of them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import HANG_SECONDS

from benchmark.launch.cores import binding_works, may_bind, usable_cores
from benchmark.launch.launchers import Job, get_launcher, mpirun

REPORT = """
import json, os, sys
from mpi4py import MPI
from benchmark.launch.rank import detect_rank
world = MPI.COMM_WORLD
seen = {"rank": world.rank, "sum": world.allreduce(world.rank + 1), "read": vars(detect_rank()),
        "cores": sorted(os.sched_getaffinity(0)), "word": os.environ["STEMDL_TEST"]}
sys.stdout.write(json.dumps(seen) + chr(10))
"""


@pytest.fixture
def some_cores() -> Iterator[Callable[[int], None]]:
    """`some_cores(count)`: this test, and what it starts, is kept to so many of its CPUs."""
    mine = os.sched_getaffinity(0)
    yield lambda count: os.sched_setaffinity(0, sorted(mine)[:count])
    if os.sched_getaffinity(0) != mine:
        os.sched_setaffinity(0, mine)


def _start(ranks: int, program: str, **environment: str) -> subprocess.Popen[str]:
    argv = get_launcher("mpirun").argv(Job(ranks, (sys.executable, "-c", program), environment=environment))
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        argv,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("ranks", "cores"),
    [
        (1, None),
        (2, None),
        pytest.param(
            2,
            1,
            marks=pytest.mark.skipif(
                not binding_works(), reason="this machine does not let processes choose their CPUs"
            ),
        ),
    ],
)
def test_real_ranks(ranks: int, cores: int | None, some_cores: Callable[[int], None]) -> None:
    """On all the cores that are here, and with fewer cores than ranks."""
    if cores:
        some_cores(cores)
    with _start(ranks, REPORT, STEMDL_TEST="two words, = and '") as process:
        output, errors = process.communicate(timeout=HANG_SECONDS)
    assert errors == "", "mpirun is to be quiet"
    seen = sorted((json.loads(line) for line in output.splitlines()), key=lambda told: told["rank"])
    assert [told["rank"] for told in seen] == list(range(ranks))
    for rank, told in enumerate(seen):
        assert told["sum"] == ranks * (ranks + 1) // 2
        assert told["read"] == {
            "rank": rank,
            "size": ranks,
            "local_rank": rank,
            "local_size": ranks,
            "launcher": "mpirun",
        }
        assert told["word"] == "two words, = and '"
    if ranks <= usable_cores() and may_bind():
        cores = [core for told in seen for core in told["cores"]]
        assert len(cores) == len(set(cores)), "each rank has cores of its own"


@pytest.mark.mpi
def test_real_ranks_with_their_segments_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpirun, "SHARED_MEMORY_BYTES_PER_RANK", 2**60)
    with _start(2, REPORT, STEMDL_TEST="x") as process:
        output, errors = process.communicate(timeout=HANG_SECONDS)
    assert errors == ""
    assert [json.loads(line)["sum"] for line in output.splitlines()] == [3, 3]


@pytest.mark.mpi
def test_output_arrives_while_the_rank_works(tmp_path: Path) -> None:
    """It ends once the test has read its first line; were that held back, it would wait for the test in vain."""
    end = tmp_path / "end"
    program = (
        "import pathlib, sys, time\nprint('first')\n"
        f"end, until = pathlib.Path({str(end)!r}), time.monotonic() + {HANG_SECONDS / 2}\n"
        "while not end.exists() and time.monotonic() < until: time.sleep(0.02)\n"
        "sys.exit(0 if end.exists() else 'nobody read the first line')"
    )
    with _start(1, program) as process:
        assert process.stdout.readline() == "first\n" and process.poll() is None
        end.touch()
        _, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 0, errors


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("death", "status"), [("os._exit(3)", 3), ("os.kill(os.getpid(), 9)", 137), ("MPI.COMM_WORLD.Abort(5)", 5)]
)
def test_a_dead_rank_ends_the_job(death: str, status: int) -> None:
    program = f"import os; from mpi4py import MPI; MPI.COMM_WORLD.rank == 1 and {death}; MPI.COMM_WORLD.Barrier()"
    process = _start(2, program)
    try:
        _, errors = process.communicate(timeout=HANG_SECONDS)
    finally:
        process.terminate()
    assert process.returncode == status
    assert re.search(r"rank 1\b|@1,1\]", errors), "mpirun names the rank"
