"""The system description: complete, of strings, from the machine, and nothing invented."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

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
    wanted = {"ranks": 2, "nodes": 1, "accelerators_per_node": 0, "submitter": "Example Lab", "division": "open",
              "status": "onprem", "system_name": None}
    return describe_system(**{**wanted, **changed})


def _officially_checked(description: dict[str, str], folder: Path) -> str:
    file = folder / "system.json"
    file.write_text(json.dumps(description))
    done = subprocess.run(
        [sys.executable, "-m", "mlperf_logging.system_desc_checker", str(file), "hpc", "3.0.0",
         "--log_output", str(folder / "log")],
        capture_output=True, text=True, cwd=folder, timeout=60, check=False,
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
    monkeypatch.setattr(system, "device_names", list)
    told = _described(accelerators_per_node=4, nodes=3)
    assert told["accelerators_per_node"] == "4"
    assert told["accelerator_model_name"] == UNKNOWN
    assert told["system_name"].endswith("_3x_12acc")


def test_a_gpu_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    import torch

    monkeypatch.setattr(system, "device_names", lambda: ["NVIDIA H200"])
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(total_memory=140 * 2**30))
    for told, frequency, link in (("1980, 5, 16", "1980 MHz (maximum)", "PCIe Gen5 x16"),
                                  ("1980, [N/A], [N/A]", UNKNOWN, UNKNOWN), (None, UNKNOWN, UNKNOWN)):
        monkeypatch.setattr(system, "_output", lambda argv, told=told: told)
        fields = system._accelerator(1)
        assert fields["accelerator_model_name"] == "NVIDIA H200"
        assert fields["accelerator_memory_capacity"] == "140 GiB"
        assert (fields["accelerator_frequency"], fields["accelerator_host_interconnect"]) == (frequency, link)


def test_without_lscpu_the_kernel_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "_output", lambda argv: None)
    entries = [{"physical id": str(cpu // 4), "cpu cores": "4", "model name": "Some CPU", "cpu MHz": "2600.4"}
               for cpu in range(8)]
    monkeypatch.setattr(system, "_cpuinfo", lambda: entries)
    told = system._processor()
    assert (told["host_processors_per_node"], told["host_processor_core_count"]) == ("2", "4")
    assert (told["host_processor_vcpu_count"], told["host_processor_interconnect"]) == (UNKNOWN, UNKNOWN)
    assert (told["host_processor_model_name"], told["host_processor_frequency"]) == ("Some CPU", "2600 MHz (current)")
    monkeypatch.setattr(system, "_cpuinfo", list)
    assert system._processor()["host_processors_per_node"] == UNKNOWN


def test_newer_lscpu_nests_its_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    nested = {"lscpu": [{"field": "Vendor ID:", "data": "ARM", "children": [
        {"field": "Model name:", "data": "Neoverse-V2", "children": [
            {"field": "Thread(s) per core:", "data": "1"}, {"field": "Core(s) per socket:", "data": "72"},
            {"field": "Socket(s):", "data": "2"}, {"field": "CPU max MHz:", "data": "3447.0000"}]}]},
        {"field": "Caches (sum of all):", "data": None, "children": [{"field": "L2:", "data": "144 MiB"}]}]}
    monkeypatch.setattr(system, "_output", lambda argv: json.dumps(nested))
    told = system._processor()
    assert told["host_processor_model_name"] == "Neoverse-V2"
    assert (told["host_processors_per_node"], told["host_processor_core_count"]) == ("2", "72")
    assert told["host_processor_vcpu_count"] == "72"
    assert told["host_processor_frequency"] == "3447 MHz (maximum)"
    assert "144 MiB" in told["host_processor_caches"]


def test_network_cards_are_counted_once(tmp_path: Path) -> None:
    pci = tmp_path / "pci"
    for card in ("0", "1"):
        (pci / card).mkdir(parents=True)
    port = tmp_path / "infiniband" / "mlx5_0" / "ports" / "1"
    port.mkdir(parents=True)
    (port / "rate").write_text("200 Gb/sec (4X HDR)\n")
    (port / "link_layer").write_text("InfiniBand\n")
    (tmp_path / "infiniband" / "mlx5_0" / "device").symlink_to(pci / "0")
    for name, card, speed in (("ib0", "0", "200000"), ("eth0", "1", "25000"), ("lo", None, "")):
        (tmp_path / "net" / name).mkdir(parents=True)
        (tmp_path / "net" / name / "speed").write_text(speed)
        if card is not None:
            (tmp_path / "net" / name / "device").symlink_to(pci / card)
    told = system._network(tmp_path)
    assert told["host_networking"] == "mlx5_0 InfiniBand 200 Gb/sec (4X HDR); eth0 25 Gb/s"
    assert told["host_network_card_count"] == "2"


def test_versions_come_from_metadata_without_imports() -> None:
    program = ("import sys; from benchmark.launch.system import collect_versions; told = collect_versions(); "
               "print(told); assert not {'torch', 'mpi4py', 'numpy', 'h5py', 'horovod'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT, timeout=60)
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


def test_git_commit(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True,
                              text=True).stdout.strip()

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
