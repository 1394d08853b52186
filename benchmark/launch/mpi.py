"""MPI's own view of a job's ranks, held against that of its launcher."""

from __future__ import annotations

from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.launch.rank import Rank


def world_of(rank: Rank) -> Any:
    """mpi4py's communicator of all ranks; the first call of a job starts MPI, which waits for all of them.

    Raises StemdlError where MPI sees other ranks than the launcher: each would think that it is alone.
    """
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    if (world.rank, world.size) != (rank.rank, rank.size):
        raise StemdlError(
            "MPI sees other ranks than the launcher",
            where=f"rank {rank.rank} of {rank.size}",
            found=f"rank {world.rank} of {world.size}",
            remedy="use the launcher of the MPI that mpi4py loads; one that has just died leaves this too",
        )
    return world
