"""Programs of ours import no file that happens to lie where somebody works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.foundation.interpreter import python


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has no -P before")
def test_the_working_directory_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "fractions.py").write_text("raise SystemExit(7)")
    for program in (("-c", "import fractions"), ("-m", "fractions")):
        assert subprocess.run([*python(), *program], cwd=tmp_path, check=False).returncode == 0
        assert subprocess.run([sys.executable, *program], cwd=tmp_path, check=False).returncode == 7
