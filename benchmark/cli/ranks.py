"""MPI ranks that work on one command together."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.launch.rank import Rank


class ranks_together:
    """mpi4py's communicator of the ranks that the launcher started; an error on one ends all of them, which would
    otherwise wait for it for ever. Raises StemdlError where MPI sees other ranks, which would all do the whole work."""

    def __init__(self, rank: Rank) -> None:
        self._rank = rank

    def __enter__(self) -> Any:
        from benchmark.launch.mpi import world_of

        self._world = world_of(self._rank)
        return self._world

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        if error is not None:
            if getattr(error, "on_all_ranks", False) and self._world.Get_rank() != 0:
                self._world.Barrier()  # rank 0 has the same error, tells it and ends all
            print(f"stemdl: rank {self._world.Get_rank()}: {error}", file=sys.stderr, flush=True)
            self._world.Abort(getattr(error, "exit_code", 1))
