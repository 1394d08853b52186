"""The easyconfig is of this version, and what it takes satisfies setup.cfg and is what constraints.txt tests with."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import benchmark

ROOT = Path(__file__).resolve().parents[2]
(PATH,) = (ROOT / "containers").glob("*.eb")


@pytest.fixture(scope="module")
def easyconfig() -> dict[str, Any]:
    """What EasyBuild reads of it: the file is Python, and this one needs none of EasyBuild's own names."""
    values: dict[str, Any] = {}
    exec(compile(PATH.read_text(encoding="utf-8"), PATH.name, "exec"), values)
    return values


def required() -> dict[str, Requirement]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    found = [Requirement(each) for each in setup["options"]["install_requires"].split("\n") if each.strip()]
    return {each.name: each for each in found}


def test_it_is_of_this_version_and_named_by_it(easyconfig: dict[str, Any]) -> None:
    toolchain = easyconfig["toolchain"]
    assert easyconfig["version"] == benchmark.__version__
    assert PATH.name == f"{easyconfig['name']}-{benchmark.__version__}-{toolchain['name']}-{toolchain['version']}.eb"
    assert f"stemdl-benchmark-{benchmark.__version__}.tar.gz HEAD" in PATH.read_text()


def test_what_it_takes_is_new_enough(easyconfig: dict[str, Any]) -> None:
    needed = required()
    named = {name.lower().replace("pytorch", "torch"): version for name, version in easyconfig["dependencies"]}
    named |= {name: version for name, version, *_ in easyconfig["exts_list"]}
    assert len(needed.keys() & named.keys()) == 9
    for name in needed.keys() & named.keys():
        assert needed[name].specifier.contains(named[name]), f"{needed[name]}: {named[name]}"


def test_what_it_installs_itself_is_what_is_tested_with(easyconfig: dict[str, Any]) -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    *others, ours = easyconfig["exts_list"]
    assert ours[:2] == ("stemdl-benchmark", benchmark.__version__)
    for name, version, *_ in others:
        assert re.search(rf"^{name}=={re.escape(version)}(;|$)", constraints, re.MULTILINE), name


@pytest.mark.skipif(shutil.which("eb") is None, reason="needs EasyBuild: pip install easybuild pycodestyle")
def test_easybuild_finds_its_style_good() -> None:
    done = subprocess.run(["eb", "--check-style", str(PATH)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
