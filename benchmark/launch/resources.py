"""The arithmetic of nodes, ranks, cores and GPUs, in this one place; launchers and batch scripts only write it down."""

from __future__ import annotations

import os
from dataclasses import dataclass

from benchmark.foundation.errors import StemdlError
from benchmark.launch.machine import Machine

GPUS_PER_RANK = "STEMDL_GPUS_PER_RANK"
HANDED_ON = ("STEMDL_VENV", "STEMDL_TASKS")
"""Variables of ours that every rank needs as they are where it is started from."""
"""Tells a rank how many GPUs it was asked for."""


@dataclass(frozen=True)
class Layout:
    """Where the ranks of a job stand; the last node may have fewer than the others.

    Attributes
    ----------
    ranks, nodes, ranks_per_node : `nodes` are as many as `ranks` need at `ranks_per_node` to a node.
    cores_per_rank : physical cores for each rank alone; None where it is not known how many there are.
    gpus_per_rank : 0 for none.
    cpus_per_core : logical CPUs that the machine's batch system counts for one physical core.
    cores : first and last core of each rank of a node, counted over its sockets; empty where that is not known.
    """

    ranks: int
    nodes: int
    ranks_per_node: int
    cores_per_rank: int | None = None
    gpus_per_rank: int = 0
    cpus_per_core: int = 1
    cores: tuple[tuple[int, int], ...] = ()


