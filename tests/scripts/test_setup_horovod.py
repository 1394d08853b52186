"""Horovod in the set-up: from the cache, built with NCCL or for CPUs, or left out with a reason; without a download."""

from __future__ import annotations

import hashlib
import platform
import sys
from pathlib import Path

import pytest
from fake_machine import SHIM, assert_refused, run, tools, trace, write_program


@pytest.mark.parametrize("home", [None, "", "/proc/none", "real"])
def test_cache_lies_in_the_home_or_else_in_the_checkout(
    checkout: Path, machine: dict[str, str], tmp_path: Path, home: str | None
) -> None:
    write_program(checkout / "scripts/build_horovod.sh", '#!/bin/bash\necho "cache is $3|none"\n')
    machine |= {"STEMDL_WITHOUT_HOROVOD": "0", "HOME": str(tmp_path / "real") if home == "real" else home or ""}
    if home is None:
        del machine["HOME"]
    expected = tmp_path / "real/.cache/stemdl" if home == "real" else checkout / ".cache"
    assert_refused(run(checkout, machine), machine, f"cache is {expected}\n")


def cached_wheel(cache: Path) -> Path:
    """A file in the place of a Horovod wheel, with its hash, as a build for this Python leaves it."""
    tag = f"{sys.implementation.name}-{sys.version_info[0]}{sys.version_info[1]}_{platform.machine()}"
    folder = cache / f"wheels/horovod-0.28.1_{tag}_torch-2.4.0_Toy-MPI-1.0-wheel_cpu"
    folder.mkdir(parents=True)
    wheel = folder / "horovod-0.28.1-py3-none-any.whl"
    wheel.write_bytes(b"a wheel")
    (folder / f"{wheel.name}.sha256").write_text(f"{hashlib.sha256(b'a wheel').hexdigest()}  {wheel.name}\n")
    return wheel


FAKE_BUILD = r"""#!/bin/bash
# In place of build_horovod.sh: notes the operations, and has a wheel for those in $CAN_BUILD.
[[ $1 != --lacking ]] || exit 0
echo "build $4" >>"$TRACE"
[[ " $CAN_BUILD " == *" $4 "* ]] || { echo "cannot: no toolkit for $4"; exit 2; }
mkdir -p "$2/wheels/x_$4"
echo "$2/wheels/x_$4/horovod.whl" >"$1/stemdl.horovod"
"""


def builds(machine: dict[str, str]) -> list[str]:
    return [line.removeprefix("build ") for line in trace(machine) if line.startswith("build ")]


