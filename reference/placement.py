"""Puts each rank on CPUs of its own where the launcher left that open, and tells where all of them run."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmark.events import keys
from benchmark.events.log import EventLog
from benchmark.launch.affinity import Placement, place_ranks, placement_warnings
from benchmark.launch.rank import Rank
from reference.comm import Comm


def settle(rank: Rank, device: torch.device, comm: Comm, *, wants_gpu: bool) -> list[Placement]:
    """Where every rank runs from now on, in their order. Called by all ranks, before torch starts its threads."""
    return place_ranks(rank, str(device), lambda text: gather_texts(text, comm), wants_gpu=wants_gpu)


def tell(placements: list[Placement], log: EventLog, say: Callable[[str], None]) -> None:
    """One event with all of it, and a loud word on what is wrong."""
    log.point(keys.PLACEMENT, [placement.told() for placement in placements])
    for warning in placement_warnings(placements):
        say(f"WARNING: {warning}")


def gather_texts(text: str, comm: Comm) -> list[str]:
    """The texts of all ranks on each of them, in their order. Sums are what backends have in common (of int32, not of
    bytes): each rank adds its text at a place of its own."""
    own = torch.tensor(list(text.encode()), dtype=torch.int32)
    lengths = torch.zeros(comm.size, dtype=torch.int64)
    lengths[comm.rank] = len(own)
    lengths = comm.sum(lengths)
    together = torch.zeros(int(lengths.sum()), dtype=torch.int32)
    start = int(lengths[: comm.rank].sum())
    together[start : start + len(own)] = own
    return [bytes(part.tolist()).decode() for part in comm.sum(together).split(lengths.tolist())]
