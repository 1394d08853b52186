"""MPI ranks that work on one command together."""

from __future__ import annotations

import sys
from typing import Any


class ranks_together:
    """mpi4py's communicator; an error on one rank ends all of them, which would else wait for it for ever."""

    def __enter__(self) -> Any:
        from mpi4py import MPI

        self._world = MPI.COMM_WORLD
        return self._world

    def __exit__(self, kind: type | None, error: BaseException | None, _: object) -> None:
        if error is not None:
            if getattr(error, "on_all_ranks", False) and self._world.Get_rank() != 0:
                self._world.Barrier()  # rank 0 has the same error, tells it and ends all
            print(f"stemdl: rank {self._world.Get_rank()}: {error}", file=sys.stderr, flush=True)
            self._world.Abort(getattr(error, "exit_code", 1))
