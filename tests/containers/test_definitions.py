"""The two definitions of an image make one environment: the same base, packages and script, which are there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "containers" / "Containerfile"
DEFINED = ROOT / "containers" / "stemdl.def"


def packages(text: str) -> list[str]:
    (listed,) = re.findall(r"apt-get install -y --no-install-recommends ([^\\\n]+)", text)
    return listed.split()


def test_both_have_one_base_and_the_same_packages() -> None:
    built, defined = BUILT.read_text(), DEFINED.read_text()
    (base,) = re.findall(r"^FROM docker\.io/library/(\S+)$", built, re.MULTILINE)
    assert f"Bootstrap: docker\nFrom: {base}\n" in defined
    assert packages(built) == packages(defined) == sorted(packages(built))


@pytest.mark.parametrize("path", [BUILT, DEFINED], ids=lambda path: path.name)
def test_what_is_run_in_them_is_of_the_repository(path: Path) -> None:
    named = set(re.findall(r"/opt/stemdl/([\w./-]+)", path.read_text()))
    assert named == {"scripts/setup_env.sh"} and all((ROOT / each).is_file() for each in named)
    variables = set(re.findall(r"\b(STEMDL_[A-Z_]+)\b", path.read_text()))
    known = (ROOT / "scripts" / "setup_env.sh").read_text()
    assert variables == {"STEMDL_VENV", "STEMDL_CACHE"} and all(each in known for each in variables)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="needs hadolint")
def test_the_linter_of_containerfiles_finds_nothing() -> None:
    done = subprocess.run(["hadolint", str(BUILT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
