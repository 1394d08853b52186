"""The two definitions of an image make one environment: the same base, packages and script, which are there."""

from __future__ import annotations

import os
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
    assert defined.startswith("Bootstrap: {{ bootstrap }}\nFrom: {{ base }}\n")
    assert f"%arguments\n    bootstrap=docker\n    base={base}\n" in defined
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


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("buildah") is None or "STEMDL_BUILD_IMAGE" not in os.environ,
    reason="builds an image in 20 minutes: STEMDL_BUILD_IMAGE=1, with buildah and the base image",
)
def test_the_image_is_built_and_runs_the_smoke_rung() -> None:
    steps = (
        "buildah bud --isolation chroot --network host -t stemdl-tested -f containers/Containerfile .",
        "buildah from --name stemdl-tested stemdl-tested",
        "buildah run --isolation chroot stemdl-tested -- stemdl --version",
        "buildah run --isolation chroot --workingdir /tmp stemdl-tested -- "
        "stemdl data generate stemdl_smoke -o smoke --ranks 1",
        "buildah run --isolation chroot --workingdir /tmp stemdl-tested -- "
        "stemdl run --rung stemdl_smoke --data smoke --ranks 1 --output run",
    )
    try:
        for step in steps:
            done = subprocess.run(step.split(), cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, f"{step}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    finally:
        subprocess.run(["buildah", "rm", "stemdl-tested"], capture_output=True)
        subprocess.run(["buildah", "rmi", "stemdl-tested"], capture_output=True)


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("apptainer") is None or "STEMDL_BUILD_IMAGE" not in os.environ,
    reason="builds an image in 20 minutes: STEMDL_BUILD_IMAGE=1, or the folder of a base, with apptainer",
)
def test_the_image_for_clusters_is_built_and_runs_the_smoke_rung(tmp_path: Path) -> None:
    base, image = os.environ["STEMDL_BUILD_IMAGE"], tmp_path / "stemdl.sif"
    local = [] if base == "1" else ["--build-arg", "bootstrap=localimage", "--build-arg", f"base={base}"]
    inside = ["apptainer", "run", "--containall", "--bind", str(tmp_path), "--pwd", str(tmp_path), str(image)]
    for step in (
        ["apptainer", "build", *local, str(image), str(DEFINED)],
        [*inside, "--version"],
        [*inside, *"data generate stemdl_smoke -o smoke --ranks 1".split()],
        [*inside, *"run --rung stemdl_smoke --data smoke --ranks 2 --oversubscribe --output run".split()],
    ):
        done = subprocess.run(step, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{step}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
