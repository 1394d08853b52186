"""A copy of the checkout, and the environment of a user whose only Python is a shim."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from fake_machine import SHIM, write_program

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the set-up reads; the path has a space."""
    root = tmp_path / "a checkout"
    root.mkdir()
    shutil.copytree(ROOT / "scripts", root / "scripts")
    (root / "benchmark").symlink_to(ROOT / "benchmark")
    for name in ("run_benchmark.sh", "constraints.txt", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, root)
    return root


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose only Python is the shim, far from any launcher."""
    bin_directory = tmp_path / "bin"
    bin_directory.mkdir()
    write_program(bin_directory / "python3", SHIM)
    return {
        "PATH": f"{bin_directory}:/usr/bin:/bin",
        "HOME": str(tmp_path / "home"),
        "STEMDL_PYTHON": str(bin_directory / "python3"),
        "STEMDL_WITHOUT_HOROVOD": "1",
        "STEMDL_DISK_GB": "0",
        "REAL_PYTHON": sys.executable,
        "TRACE": str(tmp_path / "trace"),
    }