@pytest.fixture
def with_horovod(checkout: Path, machine: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """A machine on which the set-up gets Horovod, from a fake build."""
    write_program(checkout / "scripts/build_horovod.sh", FAKE_BUILD)
    del machine["STEMDL_WITHOUT_HOROVOD"]
    return machine | {"STEMDL_CACHE": str(tmp_path / "cache"), "CAN_BUILD": "NCCL cpu"}


@pytest.mark.parametrize(
    ("gpu", "cuda", "can", "tried", "told"),
    [
        (False, False, "cpu", ["cpu"], None),
        (False, True, "NCCL cpu", ["cpu"], None),
        (True, False, "NCCL cpu", ["cpu"], None),
        (True, True, "NCCL cpu", ["NCCL"], None),
        (True, True, "cpu", ["NCCL", "cpu"], "Horovod without NCCL: no toolkit for NCCL"),
        (True, True, "", ["NCCL", "cpu"], "no Horovod: no toolkit for cpu"),
        (False, True, "", ["cpu"], "no Horovod: no toolkit for cpu"),
    ],
)
def test_what_the_machine_has_says_which_horovod_it_gets(
    checkout: Path,
    with_horovod: dict[str, str],
    tmp_path: Path,
    gpu: bool,
    cuda: bool,
    can: str,
    tried: list[str],
    told: str | None,
) -> None:
    says = "GPU 0: NVIDIA H100" if gpu else "NVIDIA-SMI has failed"
    write_program(tmp_path / "bin/nvidia-smi", f"#!/bin/bash\necho {says}\n")
    machine = with_horovod | {"TORCH_WITHOUT_CUDA": "0" if cuda else "1", "CAN_BUILD": can}
    made = run(checkout, machine)
    assert made.returncode == 0, made.stderr
    assert builds(machine) == tried
    lines = [line for line in made.stderr.splitlines() if "comm=torch" in line]
    assert len(lines) == (1 if told and can else 2 if told and gpu else 1 if told else 0)
    assert told is None or told in made.stderr
    reason = checkout / ".venv/stemdl.without_horovod"
    assert reason.exists() == (not can)
    assert not reason.exists() or reason.read_text() == "no toolkit for cpu\n"
    assert run(checkout, machine).stderr == "" and builds(machine) == tried, "made is made"


def test_a_horovod_that_could_not_be_built_is_tried_again_when_asked_for(
    checkout: Path, with_horovod: dict[str, str]
) -> None:
    assert run(checkout, with_horovod | {"CAN_BUILD": ""}).returncode == 0
    must = with_horovod | {"STEMDL_WITHOUT_HOROVOD": "0"}
    failed = run(checkout, must | {"CAN_BUILD": ""})
    assert failed.returncode == 1 and "no toolkit for cpu" in failed.stderr
    made = run(checkout, must)
    assert made.returncode == 0 and not (checkout / ".venv/stemdl.without_horovod").exists()
    assert run(checkout, must).stderr == "" and trace(must).count("venv") == 1, "the packages were kept"


def test_operations_that_are_asked_for_are_got_or_it_fails(checkout: Path, with_horovod: dict[str, str]) -> None:
    assert run(checkout, with_horovod).returncode == 0 and builds(with_horovod) == ["cpu"]
    asked = with_horovod | {"HOROVOD_GPU_OPERATIONS": "NCCL"}
    failed = run(checkout, asked | {"CAN_BUILD": "cpu"})
    assert failed.returncode == 1 and "getting Horovod for NCCL, as was asked" in failed.stderr
    assert run(checkout, asked).returncode == 0 and builds(asked) == ["cpu", "NCCL", "NCCL"]
    assert run(checkout, asked).stderr == ""


def test_a_horovod_that_does_not_load_is_left_out(checkout: Path, with_horovod: dict[str, str]) -> None:
    made = run(checkout, with_horovod | {"HOROVOD_LOADS_NOT": "1"})
    assert made.returncode == 0 and "no Horovod:" in made.stderr
    assert any("uninstall" in line and "horovod" in line for line in trace(with_horovod))


def test_without_a_compiler_there_is_no_horovod(checkout: Path, machine: dict[str, str], tmp_path: Path) -> None:
    machine |= {"PATH": f"{tmp_path / 'bin'}:{tools(tmp_path / 'tools', 'c++', 'g++', 'clang++')}"}
    made = run(checkout, machine | {"STEMDL_WITHOUT_HOROVOD": "", "STEMDL_CACHE": str(tmp_path / "cache")})
    assert made.returncode == 0, made.stderr
    told = [line for line in made.stderr.splitlines() if "no Horovod: no C++ compiler" in line]
    assert len(told) == 1 and "comm=torch" in told[0] and "STEMDL_WITHOUT_HOROVOD=0 scripts/setup_env.sh" in told[0]
    assert "no C++ compiler" in (checkout / ".venv/stemdl.without_horovod").read_text()


@pytest.mark.parametrize(
    ("nvcc", "told"),
    [
        (None, "no nvcc on PATH"),
        ("exit 1", "nvcc does not compile here: its toolkit is not whole"),
        ("exit 0", "no nccl.h next to torch, in HOROVOD_NCCL_HOME or in /usr"),
    ],
)
@pytest.mark.skipif(Path("/usr/include/nccl.h").exists(), reason="this machine has NCCL")
def test_what_lacks_for_nccl_is_told(
    checkout: Path, machine: dict[str, str], tmp_path: Path, nvcc: str | None, told: str
) -> None:
    venv = toy_environment(tmp_path)
    if nvcc:
        write_program(tmp_path / "bin/nvcc", f"#!/bin/bash\n{nvcc}\n")
    tried = run(
        checkout,
        machine | {"PYTHONPATH": str(tmp_path / "modules")},
        "scripts/build_horovod.sh",
        str(venv),
        str(tmp_path / "cache"),
        "wheel",
        "NCCL",
    )
    assert tried.returncode == 2 and tried.stdout.splitlines()[-1] == f"cannot: {told}", tried.stderr
    assert trace(machine) == [], "nothing was fetched"


def toy_environment(tmp_path: Path) -> Path:
    """An environment with the shim, whose torch and MPI are modules in tmp_path/modules."""
    venv, modules = tmp_path / "venv", tmp_path / "modules"
    (venv / "bin").mkdir(parents=True)
    write_program(venv / "bin/python", SHIM)
    for package in ("mpi4py", "nvidia/nccl"):  # the real torch of this machine may bring NCCL
        (modules / package).mkdir(parents=True)
    (modules / "nvidia/__init__.py").touch()
    (modules / "nvidia/nccl/__init__.py").touch()
    (modules / "torch.py").write_text("__version__ = '2.4.0'\nclass version: cuda = None\n")
    (modules / "mpi4py/__init__.py").write_text("class rc: pass\n")
    (modules / "mpi4py/MPI.py").write_text("def Get_library_version(): return 'Toy MPI 1.0, of today'\n")
    return venv


def test_cached_horovod_is_used_when_whole_and_rebuilt_when_corrupt(
    checkout: Path, machine: dict[str, str], tmp_path: Path
) -> None:
    venv = toy_environment(tmp_path)
    machine |= {"PYTHONPATH": str(tmp_path / "modules")}
    wheel = cached_wheel(tmp_path / "cache")
    build = ("scripts/build_horovod.sh", str(venv), str(tmp_path / "cache"), "wheel", "cpu")

    lacking = ("scripts/build_horovod.sh", "--lacking", str(venv / "bin/python"), str(tmp_path / "cache"), "wheel")
    assert run(checkout, machine | {"CXX": "/bin/false"}, *lacking).stdout == ""
    found = run(checkout, machine, *build)
    assert found.returncode == 0, found.stderr
    assert (venv / "stemdl.horovod").read_text() == f"{wheel}\n"
    assert trace(machine) == []

    wheel.write_bytes(b"half a")
    no_compiler = run(checkout, machine | {"CXX": "/bin/false"}, *build)
    assert no_compiler.returncode == 2 and "C++17" in no_compiler.stdout
    if run(checkout, machine, *lacking[:3], str(tmp_path / "none"), "wheel").stdout:
        pytest.skip("no C++ compiler with C++17, or no Python.h: a build cannot be started here")
    broken = run(checkout, machine | {"PIP_SAYS": "no network"}, *build)
    assert broken.returncode != 0
    assert any("cmake" in line for line in trace(machine)), "a build was begun"
