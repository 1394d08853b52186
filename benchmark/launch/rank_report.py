"""What one rank sees of its machine and its job, for comparison with what the others see."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.foundation.source import source_sha256
from benchmark.launch.load import measure_load
from benchmark.launch.room import free_disk_bytes, free_memory_bytes
from benchmark.launch.system import collect_versions, git_commit

GENERATED = {"__pycache__", ".git"}


@dataclass(frozen=True)
class DiskNeed:
    """A folder that `purpose` needs that many bytes of, on each node."""

    purpose: str
    folder: Path
    needed_bytes: int


@dataclass(frozen=True)
class Subject:
    """What the ranks are to agree about; the same on each, if all is well.

    Attributes
    ----------
    root : folder of the packages, and of the checkout where they come from one. packages : their names, or
        paths of what lies elsewhere.
    settings : the trainer's, resolved. None where there are none to compare, and so for the next two.
    manifest_sha256 : of the data.
    data : their folder.
    shared : a folder that every rank must see, where rank 0 may write.
    disk_needs : disks that must have room.
    memory_bytes : that each rank needs yet.
    device : what the ranks are to compute on: "cpu", "cuda", or "auto" for a GPU where the node has one.
    """

    root: Path
    packages: tuple[str, ...]
    shared: Path
    settings: Mapping[str, Any] | None = None
    manifest_sha256: str | None = None
    data: Path | None = None
    disk_needs: tuple[DiskNeed, ...] = ()
    memory_bytes: int = 0
    device: str = "auto"


@dataclass(frozen=True)
class Device:
    """What a rank computes on. `identity` tells one GPU from another, and is empty where it cannot; `on_node` is the
    number of accelerators that the node's driver shows, whether or not this rank may use them."""

    kind: str
    name: str = ""
    identity: str = ""
    on_node: int = 0


@dataclass(frozen=True)
class RankReport:
    """One rank's eyes. `leads` its node: what is of the node is asked of one rank there."""

    subject: Subject
    local_rank: int = 0
    host: str = field(default_factory=lambda: socket.gethostname().split(".")[0])

    @property
    def leads(self) -> bool:
        """Whether this is the first rank of its node."""
        return self.local_rank == 0

    def clock(self) -> float:
        """Seconds since 1970, by this node."""
        return time.time()

    def commit(self) -> str:
        """What the checkout stands at."""
        return git_commit(self.subject.root)

    def source(self) -> dict[str, str]:
        """The hash of the code that this rank runs, by package."""
        return {Path(name).stem: source_sha256(self.subject.root / name) for name in self.subject.packages}

    def versions(self) -> dict[str, str]:
        """The versions of Python, MPI and the packages."""
        return collect_versions()

    def settings(self) -> dict[str, Any]:
        """Those that this rank resolved."""
        return dict(self.subject.settings or {})

    def manifest(self) -> str:
        """The hash of the manifest that this rank read."""
        return self.subject.manifest_sha256 or ""

    def listing(self) -> list[str]:
        """The names of all files of the data, with '/' between folders, sorted. No file is opened: the clock may not
        have started yet."""
        if self.subject.data is None:
            return []
        found = []
        for folder, folders, files in os.walk(self.subject.data):
            folders[:] = [name for name in folders if name not in GENERATED]
            found += [Path(folder, name).relative_to(self.subject.data).as_posix() for name in files]
        return sorted(found)

    def sees(self, name: str, text: str, seconds: float = 3.0) -> bool:
        """Whether a file of that text is in the shared folder, or comes within `seconds`: network file systems remember
        for a while what was not there."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                os.listdir(self.subject.shared)  # makes NFS ask its server
                if (self.subject.shared / name).read_text() == text:
                    return True
            except OSError:
                pass  # looked for again below, until the time is over
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)

    def device(self) -> Device:
        """The device that this rank would take; torch is imported for it, unless the CPU is asked for."""
        on_node = accelerators_of_node()
        if self.subject.device == "cpu":
            return Device("cpu", on_node=on_node)
        import torch

        visible = torch.cuda.device_count()
        if not visible:
            return Device("cpu", on_node=on_node)
        properties = torch.cuda.get_device_properties(self.local_rank % visible)
        return Device("cuda", properties.name, str(getattr(properties, "uuid", "")), max(on_node, visible))

    def free_disk_bytes(self, folder: Path) -> int:
        """See `room.free_disk_bytes`."""
        return free_disk_bytes(folder)

    def load(self) -> dict[str, Any] | None:
        """How busy this rank's CPUs are; see `load.measure_load`. None where that is not known."""
        measured = measure_load()
        return measured.to_dict() if measured is not None else None

    def free_memory_bytes(self) -> int:
        """See `room.free_memory_bytes`."""
        return free_memory_bytes()


def accelerators_of_node(root: Path = Path("/")) -> int:
    """GPUs that the drivers of NVIDIA and AMD show on this node, whatever of them this process may use."""
    nvidia = len(list((root / "proc/driver/nvidia/gpus").glob("*")))
    # the nodes of AMD's topology are processors too, which have no gpu_id but 0
    amd = sum(_text(path) not in ("", "0") for path in (root / "sys/class/kfd/kfd/topology/nodes").glob("*/gpu_id"))
    return max(nvidia, len(list((root / "dev").glob("nvidia[0-9]*")))) + amd


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
