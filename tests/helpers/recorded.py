"""The reference's published results of one rung, in a tree of their own: what tests spoil, and what they count."""

from __future__ import annotations

import shutil
from pathlib import Path

REFERENCE = Path(__file__).resolve().parents[2] / "results" / "reference"
RUNG, SYSTEM = "stemdl_mini", "2-cores-x86-horovod"


def copy_of_results(folder: Path) -> Path:
    """A new tree of the submission with this rung's results alone, with its code and its system."""
    shutil.copytree(REFERENCE / "benchmarks" / RUNG, folder / "benchmarks" / RUNG)
    shutil.copytree(REFERENCE / "results" / SYSTEM, folder / "results" / SYSTEM)
    (folder / "systems").mkdir()
    shutil.copy(REFERENCE / "systems" / f"{SYSTEM}.json", folder / "systems")
    return folder