def lay_out(
    machine: Machine,
    *,
    nodes: int | None = None,
    ranks: int | None = None,
    ranks_per_node: int | None = None,
    gpus_per_rank: int | None = None,
    cores_per_rank: int | None = None,
) -> Layout:
    """What was asked for, and for the rest: one node, a GPU for each rank where there are any, all cores shared out.

    A rank's cores are of one socket, where there are as many ranks as sockets. Without GPUs the ranks of a node are
    as many as have cores; where neither is known, one.

    Raises StemdlError, which says what would fit, where the ranks ask for more than the machine has.
    """
    wanted = (
        ("--nodes", nodes),
        ("--ranks", ranks),
        ("--ranks-per-node", ranks_per_node),
        ("--cores-per-rank", cores_per_rank),
    )
    for option, count in wanted:
        if count is not None and count < 1:
            raise StemdlError("a number above 0 is needed", where=option, found=count)
    if gpus_per_rank is None:
        gpus_per_rank = 1 if machine.accelerators else 0
    elif gpus_per_rank < 0:
        raise StemdlError("a number of 0 or more is needed", where="--gpus-per-rank", found=gpus_per_rank)
    slots = _slots(machine, gpus_per_rank, cores_per_rank)
    if slots == 0:
        raise StemdlError(
            "one rank does not fit on a node",
            expected=_has(machine),
            found=_needs(gpus_per_rank, cores_per_rank),
            remedy="ask for less for each rank",
        )
    if ranks_per_node is None:
        # N ranks on M nodes are spread evenly; ranks alone fill one node after the other.
        ranks_per_node = -(-ranks // nodes) if ranks and nodes else min(ranks, slots or ranks) if ranks else slots or 1
    if nodes is None:
        nodes = -(-ranks // ranks_per_node) if ranks else 1
    _see_that_it_fits(
        machine, nodes, ranks or nodes * ranks_per_node, ranks_per_node, slots, gpus_per_rank, cores_per_rank
    )
    ranks = ranks or nodes * ranks_per_node
    if -(-ranks // ranks_per_node) < nodes:
        raise StemdlError(
            f"{ranks} ranks leave a node of {nodes} without any",
            where="--nodes",
            expected=f"{-(-ranks // ranks_per_node)} nodes at {ranks_per_node} ranks to a node",
        )
    if cores_per_rank is None:
        cores_per_rank = _fair_share(machine, ranks_per_node)
    return Layout(
        ranks,
        nodes,
        ranks_per_node,
        cores_per_rank,
        gpus_per_rank,
        machine.cpus_per_core,
        _cores(machine, ranks_per_node, cores_per_rank),
    )


def rank_environment(machine: Machine, layout: Layout) -> dict[str, str]:
    """Variables for every rank, so that it makes of its place what it was asked for."""
    environment = {"PYTHONUNBUFFERED": "1", **machine.environment}
    if layout.cores_per_rank is not None:
        environment["OMP_NUM_THREADS"] = str(layout.cores_per_rank)
    if layout.gpus_per_rank:
        environment[GPUS_PER_RANK] = str(layout.gpus_per_rank)
    # Not every batch system hands on what is set where it is called.
    return environment | {name: os.environ[name] for name in HANDED_ON if name in os.environ}


def _slots(machine: Machine, gpus_per_rank: int, cores_per_rank: int | None) -> int | None:
    """Ranks that fit on a node; None where it is not known what a node has. Without a wish, a rank needs one core."""
    limits = []
    if machine.accelerators is not None and gpus_per_rank:
        limits.append(machine.accelerators // gpus_per_rank)
    if machine.cores is not None:
        limits.append(machine.cores // (cores_per_rank or 1))
    return min(limits) if limits else None


def _see_that_it_fits(
    machine: Machine,
    nodes: int,
    ranks: int,
    ranks_per_node: int,
    slots: int | None,
    gpus_per_rank: int,
    cores_per_rank: int | None,
) -> None:
    if machine.nodes is not None and nodes > machine.nodes:
        raise StemdlError(
            f"{machine.name} has fewer nodes", where="--nodes", expected=f"at most {machine.nodes}", found=nodes
        )
    if ranks > nodes * ranks_per_node:
        raise StemdlError(
            f"{ranks} ranks do not fit {_times(nodes, ranks_per_node)}",
            where="--ranks",
            expected=f"at most {nodes * ranks_per_node} ranks",
            remedy=f"--nodes {-(-ranks // ranks_per_node)}, or --ranks-per-node {-(-ranks // nodes)}",
        )
    if slots is not None and ranks_per_node > slots:
        raise StemdlError(
            f"{ranks} ranks do not fit {_times(nodes, slots)}",
            where=f"--ranks-per-node {ranks_per_node}",
            expected=f"at most {slots} ranks on a node, which has {_has(machine)}",
            found=f"{ranks_per_node} ranks with {_needs(gpus_per_rank, cores_per_rank)} each",
            remedy=f"--nodes {-(-ranks // slots)} --ranks-per-node {slots}, or ask for less for each rank",
        )


def _times(nodes: int, slots: int) -> str:
    return f"{nodes} node{'s' if nodes > 1 else ''} x {slots} slot{'s' if slots > 1 else ''}"


def _has(machine: Machine) -> str:
    """What a node offers, in words."""
    counts = ((machine.cores, "cores"), (machine.accelerators, "GPUs"))
    return " and ".join(f"{count} {name}" for count, name in counts if count is not None)


def _needs(gpus: int, cores: int | None) -> str:
    """What a rank asks for, in words."""
    parts = [f"{cores or 1} core{'s' if (cores or 1) > 1 else ''}"]
    return " and ".join(parts + ([f"{gpus} GPU{'s' if gpus > 1 else ''}"] if gpus else []))


def _fair_share(machine: Machine, ranks_per_node: int) -> int | None:
    """Cores for each rank of a full node, all of one socket where the ranks are as many as the sockets or more."""
    if machine.cores is None:
        return None
    if machine.sockets is None or ranks_per_node < machine.sockets:
        return machine.cores // ranks_per_node
    ranks_per_socket = -(-ranks_per_node // machine.sockets)
    # More ranks than a socket's cores can serve evenly: then some ranks cross from one socket to the next.
    return (machine.cores // machine.sockets) // ranks_per_socket or machine.cores // ranks_per_node


def _cores(machine: Machine, ranks_per_node: int, cores_per_rank: int | None) -> tuple[tuple[int, int], ...]:
    """First and last core of each rank on a node of several sockets whose cores are numbered one after the other.

    The first cores of a socket are those that the machine keeps for itself. Empty where the ranks of a socket do not
    fit into it, and where one socket leaves nothing to choose.
    """
    if machine.sockets in (None, 1) or machine.cores_per_socket is None or cores_per_rank is None:
        return ()
    ranks_per_socket = -(-ranks_per_node // machine.sockets)
    if ranks_per_socket * cores_per_rank > machine.cores_per_socket - machine.reserved_cores_per_socket:
        return ()
    ranges = []
    for rank in range(ranks_per_node):
        socket, place = divmod(rank, ranks_per_socket)
        first = socket * machine.cores_per_socket + machine.reserved_cores_per_socket + place * cores_per_rank
        ranges.append((first, first + cores_per_rank - 1))
    return tuple(ranges)
