"""run_benchmark.sh: by hand it sets up, under a launcher it is a rank."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fake_machine import assert_refused, run, write_program

RANKS = {
    "jsrun": {"JSM_NAMESPACE_RANK": "{rank}", "JSM_NAMESPACE_SIZE": "24"},
    "mpirun": {"OMPI_COMM_WORLD_RANK": "{rank}", "OMPI_COMM_WORLD_SIZE": "2"},
    "srun": {"SLURM_STEP_ID": "0", "SLURM_PROCID": "{rank}", "SLURM_STEP_NUM_TASKS": "4"},
    "mpich": {"PMI_RANK": "{rank}", "PMI_SIZE": "2"},
    "pmix": {"PMIX_RANK": "{rank}"},
    "torchrun": {"RANK": "{rank}", "WORLD_SIZE": "2", "LOCAL_RANK": "0"},
}
NO_RANKS = {
    "by hand": {},
    "sbatch": {"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "4"},
    "salloc with an interactive step": {
        "SLURM_STEP_ID": "4294967290", "SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "1",
    },
    "a stray RANK": {"RANK": "3"},
}  # fmt: skip


def as_rank(launcher: str, rank: int) -> dict[str, str]:
    return {name: value.format(rank=rank) for name, value in RANKS[launcher].items()}


@pytest.mark.parametrize("launcher", RANKS)
def test_rank_without_environment_says_what_to_run(checkout: Path, machine: dict[str, str], launcher: str) -> None:
    first = run(checkout, machine | as_rank(launcher, 0), "./run_benchmark.sh")
    assert_refused(first, machine, f"{checkout}/scripts/setup_env.sh")
    other = run(checkout, machine | as_rank(launcher, 1), "./run_benchmark.sh")
    assert (other.returncode, other.stdout, other.stderr) == (2, "", "")
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("launcher", [*RANKS, *NO_RANKS])
def test_run_benchmark_becomes_stemdl_run(checkout: Path, machine: dict[str, str], launcher: str) -> None:
    assert run(checkout, machine).returncode == 0
    write_program(checkout / ".venv/bin/stemdl", '#!/bin/bash\nprintf "%s|" "$@" "${PATH%%:*}"\n')
    environment = machine | (as_rank(launcher, 1) if launcher in RANKS else NO_RANKS[launcher])
    result = run(checkout, environment, "./run_benchmark.sh", "--rung", "two words")
    assert result.stdout == f"run|--rung|two words|{checkout}/.venv/bin|", result.stderr


@pytest.mark.parametrize("case", NO_RANKS)
def test_only_a_launcher_makes_a_rank(checkout: Path, machine: dict[str, str], case: str) -> None:
    result = run(checkout, machine | NO_RANKS[case] | {"PIP_SAYS": "stop here"}, "./run_benchmark.sh")
    assert result.returncode == 1 and "stop here" in result.stderr, "it set up, as one does by hand"


def test_batch_system_runs_a_copy_of_the_script(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    assert run(checkout, machine).returncode == 0
    write_program(checkout / ".venv/bin/stemdl", "#!/bin/bash\npwd\n")
    spool = tmp_path / "spool"
    spool.mkdir()
    shutil.copy(checkout / "run_benchmark.sh", spool / "slurm_script")
    result = run(spool, machine | {"SLURM_SUBMIT_DIR": str(checkout)}, str(spool / "slurm_script"))
    assert result.returncode == 0, result.stderr
