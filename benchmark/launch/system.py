"""What the nodes of a job and their software are, as the system description of a submission tells it."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.launch.cores import usable_cores
from benchmark.launch.launchers.mpirun import find_mpirun, mpirun_version
from benchmark.launch.machine import UNKNOWN as UNKNOWN_MACHINE
from benchmark.launch.machine import Machine, load_machine
from benchmark.launch.node import describe_node, output_of, processors
from benchmark.launch.nodes import Kind, differences

UNKNOWN = "unknown: to be filled in by the submitter"
NONE = "N/A"  # known not to be there

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
    kinds: Sequence[Kind] | None = None,
) -> dict[str, str]:
    """The system description of MLPerf's submission rules, from what the nodes of a run reported; every value is a
    string.

    The fields are those that `mlperf_logging.system_desc_checker` requires, and `system_type` and
    `host_network_card_count`, which the rules require. What cannot be known from inside (cooling, topology, ...) is
    `UNKNOWN`, so that it is seen and filled in; what is known not to be there is 'N/A'. The fields are of the first
    kind of nodes, and `hw_notes` says in what the others differ; without `kinds` this node stands for all. Without a
    `system_name` it is made of host name, nodes and accelerators (or ranks).
    """
    versions = collect_versions()
    kinds = kinds or [Kind((platform.node(),), describe_node({"here": Path.cwd()}))]
    facts = kinds[0].facts
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
        **_processor(facts),
        **_memory_and_storage(facts),
        **_network(facts),
        **_accelerator(facts, accelerators_per_node),
        "cooling": UNKNOWN,
        "hw_notes": _notes(kinds),
        "framework": ", ".join(
            f"{name} {versions[package]}" for name, package in FRAMEWORK.items() if versions[package] != ABSENT
        ),
        "other_software_stack": ", ".join(
            f"{name} {version}" for name, version in versions.items() if name not in FRAMEWORK.values()
        ),
        "operating_system": f"{_text(facts.get('operating_system'))}, kernel {_text(facts.get('kernel'))}",
        "sw_notes": f"{ranks} rank{'s' if ranks != 1 else ''} on {nodes} node{'s' if nodes != 1 else ''}",
    }


def collect_versions() -> dict[str, str]:
    """Versions of Python, the MPI library and the packages that a result depends on; `ABSENT` where there is none.

    Packages are asked through their metadata and not imported, so that this costs milliseconds. CUDA, ROCm and NCCL
    are listed where this process has loaded a torch that was built with them.
    """
    versions = {"python": platform.python_version(), "MPI": _mpi_version(), **_of_torch()}
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


def _of_torch() -> dict[str, str]:
    """What a torch that is loaded was built with."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    found = {"CUDA": torch.version.cuda, "ROCm": torch.version.hip}
    if torch.cuda.is_available():
        found["NCCL"] = ".".join(map(str, torch.cuda.nccl.version()))
    return {name: version for name, version in found.items() if version}


