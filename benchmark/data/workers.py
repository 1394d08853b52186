"""Independent pieces of work, done on processes of this host or on MPI ranks."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any, Protocol, TypeVar

from benchmark.foundation.progress import progress

_Piece, _Result = TypeVar("_Piece"), TypeVar("_Result")


class Ranks(Protocol):
    """What sharing work needs of MPI: mpi4py's communicator fits."""

    def Get_rank(self) -> int: ...
    def Get_size(self) -> int: ...
    def allgather(self, value: Any) -> list[Any]: ...
    def barrier(self) -> None: ...


class Workers:
    """Either ranks, each of which calls `map` with the same pieces, or a pool of processes, or this process alone."""

    def __init__(self, pool: ProcessPoolExecutor | None, ranks: Ranks | None) -> None:
        self._pool, self._ranks = pool, ranks
        self.leader = ranks is None or ranks.Get_rank() == 0

    def map(
        self, function: Callable[[_Piece], _Result], pieces: Sequence[_Piece], title: str, unit: str
    ) -> list[_Result]:
        """The function's results in the order of the pieces, the same on every rank; an error ends the work."""
        results: dict[int, _Result] = {}
        share = 1 if self._ranks is None else self._ranks.Get_size()
        with _shown(self.leader, title, len(pieces), unit) as advance:
            for done, (index, result) in enumerate(self._each(function, pieces), start=1):
                results[index] = result
                advance(min(len(pieces), done * share))
        if self._ranks is not None:
            results = {index: result for part in self._ranks.allgather(results) for index, result in part.items()}
        return [results[index] for index in range(len(pieces))]

    def barrier(self) -> None:
        """Waits until every rank is here."""
        if self._ranks is not None:
            self._ranks.barrier()

    def _each(
        self, function: Callable[[_Piece], _Result], pieces: Sequence[_Piece]
    ) -> Iterable[tuple[int, _Result]]:
        if self._pool is not None:
            futures = {self._pool.submit(function, piece): index for index, piece in enumerate(pieces)}
            try:
                for future in as_completed(futures):
                    yield futures[future], future.result()
            except BaseException:
                self._pool.shutdown(wait=False, cancel_futures=True)
                raise
            return
        first, step = (0, 1) if self._ranks is None else (self._ranks.Get_rank(), self._ranks.Get_size())
        for index in range(first, len(pieces), step):
            yield index, function(pieces[index])


@contextmanager
def _shown(shown: bool, title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    if not shown:
        yield lambda done: None
        return
    with progress(title, total, unit) as advance:
        yield advance


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""

    def wait() -> None:
        parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def workers(processes: int = 1, ranks: Ranks | None = None) -> Iterator[Workers]:
    """The ranks where there are any, otherwise a pool of `processes`, or none for a single one."""
    if ranks is not None or processes == 1:
        yield Workers(None, ranks)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        yield Workers(pool, None)
