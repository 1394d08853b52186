"""What this machine and its software are, as the system description of a submission tells it."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.launch.launchers import find_mpirun, mpirun_version

UNKNOWN = "unknown: to be filled in by the submitter"
NONE = "N/A"  # known not to be there
GIB = 2**30

ABSENT = "not installed"
FRAMEWORK = {"PyTorch": "torch", "Horovod": "horovod"}
VERSIONED = ("torch", "horovod", "mpi4py", "numpy", "h5py", "spglib", "gemmi", "mlperf-logging", "stemdl-benchmark")


def describe_system(
    ranks: int,
    nodes: int,
    accelerators_per_node: int,
    submitter: str,
    division: str,
    status: str,
    system_name: str | None,
) -> dict[str, str]:
    """The system description of MLPerf's submission rules, filled from this node; every value is a string.

    The fields are those that `mlperf_logging.system_desc_checker` requires, and `system_type` and
    `host_network_card_count`, which the rules require. What cannot be known from inside (cooling, topology, ...) is
    `UNKNOWN`, so that it is seen and filled in; what is known not to be there is 'N/A'. All nodes are taken to be
    like this one. Without a `system_name` it is made of host name, nodes and accelerators (or ranks).
    """
    versions = collect_versions()
    if system_name is None:
        unit = f"{nodes * accelerators_per_node}acc" if accelerators_per_node else f"{ranks}ranks"
        system_name = f"{platform.node().split('.')[0] or 'host'}_{nodes}x_{unit}"
    return {
        "submitter": submitter,
        "division": division,
        "status": status,
        "system_name": system_name,
        "system_type": UNKNOWN,
        "number_of_nodes": str(nodes),
        **_processor(),
        **_memory_and_storage(),
        **_network(),
        **_accelerator(accelerators_per_node),
        "cooling": UNKNOWN,
        "hw_notes": "",
        "framework": ", ".join(f"{name} {versions[package]}" for name, package in FRAMEWORK.items()
                               if versions[package] != ABSENT),
        "other_software_stack": ", ".join(
            f"{name} {version}" for name, version in versions.items() if name not in FRAMEWORK.values()
        ),
        "operating_system": _operating_system(),
        "sw_notes": f"{ranks} ranks on {nodes} node{'s' if nodes != 1 else ''}",
    }


def collect_versions() -> dict[str, str]:
    """Versions of Python, the MPI library and the packages that a result depends on; `ABSENT` where there is none.

    Packages are asked through their metadata and not imported, so that this costs milliseconds.
    """
    versions = {"python": platform.python_version(), "MPI": _mpi_version()}
    for name in VERSIONED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ABSENT
    if versions["stemdl-benchmark"] == ABSENT:  # run from a checkout
        from benchmark import __version__

        versions["stemdl-benchmark"] = __version__
    return versions


def _mpi_version() -> str:
    """The MPI library, from the library itself where this process has loaded it, else from its mpirun."""
    loaded = sys.modules.get("mpi4py.MPI")
    if loaded is not None:
        return loaded.Get_library_version().split(",")[0].strip("\0 \n")
    try:
        return re.sub(r"^mpirun \((.*?)\)", r"\1", mpirun_version(find_mpirun()))
    except StemdlError:
        return ABSENT


def git_commit(root: Path) -> str:
    """The commit that the checkout at `root` stands at, with '-dirty' when tracked files are changed.

    'unknown' where `root` is not the top of a checkout: an installed copy inside another project's checkout must not
    be named by that project's commit.
    """
    top = _output(["git", "-C", str(root), "rev-parse", "--show-toplevel"])
    commit = _output(["git", "-C", str(root), "rev-parse", "HEAD"])
    if top is None or commit is None or Path(top).resolve() != root.resolve():
        return "unknown"
    changed = _output(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    return f"{commit}-dirty" if changed else commit


def device_names() -> list[str]:
    """The accelerators that torch sees in this process, in its order; none without torch or without accelerators."""
    try:
        import torch
    except ImportError:
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def processor_name() -> str:
    """The model name of this host's processors."""
    return _processor()["host_processor_model_name"]


def drop_caches(control: Path = Path("/proc/sys/vm/drop_caches")) -> bool:
    """Empty the page cache of this node, so that data come from storage; whether that was really done.

    Needs root, and is refused in most containers even then.
    """
    os.sync()  # only clean pages are dropped
    try:
        handle = os.open(control, os.O_WRONLY)  # without O_CREAT: a file of our own making is no page cache
        try:
            os.write(handle, b"3\n")
        finally:
            os.close(handle)
    except OSError:
        return False
    return True


def _processor() -> dict[str, str]:
    """Sockets, cores, clock and caches; counts of cores and of hardware threads are for one processor."""
    told = _lscpu()
    cpuinfo = _cpuinfo()
    sockets = told.get("Socket(s)", "")
    cores, threads = told.get("Core(s) per socket", ""), told.get("Thread(s) per core", "")
    if not sockets.isdecimal():  # no lscpu, or one that cannot tell
        packages = {entry["physical id"] for entry in cpuinfo if "physical id" in entry}
        sockets = str(len(packages)) if packages else UNKNOWN
        cores, threads = (cpuinfo[0].get("cpu cores", "") if cpuinfo else ""), ""
    sizes = {level: told.get(f"{level} cache") or told.get(level) for level in ("L1d", "L1i", "L2", "L3")}
    caches = "; ".join(f"{level} {size}" for level, size in sizes.items() if size)
    first = cpuinfo[0] if cpuinfo else {}
    if told.get("CPU max MHz"):
        frequency = f"{float(told['CPU max MHz']):.0f} MHz (maximum)"
    else:
        frequency = f"{float(first['cpu MHz']):.0f} MHz (current)" if "cpu MHz" in first else UNKNOWN
    both = cores.isdecimal() and threads.isdecimal()
    return {
        "host_processors_per_node": sockets,
        "host_processor_model_name": told.get("Model name") or first.get("model name") or UNKNOWN,
        "host_processor_core_count": cores or UNKNOWN,
        "host_processor_vcpu_count": str(int(cores) * int(threads)) if both else UNKNOWN,
        "host_processor_frequency": frequency,
        "host_processor_caches": caches or _caches_of_cpu0(),
        "host_processor_interconnect": NONE if sockets == "1" else UNKNOWN,
    }


