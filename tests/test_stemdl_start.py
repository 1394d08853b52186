from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

import pytest

import stemdl_start

PROGRAM = "import sys, stemdl_start; sys.exit(stemdl_start.main())"
"""What the installed program does; that it is this function is tested below."""


def start(path: str, environment: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {**environment, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True)


def test_the_program_is_this_one() -> None:
    settings = ConfigParser()
    settings.read(Path(stemdl_start.__file__).with_name("setup.cfg"))
    assert settings["options.entry_points"]["console_scripts"].split() == ["stemdl", "=", "stemdl_start:main"]
    assert settings["options"]["py_modules"].split() == ["stemdl_start"]


@pytest.mark.parametrize("place", ["benchmark.py", "reference.py", "benchmark/__init__.py", "reference/mine.py"])
def test_somebody_elses_modules_are_named(place: str, tmp_path: Path, environment: Mapping[str, str]) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("raise SystemExit('this is not ours')")
    ours = environment["PYTHONPATH"]
    started = start(f"{tmp_path}:{ours}", environment, "show", "my run")
    name = place.split("/")[0].removesuffix(".py")
    if place == "reference/mine.py":  # a folder that is not a package gives way to ours
        assert started.returncode == 2 and "there is no run here" in started.stderr
    else:
        assert started.returncode == 2 and started.stdout == "", started
        assert f"{tmp_path / place}: Python finds this '{name}'" in started.stderr
        assert started.stderr.endswith("env -u PYTHONPATH stemdl show 'my run'\n")
    assert start(f"{ours}:{tmp_path}", environment, "--version").stdout.startswith("stemdl ")
