"""Which rank this process is, from what its launcher left in the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.foundation.errors import StemdlError


@dataclass(frozen=True)
class Rank:
    """One process of a job: 0 <= rank < size over all nodes, 0 <= local_rank < local_size on its own node."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    launcher: str


ALONE = Rank(rank=0, size=1, local_rank=0, local_size=1, launcher="alone")


@dataclass(frozen=True)
class Family:
    """The variables of one launcher; of several names for one number, the first that is set counts.

    `evidence` is how many of them must be set before this launcher is thought to have started the process.
    """

    launcher: str
    rank: tuple[str, ...]
    size: tuple[str, ...]
    local_rank: tuple[str, ...]
    local_size: tuple[str, ...]
    evidence: int = 1


SRUN = Family("srun", ("SLURM_PROCID",), ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"), ("SLURM_LOCALID",), ())
LOCAL_SIGN = "STEMDL_LAUNCHER"
LOCAL: Mapping[str, str] = {
    "RANK": "0",
    "WORLD_SIZE": "1",
    "LOCAL_RANK": "0",
    "LOCAL_WORLD_SIZE": "1",
    LOCAL_SIGN: "local",
}
"""What makes a process the only rank of its job, without a launcher: torchrun's variables, and one that says so."""

FAMILIES = (
    Family(
        "jsrun",
        ("JSM_NAMESPACE_RANK",),
        ("JSM_NAMESPACE_SIZE",),
        ("JSM_NAMESPACE_LOCAL_RANK",),
        ("JSM_NAMESPACE_LOCAL_SIZE",),
    ),
    Family(
        "mpirun",
        ("OMPI_COMM_WORLD_RANK",),
        ("OMPI_COMM_WORLD_SIZE",),
        ("OMPI_COMM_WORLD_LOCAL_RANK",),
        ("OMPI_COMM_WORLD_LOCAL_SIZE",),
    ),
    SRUN,
    # MPICH and Intel MPI; the PALS launcher of Cray systems has names of its own beside.
    Family(
        "mpiexec",
        ("PMI_RANK", "PALS_RANKID"),
        ("PMI_SIZE",),
        ("MPI_LOCALRANKID", "PALS_LOCAL_RANKID", "PMI_LOCAL_RANK"),
        ("MPI_LOCALNRANKS", "PALS_LOCAL_SIZE", "PMI_LOCAL_SIZE"),
    ),
    # A RANK alone may be anybody's.
    Family("torchrun", ("RANK",), ("WORLD_SIZE",), ("LOCAL_RANK",), ("LOCAL_WORLD_SIZE",), evidence=2),
    # Every PMIx launcher leaves this one, beside its own. Alone it tells that this is a rank, but not of how many.
    Family("PMIx", ("PMIX_RANK",), (), (), ()),
)
"""In the order in which they are asked; run_benchmark.sh asks in the same, and a test holds the two together."""

# Slurm numbers the steps that no srun of the user started (interactive, batch script, external, pending) from here on.
FIRST_SPECIAL_SLURM_STEP = 4294967290


def detect_rank(environ: Mapping[str, str] = os.environ) -> Rank:
    """The rank of this process: that of the first launcher in `FAMILIES` that left its variables, else `ALONE`.

    Launchers that left variables must agree on rank and size (Spectrum MPI under jsrun sets OMPI_* as well). One
    disagreement is none: mpirun and torchrun are themselves started by srun, one task a node; then srun's numbers
    are those of the nodes' daemons (or of the one shell of `srun --pty`), and the other launcher's are the ranks'.

    Raises
    ------
    StemdlError : a partner variable is missing, is no number or is out of range, or two launchers disagree.
    """
    present = [family for family in FAMILIES if _is_present(family, environ)]
    others = [family for family in present if family.launcher != "srun"]
    if others and _is_one_task_a_node(environ) and any(_disagree(SRUN, other, environ) for other in others):
        present = others
    if not present:
        return ALONE
    first, *rest = present
    for other in rest:
        if _disagree(first, other, environ):
            raise StemdlError(
                f"{first.launcher} and {other.launcher} disagree about which rank this process is",
                expected=_shown(first, environ),
                found=_shown(other, environ),
                remedy=f"start the ranks with one launcher only, or unset what {other.launcher} left behind",
            )
    size = _number(first, first.size, environ)
    if first is SRUN:
        local_size = _slurm_local_size(size, environ)
    else:
        local_size = _number(first, first.local_size, environ)
    rank = _number(first, first.rank, environ)
    local_rank = _number(first, first.local_rank, environ)
    if not (rank < size and local_rank < local_size <= size):
        raise StemdlError(
            f"{first.launcher} left rank numbers that cannot be",
            expected="rank < size and local rank < local size <= size",
            found=_shown(first, environ),
            remedy="unset stale variables, or start the ranks anew",
        )
    local = first.launcher == "torchrun" and environ.get(LOCAL_SIGN) == LOCAL[LOCAL_SIGN]
    return Rank(rank, size, local_rank, local_size, "local" if local else first.launcher)


def under_launcher(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a launcher started this process, be it as the only rank; raises what `detect_rank` raises."""
    return detect_rank(environ) is not ALONE


def require_asked(rank: Rank, asked: int | None) -> None:
    """Raises StemdlError where a launcher has started another number of ranks than `--ranks` asks for: it has the last
    word, and the option would be passed over."""
    if asked and asked != rank.size:
        raise StemdlError(
            f"{rank.launcher} has started {rank.size} rank{'s' if rank.size > 1 else ''}, and ranks start no others",
            where="--ranks",
            found=asked,
            remedy=f"leave out --ranks, or have {rank.launcher} start {asked}",
        )


def _is_present(family: Family, environ: Mapping[str, str]) -> bool:
    """Whether a launcher left its rank or size; for srun, whether this is a task of a step that srun started.

    A plain batch script has SLURM_PROCID=0 and the allocation's SLURM_NTASKS without being a rank.
    """
    if family is SRUN:
        step = environ.get("SLURM_STEP_ID", "")
        return _is_count(step) and int(step) < FIRST_SPECIAL_SLURM_STEP and "SLURM_PROCID" in environ
    every = family.rank + family.size + family.local_rank + family.local_size
    return (
        any(name in environ for name in family.rank + family.size)
        and sum(name in environ for name in every) >= family.evidence
    )


def _is_one_task_a_node(environ: Mapping[str, str]) -> bool:
    """Whether this is inside an srun step that has as many tasks as nodes."""
    nodes = environ.get("SLURM_STEP_NUM_NODES")
    return nodes is not None and _is_present(SRUN, environ) and nodes == environ.get("SLURM_STEP_NUM_TASKS")


def _disagree(one: Family, other: Family, environ: Mapping[str, str]) -> bool:
    """Whether two launchers give different numbers for rank or size; a number not given is no difference."""
    return any(
        _set(mine, environ) and _set(theirs, environ) and _number(one, mine, environ) != _number(other, theirs, environ)
        for mine, theirs in ((one.rank, other.rank), (one.size, other.size))
    )


def _set(names: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    """The first of these variables that is set."""
    return next((name for name in names if name in environ), None)


def _number(family: Family, names: tuple[str, ...], environ: Mapping[str, str]) -> int:
    """The value, 0 or more, of the first of these variables that is set."""
    if not names:
        raise StemdlError(
            f"{_shown(family, environ)} says that this is a rank, but nothing says of how many",
            expected="the variables of a launcher: " + ", ".join(family.launcher for family in FAMILIES if family.size),
            remedy=f"start the ranks with one of these, or unset the stale {' or '.join(family.rank)}",
        )
    name = _set(names, environ)
    if name is None:
        raise StemdlError(
            f"{family.launcher} left {_shown(family, environ)}, but not {' or '.join(names)}",
            expected=f"{' or '.join(names)} in the environment",
            remedy="start the ranks with jsrun, mpirun, srun, mpiexec or torchrun, or unset the stale variables",
        )
    if not _is_count(environ[name]):
        raise StemdlError(
            f"{name} is not a number", expected="0, 1, 2, ...", found=repr(environ[name]), remedy=f"unset {name}"
        )
    return int(environ[name])


def _is_count(text: str) -> bool:
    """Whether this is a plain decimal number (`int` would take ' +1_0 ' as well)."""
    return re.fullmatch("[0-9]{1,12}", text) is not None


def _slurm_local_size(size: int, environ: Mapping[str, str]) -> int:
    """Tasks of this step on this node, out of SLURM_STEP_TASKS_PER_NODE, such as '4(x2),3', at SLURM_NODEID.

    Without the two (Slurm sets them in every step) all `size` tasks count as being on this node.
    """
    counts = environ.get("SLURM_STEP_TASKS_PER_NODE")
    node = environ.get("SLURM_NODEID")
    if counts is None or node is None:
        return size
    nodes: list[int] = []
    for part in counts.split(","):
        match = re.fullmatch(r"([0-9]{1,9})(?:\(x([0-9]{1,6})\))?", part)
        nodes += [int(match[1])] * int(match[2] or 1) if match else []
    if not _is_count(node) or int(node) >= len(nodes):
        raise StemdlError(
            "Slurm's tasks per node cannot be read",
            expected="SLURM_STEP_TASKS_PER_NODE such as 4(x2),3 with an entry for SLURM_NODEID",
            found=f"SLURM_STEP_TASKS_PER_NODE={counts} SLURM_NODEID={node}",
            remedy="start the ranks with srun",
        )
    return nodes[int(node)]


def _shown(family: Family, environ: Mapping[str, str]) -> str:
    """The variables of a launcher that are set, as NAME=value."""
    names = family.rank + family.size + family.local_rank + family.local_size
    return f"{family.launcher}: " + " ".join(f"{name}={environ[name]}" for name in names if name in environ)
