"""What one node is: processors, memory, accelerators, network, file systems, operating system.

Read from /proc, /sys and /etc below a folder `root`, which is / but for tests, and from nvidia-smi where it is
installed. What cannot be read is left out; nothing is guessed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmark.launch.room import GIB

ROOT = Path("/")
Command = Callable[[list[str]], "str | None"]
"""Runs a program and returns what it prints; None where it is not installed or fails."""

GPU_FIELDS = ("name", "memory.total", "driver_version", "clocks.max.sm", "pcie.link.gen.max", "pcie.link.width.max")


def output_of(argv: list[str]) -> str | None:
    """What a command prints, in English; None when it is not installed, fails or takes more than 20 s."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=20, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def describe_node(
    folders: Mapping[str, Path],
    root: Path = ROOT,
    command: Command = output_of,
    disk_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).total,
) -> dict[str, Any]:
    """The facts of this node that JSON can hold, by name; those that it does not tell are left out.

    processor (model), sockets, cores_per_socket, threads_per_core, frequency, caches (of one processor), numa_nodes,
    memory_gib, accelerators (one text each, see `accelerators`), network (one text for each card), cards (their
    number), storage (for each of `folders`, by its purpose: type, device and size of its file system),
    operating_system, kernel.
    """
    facts = {
        **processors(root, command),
        "memory_gib": _memory_gib(root),
        **accelerators(command),
        **network(root),
        "storage": {purpose: file_system(path, root, disk_bytes) for purpose, path in folders.items()},
        "operating_system": _os_release(root).get("PRETTY_NAME", ""),
        "kernel": read(root / "proc/sys/kernel/osrelease"),
    }
    return {name: value for name, value in facts.items() if value not in ("", None, [], {})}


def processors(root: Path = ROOT, command: Command = output_of) -> dict[str, Any]:
    """Model, sockets, cores, threads, clock, caches and NUMA nodes of the processors that are switched on."""
    entries = cpuinfo(root)
    first = entries[0] if entries else {}
    cpus = [
        path
        for path in sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*"), key=_number)
        if (path / "topology/physical_package_id").is_file()
    ]
    packages = {read(path / "topology/physical_package_id") for path in cpus}
    cores = {read(path / "topology/core_cpus_list") or read(path / "topology/thread_siblings_list") for path in cpus}
    facts: dict[str, Any] = {"processor": _model(first, command)}
    if cpus:
        facts |= {
            "sockets": len(packages),
            "cores_per_socket": len(cores) // len(packages),
            "threads_per_core": len(cpus) // len(cores),
        }
    elif "physical id" in first and first.get("cpu cores", "").isdecimal():
        facts |= {
            "sockets": len({entry.get("physical id") for entry in entries}),
            "cores_per_socket": int(first["cpu cores"]),
        }
    maximum = read(cpus[0] / "cpufreq/cpuinfo_max_freq") if cpus else ""
    current = re.match(r"[0-9.]+", first.get("cpu MHz") or first.get("clock") or "")
    facts["frequency"] = (
        f"{int(maximum) / 1000:.0f} MHz (maximum)"
        if maximum.isdecimal()
        else f"{float(current[0]):.0f} MHz (current)"
        if current
        else ""
    )
    facts["caches"] = _caches(cpus, max(1, len(packages)))
    facts["numa_nodes"] = len(list((root / "sys/devices/system/node").glob("node[0-9]*"))) or None
    return {name: value for name, value in facts.items() if value}


def cpuinfo(root: Path = ROOT) -> list[dict[str, str]]:
    """/proc/cpuinfo: one dictionary for each hardware thread, and on POWER one for the machine at the end."""
    blocks = read(root / "proc/cpuinfo").split("\n\n")
    return [
        {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in block.splitlines())}
        for block in blocks
        if block.strip()
    ]


def _model(first: Mapping[str, str], command: Command) -> str:
    """x86 and POWER tell it in /proc/cpuinfo; ARM only by numbers, which lscpu knows the names of."""
    told = first.get("model name") or first.get("cpu")
    if told:
        return told
    text = command(["lscpu", "--json"]) if first else None
    return next((value for name, value in _lscpu_fields(text) if name == "Model name"), "") if text else ""


def _lscpu_fields(text: str) -> Iterator[tuple[str, str]]:
    """Names, without the colon, and values; newer versions nest them."""
    left = json.loads(text)["lscpu"]
    while left:
        entry = left.pop()
        yield entry["field"].rstrip(":"), entry.get("data") or ""
        left += entry.get("children", [])


def _caches(cpus: list[Path], sockets: int) -> str:
    """The caches of one processor, as in `L1d 64 x 32 KiB; L3 8 x 32 MiB`."""
    found: dict[str, dict[str, str]] = {}
    for cpu in cpus:
        for index in (cpu / "cache").glob("index[0-9]*"):
            level, kind, size, users = (read(index / name) for name in ("level", "type", "size", "shared_cpu_list"))
            name = f"L{level}" + {"Data": "d", "Instruction": "i"}.get(kind, "")
            found.setdefault(name, {})[users] = size
    texts = []
    for name, sizes in sorted(found.items()):
        size = next(iter(sizes.values()))
        kib = int(size[:-1]) if size.endswith("K") and size[:-1].isdecimal() else None
        shown = size if kib is None else f"{kib // 1024} MiB" if kib % 1024 == 0 else f"{kib} KiB"
        texts.append(f"{name} {max(1, len(sizes) // sockets)} x {shown}")
    return "; ".join(texts)


