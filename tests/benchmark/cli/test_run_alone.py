"""One rank needs no launcher and no MPI library."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from patience import HANG_SECONDS


@pytest.fixture
def without_mpi(tmp_path: Path, environment: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """A Python that has no mpirun next to it or on PATH, and whose mpi4py finds no library."""
    python = tmp_path / "bin/python"
    python.parent.mkdir()
    python.symlink_to(Path(sys.executable).resolve())
    (tmp_path / "bin/env").symlink_to(shutil.which("env"))
    (tmp_path / "modules/mpi4py").mkdir(parents=True)
    (tmp_path / "modules/mpi4py/__init__.py").write_text("")
    (tmp_path / "modules/mpi4py/MPI.py").write_text("raise RuntimeError('cannot load MPI library')\n")
    path = f"{tmp_path / 'modules'}:{environment['PYTHONPATH']}:{sysconfig.get_path('purelib')}"
    return python, environment | {"PYTHONPATH": path, "PATH": str(python.parent)}


def test_one_rank_trains_without_a_launcher(
    tmp_path: Path, smoke_data: Path, without_mpi: tuple[Path, dict[str, str]]
) -> None:
    python, environment = without_mpi
    for ranks, code in ((1, 1), (2, 2)):
        done = subprocess.run(
            [
                python,
                "-m",
                "benchmark",
                "run",
                "--rung",
                "stemdl_smoke",
                "--data",
                smoke_data,
                "--ranks",
                str(ranks),
                "--oversubscribe",
                "--set",
                "max_epochs=1",
                "--output",
                tmp_path / f"run_{ranks}",
            ],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
            check=False,
        )
        assert done.returncode == code, done.stderr
        if ranks == 1:
            assert "1 rank (local)" in done.stdout  # one epoch does not reach the target: exit code 1
        else:
            assert "there is no mpirun" in done.stderr and "--ranks 1" in done.stderr
