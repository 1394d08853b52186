"""Ranks that MPI does not know of are reported, whatever they were to do together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from patience import HANG_SECONDS

MEETINGS = {
    "preflight": "from benchmark.launch.exchange import MpiLink; MpiLink(rank)",
    "training": "from reference.comm_torch import _meeting_point; _meeting_point(rank)",
}
SRUN = {
    "SLURM_STEP_ID": "0",
    "SLURM_PROCID": "1",
    "SLURM_STEP_NUM_TASKS": "2",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_TASKS_PER_NODE": "2",
}


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=HANG_SECONDS, env=environment
    )


@pytest.mark.parametrize("meeting", MEETINGS)
def test_other_ranks_than_the_launchers_are_refused(environment: dict[str, str], meeting: str) -> None:
    done = run(
        environment,
        "-c",
        "from benchmark.launch.rank import Rank; rank = Rank(1, 2, 1, 2, 'mpirun'); " + MEETINGS[meeting],
    )
    assert "MPI sees other ranks than the launcher" in done.stderr and "found: rank 0 of 1" in done.stderr


def test_ranks_that_are_all_alone_do_not_each_make_the_data(environment: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    done = run(environment | SRUN, "-m", "benchmark", "data", "generate", "stemdl_smoke", "-o", str(folder))
    assert done.returncode == 2 and "MPI sees other ranks than the launcher" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and not folder.exists()