def _memory_gib(root: Path) -> int | None:
    """Memory as the kernel counts it, less than what is built in by what firmware keeps."""
    told = re.search(r"^MemTotal:\s+([0-9]+) kB", read(root / "proc/meminfo"), re.MULTILINE)
    return round(int(told[1]) * 1024 / GIB) if told else None


def accelerators(command: Command = output_of) -> dict[str, Any]:
    """What nvidia-smi says of NVIDIA's devices: accelerators (the name of each), and of the first
    accelerator_memory_gib, _driver, _frequency, _host_interconnect; of all, accelerator_interconnect and _topology. Of
    others names and memory, as torch says where this process has loaded it."""
    text = command(["nvidia-smi", f"--query-gpu={','.join(GPU_FIELDS)}", "--format=csv,noheader,nounits"])
    rows = [[cell.strip() for cell in line.split(",")] for line in (text or "").splitlines()]
    rows = [row for row in rows if len(row) == len(GPU_FIELDS)]  # 'No devices were found' has fewer
    if not rows:
        return _accelerators_of_torch()
    _, memory_mib, driver, clock, generation, width = rows[0]
    facts: dict[str, Any] = {"accelerators": [row[0] for row in rows], "accelerator_driver": driver}
    if memory_mib.isdecimal():
        facts["accelerator_memory_gib"] = round(int(memory_mib) / 1024)
    if clock.isdecimal():  # else '[N/A]'
        facts["accelerator_frequency"] = f"{clock} MHz (maximum)"
    if generation.isdecimal() and width.isdecimal():
        facts["accelerator_host_interconnect"] = f"PCIe Gen{generation} x{width}"
    links = _links(command(["nvidia-smi", "topo", "-m"]) or "") if len(rows) > 1 else Counter()
    if links:
        by_nvlink = [kind for kind in links if kind.startswith("NV")]
        facts["accelerator_interconnect"] = "NVLink" if by_nvlink else "PCIe"
        facts["accelerator_interconnect_topology"] = ", ".join(
            f"{count} pairs by {kind}" for kind, count in sorted(links.items())
        )
    return facts


def _accelerators_of_torch() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {}
    properties = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    return {
        "accelerators": [each.name for each in properties],
        "accelerator_memory_gib": round(properties[0].total_memory / GIB),
    }


def _links(matrix: str) -> Counter[str]:
    """How many pairs of GPUs are joined by what, out of `nvidia-smi topo -m`: NV4 are four NVLinks, SYS, NODE, PHB, PXB
    and PIX are ways over PCIe."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", matrix).splitlines()
    gpus = [line.split() for line in lines if re.match(r"GPU[0-9]+\s", line)]
    return Counter(row[1 + other] for number, row in enumerate(gpus) for other in range(number + 1, len(gpus)))


def network(root: Path = ROOT) -> dict[str, Any]:
    """InfiniBand ports with their rate, and network interfaces that a device stands behind."""
    cards, told = set(), []
    for port in sorted((root / "sys/class").glob("infiniband/*/ports/*")):
        cards.add((port.parents[1] / "device").resolve())
        state = read(port / "state").partition(": ")[2]
        down = f" ({state.lower()})" if state and state != "ACTIVE" else ""
        told.append(f"{port.parents[1].name} {read(port / 'link_layer')} {read(port / 'rate')}".strip() + down)
    for device in sorted((root / "sys/class").glob("net/*/device")):  # loopback, bridges and the like have no device
        if device.resolve() in cards:  # this port is listed already
            continue
        cards.add(device.resolve())
        speed = read(device.parent / "speed")
        known = speed.isdecimal() and int(speed) > 0  # -1 where the driver does not know
        rate = f" {int(speed) // 1000} Gb/s" if known and int(speed) >= 1000 else f" {speed} Mb/s" if known else ""
        slingshot = " Slingshot" if (device / "driver").resolve().name.startswith("cxi") else ""
        told.append(device.parent.name + slingshot + rate)
    return {"network": told, "cards": len(cards)}


def file_system(path: Path, root: Path, disk_bytes: Callable[[Path], int]) -> dict[str, Any]:
    """Type, device (of a local one: others are named by addresses, which are nobody's business) and size of the file
    system that a folder is on, or will be: the last that is mounted at it or above it (proc(5), mountinfo)."""
    path = path.resolve()
    best: tuple[int, str, str] = (-1, "", "")
    for line in read(root / "proc/self/mountinfo").splitlines():
        before, dash, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if not dash or len(fields) < 5 or len(kind) < 2:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), fields[4])
        if path.is_relative_to(point) and len(point) >= best[0]:
            best = len(point), kind[0], kind[1]
    there = next((each for each in (path, *path.parents) if each.exists()), path)
    try:
        size = round(disk_bytes(there) / GIB)
    except OSError:
        size = None
    facts = {"type": best[1], "device": best[2] if best[2].startswith("/dev/") else "", "size_gib": size}
    return {name: value for name, value in facts.items() if value not in ("", None)}


def _os_release(root: Path) -> dict[str, str]:
    """os-release(5): names and values, without their quotes."""
    lines = read(root / "etc/os-release").splitlines() or read(root / "usr/lib/os-release").splitlines()
    return {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}


def _number(path: Path) -> int:
    return int(re.sub(r"\D", "", path.name))


def read(path: Path) -> str:
    """The text of a small file of the kernel's; empty where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