def git_commit(root: Path) -> str:
    """The commit that the checkout at `root` stands at, with '-dirty' when tracked files are changed.

    'unknown' where `root` is not the top of a checkout: an installed copy inside another project's checkout must not
    be named by that project's commit.
    """
    top = output_of(["git", "-C", str(root), "rev-parse", "--show-toplevel"])
    commit = output_of(["git", "-C", str(root), "rev-parse", "HEAD"])
    if top is None or commit is None or Path(top).resolve() != root.resolve():
        return "unknown"
    changed = output_of(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    return f"{commit}-dirty" if changed else commit


def device_names() -> list[str]:
    """The accelerators that torch sees in this process, in its order; none without torch or without accelerators."""
    try:
        import torch
    except ImportError:
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def machine_of(profile: str | None) -> Machine:
    """The profile's machine, `UNKNOWN` for none; what a single computer's profile leaves open is what this one has."""
    machine = UNKNOWN_MACHINE if profile is None else load_machine(profile)
    if machine.nodes == 1 and machine.cores is None:
        machine = replace(machine, sockets=1, cores_per_socket=usable_cores(), accelerators=len(device_names()))
    return machine


def processor_name() -> str:
    """The model name of this host's processors."""
    return processors().get("processor", UNKNOWN)


def drop_caches(control: Path = Path("/proc/sys/vm/drop_caches")) -> bool:
    """Empty the page cache of this node, so that data come from storage; whether that was really done.

    Needs root, and is refused in most containers even then.
    """
    os.sync()  # only clean pages are dropped
    try:
        handle = os.open(control, os.O_WRONLY)  # without O_CREAT: a file of our own making is not a page cache
        try:
            os.write(handle, b"3\n")
        finally:
            os.close(handle)
    except OSError:
        return False
    return True


def _processor(facts: Mapping[str, Any]) -> dict[str, str]:
    """Sockets, cores, clock and caches; counts of cores and of hardware threads are for one processor."""
    sockets, cores, threads = (facts.get(name) for name in ("sockets", "cores_per_socket", "threads_per_core"))
    return {
        "host_processors_per_node": _text(sockets),
        "host_processor_model_name": _text(facts.get("processor")),
        "host_processor_core_count": _text(cores),
        "host_processor_vcpu_count": str(cores * threads) if cores and threads else UNKNOWN,
        "host_processor_frequency": _text(facts.get("frequency")),
        "host_processor_caches": _text(facts.get("caches")),
        "host_processor_interconnect": NONE if sockets == 1 else UNKNOWN,
    }


def _memory_and_storage(facts: Mapping[str, Any]) -> dict[str, str]:
    """Memory of a node, and the file systems that the run used there, each once."""
    purposes: dict[tuple[str, str], list[str]] = {}
    for purpose, found in facts.get("storage", {}).items():
        kind, device, size = found.get("type", UNKNOWN), found.get("device", ""), found.get("size_gib")
        on = f" on {device.removeprefix('/dev/')}" if device else ""
        purposes.setdefault((kind + on, UNKNOWN if size is None else f"{size} GiB"), []).append(purpose)
    several = len(purposes) > 1
    types, sizes = (
        "; ".join(text + (f" ({', '.join(used)})" if several else "") for text, used in each)
        for each in (
            [(kind, used) for (kind, _), used in purposes.items()],
            [(size, used) for (_, size), used in purposes.items()],
        )
    )
    memory = facts.get("memory_gib")
    return {
        "host_memory_capacity": UNKNOWN if memory is None else f"{memory} GiB",
        "host_memory_configuration": UNKNOWN,
        "host_storage_type": types or UNKNOWN,
        "host_storage_capacity": sizes or UNKNOWN,
    }


def _network(facts: Mapping[str, Any]) -> dict[str, str]:
    return {
        "host_networking": "; ".join(facts.get("network", ())) or UNKNOWN,
        "host_networking_topology": UNKNOWN,
        "host_network_card_count": _text(facts.get("cards")),
    }


def _accelerator(facts: Mapping[str, Any], per_node: int) -> dict[str, str]:
    """The accelerator fields; the first device stands for all of its node."""
    names = (
        "model_name",
        "host_interconnect",
        "frequency",
        "on-chip_memories",
        "memory_configuration",
        "memory_capacity",
        "interconnect",
        "interconnect_topology",
    )
    fields = dict.fromkeys(names, UNKNOWN if per_node else NONE)
    if per_node and facts.get("accelerators"):
        fields["model_name"] = facts["accelerators"][0]
        if "accelerator_memory_gib" in facts:
            fields["memory_capacity"] = f"{facts['accelerator_memory_gib']} GiB"
        fields |= {name: facts[f"accelerator_{name}"] for name in names if f"accelerator_{name}" in facts}
    return {"accelerators_per_node": str(per_node)} | {f"accelerator_{name}": fields[name] for name in names}


def _notes(kinds: Sequence[Kind]) -> str:
    """What has no field of its own, and how the nodes differ."""
    facts = kinds[0].facts
    notes = [f"{facts['numa_nodes']} NUMA nodes"] if facts.get("numa_nodes", 1) > 1 else []
    notes += [f"accelerator driver {facts['accelerator_driver']}"] if "accelerator_driver" in facts else []
    if len(kinds) > 1:
        notes.append(f"nodes differ from {kinds[0].hosts[0]}: " + "; ".join(differences(kinds)))
    return "; ".join(notes)


def _text(value: Any) -> str:
    """A fact as a field; `UNKNOWN` where it is not known."""
    return UNKNOWN if value is None or value == "" else str(value)