def _lscpu() -> dict[str, str]:
    """What lscpu says, by field name without the colon; empty where it is not installed. It knows ARM's names."""
    text = _output(["lscpu", "--json"])
    if text is None:
        return {}
    told: dict[str, str] = {}
    left = json.loads(text)["lscpu"]
    while left:  # newer versions nest the fields
        entry = left.pop()
        told[entry["field"].rstrip(":")] = entry.get("data") or ""
        left += entry.get("children", [])
    return told


def _cpuinfo() -> list[dict[str, str]]:
    """/proc/cpuinfo: one dictionary for each hardware thread."""
    try:
        blocks = Path("/proc/cpuinfo").read_text().strip().split("\n\n")
    except OSError:
        return []
    return [
        {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in block.splitlines())}
        for block in blocks
    ]


def _caches_of_cpu0() -> str:
    """The caches that the first CPU sees, from /sys."""
    found = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (_read(index / name) for name in ("level", "type", "size"))
        found.append(f"L{level}{ {'Data': 'd', 'Instruction': 'i'}.get(kind, '')} {size}")
    return "; ".join(found) or UNKNOWN


def _memory_and_storage() -> dict[str, str]:
    """Memory of the node, and the file system that the working directory is on."""
    import psutil

    here = Path.cwd()
    mounts = [mount for mount in psutil.disk_partitions(all=True) if here.is_relative_to(mount.mountpoint)]
    mount = max(mounts, key=lambda mount: len(mount.mountpoint), default=None)
    device = os.stat(here).st_dev
    uevent = _read(Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/uevent"))
    block = next((line.partition("=")[2] for line in uevent.splitlines() if line.startswith("DEVNAME=")), "")
    kind = (mount.fstype if mount else "") or UNKNOWN
    return {
        "host_memory_capacity": f"{psutil.virtual_memory().total / GIB:.0f} GiB",
        "host_memory_configuration": UNKNOWN,
        "host_storage_type": f"{kind} on {block}" if block else kind,
        "host_storage_capacity": f"{shutil.disk_usage(here).total / GIB:.0f} GiB",
    }


def _network(root: Path = Path("/sys/class")) -> dict[str, str]:
    """Network cards: InfiniBand ports with their rate, and interfaces that a device stands behind."""
    cards, told = set(), []
    for port in sorted(root.glob("infiniband/*/ports/*")):
        cards.add((port.parents[1] / "device").resolve())
        told.append(f"{port.parents[1].name} {_read(port / 'link_layer')} {_read(port / 'rate')}".strip())
    for device in sorted(root.glob("net/*/device")):  # loopback, bridges and the like have no device
        if device.resolve() in cards:  # this port is told already
            continue
        cards.add(device.resolve())
        speed = _read(device.parent / "speed")
        known = speed.isdecimal() and int(speed) > 0  # -1 where the driver does not know
        told.append(f"{device.parent.name} {int(speed) // 1000} Gb/s" if known and int(speed) >= 1000 else
                    f"{device.parent.name} {speed} Mb/s" if known else device.parent.name)
    return {
        "host_networking": "; ".join(told) or UNKNOWN,
        "host_networking_topology": UNKNOWN,
        "host_network_card_count": str(len(cards)),
    }


def _accelerator(per_node: int) -> dict[str, str]:
    """The accelerator fields, from torch and nvidia-smi; the first device stands for all."""
    names = ("model_name", "host_interconnect", "frequency", "on-chip_memories", "memory_configuration",
             "memory_capacity", "interconnect", "interconnect_topology")
    fields = dict.fromkeys(names, UNKNOWN if per_node else NONE)
    devices = device_names() if per_node else []
    if devices:
        import torch

        fields["model_name"] = devices[0]
        fields["memory_capacity"] = f"{torch.cuda.get_device_properties(0).total_memory / GIB:.0f} GiB"
        told = _output(["nvidia-smi", "--query-gpu=clocks.max.sm,pcie.link.gen.max,pcie.link.width.max",
                        "--format=csv,noheader,nounits", "--id=0"])
        values = [value.strip() for value in (told or "").split(",")]
        if len(values) == 3 and all(value.isdecimal() for value in values):  # else '[N/A]' or an error
            fields["frequency"] = f"{values[0]} MHz (maximum)"
            fields["host_interconnect"] = f"PCIe Gen{values[1]} x{values[2]}"
    return {"accelerators_per_node": str(per_node)} | {f"accelerator_{name}": fields[name] for name in names}


def _operating_system() -> str:
    """Distribution and kernel."""
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, kernel {platform.release()}"


def _read(path: Path) -> str:
    """The text of a small file of /sys; empty where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _output(argv: list[str]) -> str | None:
    """What a command prints, in English; None when it is not installed or fails."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=20, check=False, env={**os.environ, "LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
