"""The system description: complete, of strings, from the machine, and nothing invented."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from patience import HANG_SECONDS

from benchmark import __version__
from benchmark.launch import system
from benchmark.launch.system import (
    NONE,
    UNKNOWN,
    collect_versions,
    describe_system,
    device_names,
    drop_caches,
    git_commit,
)

ROOT = Path(__file__).parents[3]


def _described(**changed: object) -> dict[str, str]:
    wanted = {
        "ranks": 2,
        "nodes": 1,
        "accelerators_per_node": 0,
        "submitter": "Example Lab",
        "division": "open",
        "status": "onprem",
        "system_name": None,
    }
    return describe_system(**{**wanted, **changed})


def _officially_checked(description: dict[str, str], folder: Path) -> str:
    file = folder / "system.json"
    file.write_text(json.dumps(description))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mlperf_logging.system_desc_checker",
            str(file),
            "hpc",
            "3.0.0",
            "--log_output",
            str(folder / "log"),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=HANG_SECONDS,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_official_checker_passes_it(tmp_path: Path) -> None:
    description = _described(system_name="example")
    assert len(description) == 35
    assert all(type(value) is str for value in description.values())
    assert "System description checker passed for example" in _officially_checked(description, tmp_path)


def test_the_official_checker_notices_each_field_that_is_missing(tmp_path: Path) -> None:
    description = _described()
    del description["cooling"], description["accelerator_on-chip_memories"]
    text = _officially_checked(description, tmp_path)
    assert "failed" in text and "Missing field cooling" in text and "accelerator_on-chip_memories" in text


def test_it_is_this_machine() -> None:
    told = _described()
    # oracles other than those that the description is made from
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert told["host_memory_capacity"] == f"{pages / 2**30:.0f} GiB"
    assert platform.release() in told["operating_system"]
    counted = int(told["host_processors_per_node"]) * int(told["host_processor_vcpu_count"])
    assert counted == os.sysconf("SC_NPROCESSORS_ONLN")
    disk = os.statvfs(".")
    assert told["host_storage_capacity"] == f"{disk.f_blocks * disk.f_frsize / 2**30:.0f} GiB"
    assert told["framework"].startswith(f"PyTorch {metadata.version('torch')}")
    assert told["number_of_nodes"] == "1"


def test_what_is_not_known_is_said_and_what_is_not_there_too() -> None:
    alone = _described()
    assert alone["cooling"] == alone["host_networking_topology"] == UNKNOWN
    accelerator = [name for name in alone if name.startswith("accelerator_")]
    assert len(accelerator) == 8 and {alone[name] for name in accelerator} == {NONE}
    assert alone["accelerators_per_node"] == "0"


def test_accelerators_that_are_not_seen_are_not_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "describe_node", lambda folders: {})
    told = _described(accelerators_per_node=4, nodes=3)
    assert told["accelerators_per_node"] == "4"
    assert told["accelerator_model_name"] == UNKNOWN
    assert told["system_name"].endswith("_3x_12acc")


def test_versions_come_from_metadata_without_imports() -> None:
    program = (
        "import sys; from benchmark.launch.system import collect_versions; told = collect_versions(); "
        "print(told); assert not {'torch', 'mpi4py', 'numpy', 'h5py', 'horovod'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=HANG_SECONDS)
    told = collect_versions()
    assert told["python"] == platform.python_version()
    assert told["numpy"] == metadata.version("numpy")
    assert told["stemdl-benchmark"] in (__version__, metadata.version("stemdl-benchmark") if _installed() else "")
    assert {"MPI", "torch", "horovod", "mpi4py", "h5py", "spglib", "gemmi", "mlperf-logging"} <= set(told)


def _installed() -> bool:
    try:
        metadata.version("stemdl-benchmark")
    except metadata.PackageNotFoundError:
        return False
    return True


def test_a_package_that_is_absent_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    real = metadata.version

    def version(name: str) -> str:
        if name == "horovod":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    assert collect_versions()["horovod"] == "not installed"
    assert "Horovod" not in _described()["framework"]


def test_a_torch_that_is_loaded_tells_what_it_was_built_with(monkeypatch: pytest.MonkeyPatch) -> None:
    def torch(cuda: str | None, hip: str | None, devices: bool) -> SimpleNamespace:
        return SimpleNamespace(
            version=SimpleNamespace(cuda=cuda, hip=hip),
            cuda=SimpleNamespace(is_available=lambda: devices, nccl=SimpleNamespace(version=lambda: (2, 21, 5))),
        )

    def told(module: SimpleNamespace) -> dict[str, str]:
        monkeypatch.setitem(sys.modules, "torch", module)
        return {name: version for name, version in collect_versions().items() if name in ("CUDA", "ROCm", "NCCL")}

    assert told(torch("12.8", None, True)) == {"CUDA": "12.8", "NCCL": "2.21.5"}
    assert told(torch(None, "6.3", False)) == {"ROCm": "6.3"}
    assert told(torch(None, None, False)) == {}


def test_git_commit(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    assert git_commit(tmp_path) == "unknown"
    git("init")
    assert git_commit(tmp_path) == "unknown", "there is no commit yet"
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "first")
    head = git("rev-parse", "HEAD")
    assert git_commit(tmp_path) == head
    (tmp_path / "result").write_text("untracked")
    assert git_commit(tmp_path) == head
    (tmp_path / "file").write_text("2")
    assert git_commit(tmp_path) == f"{head}-dirty"
    (tmp_path / "installed").mkdir()
    assert git_commit(tmp_path / "installed") == "unknown", "another project's commit is not ours"


def test_device_names_are_those_of_torch() -> None:
    import torch

    assert len(device_names()) == torch.cuda.device_count()


def test_drop_caches_is_true_only_when_written(tmp_path: Path) -> None:
    control = tmp_path / "drop_caches"
    assert drop_caches(control) is False
    assert not control.exists(), "a file that is not there is not made"
    control.write_text("")
    assert drop_caches(control) is True
    assert control.read_text() == "3\n"
    assert drop_caches(tmp_path) is False
