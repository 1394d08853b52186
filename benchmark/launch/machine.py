"""Machines as data: what a node has, and how ranks are started and bound there. One YAML file each in `profiles`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError, nearest
from benchmark.foundation.files import is_file_name, read_yaml_mapping

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
    """The machine of a shipped profile, or of a file: a name that ends in .yaml or .yml, or holds a '/'. Raises
    StemdlError for an unknown name, a file that cannot be read, and a profile with a fault, naming its key."""
    if is_file_name(name):
        return read_machine(Path(name))
    if name not in profile_names():
        raise StemdlError(
            f"there is no profile {name!r}",
            where="--profile",
            remedy=f"{nearest(name, profile_names())} Or name a file: --profile FILE.yaml",
        )
    return read_machine(PROFILES / f"{name}.yaml")


def read_machine(path: Path) -> Machine:
    """A machine from its file; it is named by the file. Raises StemdlError naming the key that is wrong."""
    values = read_yaml_mapping(path, "the profile")
    known = {each.name: each for each in fields(Machine) if each.name != "name"}
    for key in values.keys() - known.keys():
        raise StemdlError(f"unknown key {key!r}", where=path, remedy=nearest(str(key), known))
    if not isinstance(values.get("description"), str):
        raise StemdlError("the profile does not say which machine it is of", where=path, expected="description: TEXT")
    for key, value in values.items():
        if not _is_of(value, str(known[key].type)):
            raise StemdlError(
                f"{key} has the wrong type", where=path, expected=_MEANT[str(known[key].type)], found=value
            )
    values["binding"] = {launcher: tuple(options) for launcher, options in values.get("binding", {}).items()}
    values["directives"] = tuple(values.get("directives", ()))
    return Machine(name=path.stem, **values)


_MEANT = {
    "str": "a text",
    "str | None": "a text",
    "int": "a whole number from 0",
    "int | None": "a whole number from 0",
    "bool": "true or false",
    "tuple[str, ...]": "a list of texts",
    "Mapping[str, tuple[str, ...]]": "lists of texts by name",
    "Mapping[str, str]": "texts by name",
}


def _is_of(value: Any, kind: str) -> bool:
    """Whether a value of a profile is of its field's type, as `_MEANT` has it."""

    def texts(given: Any) -> bool:
        return isinstance(given, list) and all(isinstance(each, str) for each in given)

    if kind in ("int", "int | None"):
        return type(value) is int and value >= 0
    if kind == "Mapping[str, tuple[str, ...]]":
        return isinstance(value, dict) and all(isinstance(name, str) and texts(each) for name, each in value.items())
    if kind == "Mapping[str, str]":
        return isinstance(value, dict) and all(isinstance(each, str) for pair in value.items() for each in pair)
    return texts(value) if kind == "tuple[str, ...]" else isinstance(value, bool if kind == "bool" else str)
