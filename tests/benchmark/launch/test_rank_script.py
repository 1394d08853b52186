"""run_benchmark.sh and `detect_rank` read the same environments alike: by hand, rank 0, or another rank."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import detect_rank, starters

ROOT = Path(__file__).resolve().parents[3]
SET_UP = """#!/bin/bash
[[ ${1:-} == --check ]] && { echo "not set up" >&2; exit 2; }
echo "by hand" >&2; exit 3
"""


def _whole(launcher: str, rank: int, one_a_node: bool = False) -> dict[str, str]:
    """All that a launcher leaves to a rank of 4, on two nodes, or with one_a_node on four."""
    local, nodes = (0, 4) if one_a_node else (rank % 2, 2)
    if launcher == "srun":
        return {
            "SLURM_STEP_ID": "0",
            "SLURM_PROCID": str(rank),
            "SLURM_STEP_NUM_TASKS": "4",
            "SLURM_LOCALID": str(local),
            "SLURM_STEP_NUM_NODES": str(nodes),
            "SLURM_NODEID": str(rank // (4 // nodes)),
            "SLURM_STEP_TASKS_PER_NODE": f"{4 // nodes}(x{nodes})",
            "SLURM_JOB_ID": "9",
        }
    starter = next(starter for starter in starters() if starter.name == launcher)
    values = ((starter.rank, rank), (starter.size, 4), (starter.local_rank, local), (starter.local_size, 4 // nodes))
    return {names[0]: str(value) for names, value in values if names}


LAUNCHERS = [
    each.name for each in starters() if each.name != "local" and (each.local_size or each.name in ("srun", "PMIx"))
]
ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {"RANK": "3"},
    {"LOCAL_RANK": "0"},
    {"WORLD_SIZE": "4"},
    {"RANK": "1", "LOCAL_RANK": "1"},
    {"SLURM_JOB_ID": "9", "SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"},
    {"SLURM_STEP_ID": "4294967290", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1"},
    {"SLURM_STEP_ID": "4294967291", "SLURM_PROCID": "0"},
    {"SLURM_STEP_ID": "", "SLURM_PROCID": "0"},
    {"SLURM_STEP_ID": "010", "SLURM_PROCID": "1"},
    {"OMPI_COMM_WORLD_SIZE": "4"},
    {"JSM_NAMESPACE_RANK": ""},
    {"PMI_SIZE": "4"},
    {"PMIX_RANK": "0"},
    {"PALS_RANKID": "2", "PMIX_RANK": "2"},
    *(_whole(launcher, rank) for launcher in LAUNCHERS for rank in (0, 3)),
    *(_whole("srun", 0, one_a_node=True) | _whole(inner, 3) for inner in LAUNCHERS if inner != "srun"),
    *(_whole("srun", 3, one_a_node=True) | _whole(inner, 0) for inner in LAUNCHERS if inner != "srun"),
]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script, with a set-up next to it that only tells how it was called."""
    root = tmp_path_factory.mktemp("checkout")
    (root / "benchmark").symlink_to(ROOT / "benchmark")
    (root / "scripts").mkdir()
    (root / "scripts" / "setup_env.sh").write_text(SET_UP)
    (root / "scripts" / "setup_env.sh").chmod(0o755)
    (root / "run_benchmark.sh").write_text((ROOT / "run_benchmark.sh").read_text())
    return root


@pytest.mark.parametrize("environ", ENVIRONMENTS, ids=lambda environ: " ".join(environ) or "nothing")
def test_the_script_and_the_module_agree(environ: dict[str, str], checkout: Path) -> None:
    done = subprocess.run(
        ["bash", str(checkout / "run_benchmark.sh")],
        env={"PATH": "/usr/bin:/bin", "STEMDL_PYTHON": sys.executable, **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        found = detect_rank(environ)
    except StemdlError:
        assert done.returncode == 2, "a rank: the module then says what is wrong with it"
        return
    if found.launcher == "alone":
        assert (done.returncode, done.stderr) == (3, "by hand\n")
    else:
        assert (done.returncode, done.stderr) == (2, "not set up\n" if found.rank == 0 else "")
