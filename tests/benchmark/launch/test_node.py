"""A node as its files tell it: recorded ones of other machines, and this one against other oracles."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from machines import epyc_command, epyc_node, power9_node, put, put_card

from benchmark.launch import node
from benchmark.launch.node import describe_node, processors


def nothing(argv: list[str]) -> None:
    """A machine on which no program is installed."""


@pytest.fixture(scope="module")
def epyc(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folders = {"data": Path("/lustre/big/stemdl"), "stage": Path("/local disk/me"), "output": Path("/home/me/runs")}
    return describe_node(folders, epyc_node(tmp_path_factory.mktemp("epyc")), epyc_command, lambda path: 100 * 2**30)


def test_a_node_of_two_epycs_and_four_gpus(epyc: dict[str, Any]) -> None:
    assert json.loads(json.dumps(epyc)) == epyc
    assert epyc == {
        "processor": "AMD EPYC 7302 16-Core Processor",
        "sockets": 2,
        "cores_per_socket": 16,
        "threads_per_core": 2,
        "frequency": "3000 MHz (maximum)",
        "caches": "L1d 16 x 32 KiB; L1i 16 x 32 KiB; L2 16 x 512 KiB; L3 8 x 16 MiB",
        "numa_nodes": 2,
        "memory_gib": 503,
        "accelerators": ["NVIDIA A100-SXM4-40GB"] * 4,
        "accelerator_memory_gib": 40,
        "accelerator_driver": "535.129.03",
        "accelerator_frequency": "1410 MHz (maximum)",
        "accelerator_host_interconnect": "PCIe Gen4 x16",
        "accelerator_interconnect": "NVLink",
        "accelerator_interconnect_topology": "6 pairs by NV4",
        "network": ["mlx5_0 InfiniBand 200 Gb/sec (4X HDR)", "eno1 10 Gb/s"],
        "cards": 2,
        "storage": {
            "data": {"type": "lustre", "size_gib": 100},
            "stage": {"type": "xfs", "device": "/dev/nvme1n1", "size_gib": 100},
            "output": {"type": "ext4", "device": "/dev/nvme0n1p2", "size_gib": 100},
        },
        "operating_system": "Rocky Linux 9.3 (Blue Onyx)",
        "kernel": "5.14.0-362.24.1.el9_3.x86_64",
    }


def test_a_node_of_two_power9s(tmp_path: Path) -> None:
    told = describe_node({"data": Path("/gpfs/alpine/x")}, power9_node(tmp_path), nothing, lambda path: 2**40)
    assert told == {
        "processor": "POWER9, altivec supported",
        "sockets": 2,
        "cores_per_socket": 16,
        "threads_per_core": 4,
        "frequency": "3800 MHz (current)",
        "caches": "L1d 16 x 32 KiB; L1i 16 x 32 KiB; L2 8 x 512 KiB; L3 8 x 10 MiB",
        "numa_nodes": 2,
        "memory_gib": 572,
        "network": ["mlx5_0 InfiniBand 100 Gb/sec (4X EDR)", "mlx5_0 InfiniBand 10 Gb/sec (4X SDR) (down)"],
        "cards": 1,
        "storage": {"data": {"type": "gpfs", "size_gib": 1024}},
        "operating_system": "Red Hat Enterprise Linux 8.4 (Ootpa)",
        "kernel": "4.18.0-305.25.1.el8_4.ppc64le",
    }


def test_what_no_file_tells_is_left_out(tmp_path: Path) -> None:
    def no_disk(path: Path) -> int:
        raise PermissionError

    assert describe_node({"data": tmp_path}, tmp_path, nothing, no_disk) == {"cards": 0, "storage": {"data": {}}}


def test_without_a_topology_cpuinfo_is_asked(tmp_path: Path) -> None:
    epyc_node(tmp_path)
    bare = tmp_path / "container"
    put(bare, "proc/cpuinfo", (tmp_path / "proc/cpuinfo").read_text())
    told = processors(bare, nothing)
    assert (told["sockets"], told["cores_per_socket"], told["frequency"]) == (2, 16, "2994 MHz (current)")
    assert "threads_per_core" not in told and "caches" not in told


def test_the_name_of_an_arm_processor_is_known_to_lscpu(tmp_path: Path) -> None:
    put(tmp_path, "proc/cpuinfo", "processor\t: 0\nBogoMIPS\t: 2000.00\nCPU implementer\t: 0x41\nCPU part\t: 0xd4f\n")
    nested = {
        "lscpu": [
            {
                "field": "Vendor ID:",
                "data": "ARM",
                "children": [
                    {"field": "Model name:", "data": "Neoverse-V2", "children": [{"field": "Socket(s):", "data": "2"}]}
                ],
            }
        ]
    }
    assert processors(tmp_path, lambda argv: json.dumps(nested)) == {"processor": "Neoverse-V2"}
    assert processors(tmp_path, nothing) == {}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (
            "Tesla V100-SXM2-16GB, 16160, 418.116.00, 1530, [N/A], [N/A]",
            {
                "accelerators": ["Tesla V100-SXM2-16GB"],
                "accelerator_memory_gib": 16,
                "accelerator_driver": "418.116.00",
                "accelerator_frequency": "1530 MHz (maximum)",
            },
        ),
        (
            "NVIDIA GH200 480GB, [Insufficient Permissions], 550.54, [N/A], 5, 16",
            {
                "accelerators": ["NVIDIA GH200 480GB"],
                "accelerator_driver": "550.54",
                "accelerator_host_interconnect": "PCIe Gen5 x16",
            },
        ),
        ("No devices were found", {}),
        (None, {}),
    ],
)
def test_what_nvidia_smi_does_not_say_is_left_out(monkeypatch: pytest.MonkeyPatch, rows: str, expected: dict) -> None:
    monkeypatch.setattr(node, "_accelerators_of_torch", dict)
    assert node.accelerators(lambda argv: rows) == expected


def test_gpus_without_nvlink_are_joined_by_pcie() -> None:
    def command(argv: list[str]) -> str:
        return (
            "\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \tPHB\t0-7\nGPU1\tPHB\t X \t0-7\n"
            if "topo" in argv
            else "NVIDIA L4, 23034, 550.54, 2040, 4, 8\n" * 2
        )

    told = node.accelerators(command)
    assert (told["accelerator_interconnect"], told["accelerator_interconnect_topology"]) == ("PCIe", "1 pairs by PHB")


def test_slingshot_is_told_by_its_driver_and_a_speed_that_is_not_known_is_none(tmp_path: Path) -> None:
    for name, slot, driver, speed in (
        ("hsn0", "a/0", "cxi_ss1", "200000"),
        ("eth0", "b/0", "virtio_net", "-1"),
        ("eth1", "c/0", "igb", "100"),
    ):
        put_card(tmp_path, "net", name, slot, driver)
        put(tmp_path, f"sys/class/net/{name}/speed", speed)
    assert node.network(tmp_path) == {"network": ["eth0", "eth1 100 Mb/s", "hsn0 Slingshot 200 Gb/s"], "cards": 3}


def test_it_is_this_machine() -> None:
    told = describe_node({"here": Path.cwd()})
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert told["memory_gib"] == round(pages / 2**30)
    assert told["kernel"] == os.uname().release
    disk = os.statvfs(".")
    assert told["storage"]["here"]["size_gib"] == round(disk.f_blocks * disk.f_frsize / 2**30)
    if "threads_per_core" in told:
        assert told["sockets"] * told["cores_per_socket"] * told["threads_per_core"] == os.sysconf(
            "SC_NPROCESSORS_ONLN"
        )
