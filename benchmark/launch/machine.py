"""Machines as data: what a node has, and how ranks are started and bound there. One YAML file each in `profiles`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from benchmark.foundation.errors import StemdlError, nearest

PROFILES = Path(__file__).with_name("profiles")


@dataclass(frozen=True)
class Machine:
    """A machine, as its site describes it; None where that is not known, or differs from one to the next.

    Attributes
    ----------
    nodes : how many there are. sockets, cores_per_socket : of one node; cores are physical.
    reserved_cores_per_socket : kept for the system, the first of each socket; no rank gets them.
    cpus_per_core : logical CPUs that the batch system counts for one core.
    accelerators : devices of one node, as its runtime counts them; 0 for none. accelerator : vendor and model.
    visible_devices : the variable that tells a rank its devices.
    nics : network cards of one node. nic : their kind.
    local_disk : a folder on the node's own disk; variables of the shell are expanded there.
    launcher, batch : by default.
    binding : for each launcher, options that this machine needs for cores and GPUs.
    directives : options of the batch system that this machine needs, without its prefix (#SBATCH ...).
    whole_nodes : whether a job gets all of a node without asking.
    environment : variables for every rank.
    """

    name: str
    description: str
    nodes: int | None = None
    sockets: int | None = None
    cores_per_socket: int | None = None
    reserved_cores_per_socket: int = 0
    cpus_per_core: int = 1
    accelerators: int | None = None
    accelerator: str | None = None
    visible_devices: str | None = None
    nics: int | None = None
    nic: str | None = None
    local_disk: str | None = None
    launcher: str = "mpirun"
    batch: str | None = None
    binding: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    directives: tuple[str, ...] = ()
    whole_nodes: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def cores(self) -> int | None:
        """Physical cores of a node that ranks may have."""
        if self.sockets is None or self.cores_per_socket is None:
            return None
        return self.sockets * (self.cores_per_socket - self.reserved_cores_per_socket)


UNKNOWN = Machine("unknown", "a machine of which nothing is known: all that is asked for is taken to be there")


def profile_names() -> list[str]:
    """The machines that there are profiles of."""
    return sorted(path.stem for path in PROFILES.glob("*.yaml"))


def load_machine(name: str) -> Machine:
    """The machine of that profile; raises StemdlError for an unknown name, and for a profile with a fault."""
    path = PROFILES / f"{name}.yaml"
    if name not in profile_names():
        raise StemdlError(f"there is no profile {name!r}", where="--profile", remedy=nearest(name, profile_names()))
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    known = {each.name for each in fields(Machine)} - {"name"}
    for key in values.keys() - known:
        raise StemdlError(f"unknown key {key!r}", where=path, remedy=nearest(key, known))
    values["binding"] = {launcher: tuple(options) for launcher, options in values.get("binding", {}).items()}
    values["directives"] = tuple(values.get("directives", ()))
    return Machine(name=name, **values)
