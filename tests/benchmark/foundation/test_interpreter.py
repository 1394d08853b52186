"""Programs of ours import no file that happens to lie where somebody works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.data.workers import workers
from benchmark.foundation.interpreter import HAS_OPTION, SAFE_PATH, SAFE_START, python

OF_310 = (sys.executable, str(SAFE_START))
"""The command where Python lacks the option; any Python can run it."""


@pytest.mark.parametrize("command", [python(), OF_310])
def test_the_working_directory_is_not_looked_into(command: tuple[str, ...], tmp_path: Path) -> None:
    for name in ("fractions", "runpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(7)")
    for program in (("-c", "import fractions"), ("-m", "fractions")):
        assert subprocess.run([*command, *program], cwd=tmp_path, check=False).returncode == 0
        assert subprocess.run([sys.executable, *program], cwd=tmp_path, check=False).returncode == 7


def test_programs_are_given_their_arguments_as_python_gives_them() -> None:
    program = ("-c", "import sys; print(__name__, sys.argv, '' in sys.path)", "one", "-m")
    said = subprocess.run([*OF_310, *program], capture_output=True, text=True, check=True).stdout
    assert said == "__main__ ['-c', 'one', '-m'] False\n"
    done = subprocess.run([*OF_310, "-m", "json.tool", "-"], input="[1]", capture_output=True, text=True, check=True)
    assert done.stdout == "[\n    1\n]\n"
    assert subprocess.run([*OF_310, "-c", "raise SystemExit(3)"], check=False).returncode == 3


@pytest.mark.skipif(not HAS_OPTION, reason="Python 3.10 always looks there")
def test_workers_do_not_look_there_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("socket", "tempfile", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(7)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(SAFE_PATH, raising=False)
    with workers(1, single_threaded=True) as work:
        assert work.map(abs, [-1, -2], "Trying", "numbers") == [1, 2]
    assert SAFE_PATH not in os.environ
