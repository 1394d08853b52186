"""Independent pieces of work, done on processes of this host or on MPI ranks, each piece by whoever is free for it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from typing import Any, Protocol, TypeVar

from benchmark.foundation.interpreter import safely_started
from benchmark.foundation.progress import progress

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")

_THREADS = (
    "BLIS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""Variables by which numerical libraries are given their number of threads when they are loaded."""


class Ranks(Protocol):
    """What sharing work needs of MPI: mpi4py's communicator fits."""

    def Get_rank(self) -> int: ...
    def Get_size(self) -> int: ...
    def allgather(self, value: Any) -> list[Any]: ...
    def bcast(self, value: Any, root: int = 0) -> Any: ...
    def barrier(self) -> None: ...


class Workers:
    """Either ranks, each of which calls `map` with the same pieces, or a pool of processes, or this process alone."""

    def __init__(self, pool: ProcessPoolExecutor | None, ranks: Ranks | None) -> None:
        self._pool, self._ranks = pool, ranks
        self.leader = ranks is None or ranks.Get_rank() == 0

    def map(
        self,
        function: Callable[[_Piece], _Result],
        pieces: Sequence[_Piece],
        title: str,
        unit: str,
        claims: Path | None = None,
    ) -> list[_Result]:
        """The function's results in the order of the pieces, the same on every rank; an error ends the work.

        Processes take the next piece when they are free. Ranks do so where `claims` names a folder that all of them
        see and nobody else uses; without, each has every so-manieth piece. An error of one rank is raised on all,
        with `on_all_ranks` set, after the pieces in work are done.
        """
        if self._ranks is not None:
            return self._map_on(self._ranks, function, pieces, title, unit, claims)
        results: dict[int, _Result] = {}
        with _shown(True, title, len(pieces), unit) as advance:
            for done, (index, result) in enumerate(self._each(function, pieces), start=1):
                results[index] = result
                advance(done)
        return [results[index] for index in range(len(pieces))]

    def barrier(self) -> None:
        """Waits until every rank is here."""
        if self._ranks is not None:
            self._ranks.barrier()

    def from_leader(self, make: Callable[[], _Result]) -> _Result:
        """What `make` gives on the leader, on every rank. Its error is raised on all, with `on_all_ranks` set."""
        if self._ranks is None:
            return make()
        made: _Result | None = None
        error: Exception | None = None
        if self.leader:
            try:
                made = make()
            except Exception as found:  # noqa: BLE001 - raised again on all ranks
                error = found
        told: tuple[_Result, Exception | None] = self._ranks.bcast((made, error))
        _raise_first([told[1]])
        return told[0]

    def _each(self, function: Callable[[_Piece], _Result], pieces: Sequence[_Piece]) -> Iterable[tuple[int, _Result]]:
        if self._pool is None:
            yield from ((index, function(piece)) for index, piece in enumerate(pieces))
            return
        try:
            futures = {self._pool.submit(function, piece): index for index, piece in enumerate(pieces)}
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:  # it waits for its other workers to end by SIGTERM, which they ignore
            _kill_workers()
            raise
        except Exception:
            self._pool.shutdown(wait=False, cancel_futures=True)
            raise
        except BaseException:  # interrupted: nobody waits for the pieces that are in work
            self._pool.shutdown(wait=False, cancel_futures=True)
            _kill_workers()
            raise

    def _map_on(
        self,
        ranks: Ranks,
        function: Callable[[_Piece], _Result],
        pieces: Sequence[_Piece],
        title: str,
        unit: str,
        claims: Path | None,
    ) -> list[_Result]:
        rank, size = ranks.Get_rank(), ranks.Get_size()
        if claims is not None:
            self.from_leader(lambda: _empty(claims))
        mine = range(rank, len(pieces), size) if claims is None else _claimed(claims, len(pieces), rank, size)
        results: dict[int, _Result] = {}
        error: Exception | None = None
        with _shown(self.leader, title, len(pieces), unit) as advance:
            try:
                for index in mine:
                    results[index] = function(pieces[index])
                    advance(min(len(pieces), len(results) * size))
            except Exception as found:  # noqa: BLE001 - told to the other ranks, and raised again on all
                error = found
                if claims is not None:
                    _withdraw(claims)
        together: list[tuple[dict[int, _Result], Exception | None]] = ranks.allgather((results, error))
        if claims is not None and self.leader:
            _withdraw(claims)
        _raise_first([error for _, error in together])
        results = {index: result for part, _ in together for index, result in part.items()}
        return [results[index] for index in range(len(pieces))]


def _raise_first(errors: Iterable[Exception | None]) -> None:
    for error in errors:
        if error is not None:
            error.on_all_ranks = True  # type: ignore[attr-defined]
            raise error


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _claimed(claims: Path, count: int, rank: int, size: int) -> Iterator[int]:
    """Pieces that no other rank has, until there are none: first one's own share, then what others have not begun.

    A piece belongs to whoever creates the file of its number, which file systems do for one alone. Where the folder is
    gone another rank has failed, and the work is over.
    """
    taken: set[int] = set()  # a network's file system may list a folder as it was some seconds ago
    try:
        for index in range(rank, count, size):
            if _claim(claims, index):
                yield index
        # From the end of the others' shares, which they reach last, and not all thieves at the same piece.
        while left := sorted(set(range(count)) - taken - {int(name) for name in os.listdir(claims)}, reverse=True):
            index = left[rank * len(left) // size]
            taken.add(index)
            if _claim(claims, index):
                yield index
    except FileNotFoundError:
        return


def _claim(claims: Path, index: int) -> bool:
    try:
        os.close(os.open(claims / str(index), os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        return False
    return True


def _withdraw(claims: Path) -> None:
    """Take the folder of claims away at once, whoever is about to add to it; renaming needs no room on the disk."""
    aside = claims.with_name(f"{claims.name}.{os.getpid()}.gone")
    try:
        os.rename(claims, aside)
    except FileNotFoundError:
        return  # another rank was first
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _shown(shown: bool, title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    if not shown:
        yield lambda done: None
        return
    with progress(title, total, unit) as advance:
        yield advance


def _kill_workers() -> None:
    for process in active_children():
        process.kill()


def _start(single_threaded: bool) -> None:
    """Begin a worker process. It ends with its parent: were that killed, it would wait for work for ever."""

    def end_with_parent() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
        os._exit(1)

    for number in (signal.SIGINT, signal.SIGTERM):  # a terminal's Ctrl-C reaches this process too: the parent says it
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    if single_threaded:
        _stay_on_one_thread()


def use_one_thread() -> None:
    """Sets the threads of each numerical library that is loaded in this process, whatever the environment says."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def _stay_on_one_thread() -> None:
    """Sets one thread in a process that does nothing but its work: libraries that its recipe loads later heed the
    environment then."""
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    use_one_thread()


@contextmanager
def workers(processes: int = 1, ranks: Ranks | None = None, *, single_threaded: bool = False) -> Iterator[Workers]:
    """The ranks where there are any, otherwise a pool of `processes`, or none for a single one.

    `single_threaded` : numerical libraries use one thread in each, of ranks for good; a single process is a worker too
    then, so that this one keeps its threads.
    """
    if ranks is not None:
        if single_threaded:
            _stay_on_one_thread()
        yield Workers(None, ranks)
        return
    if processes == 1 and not single_threaded:
        yield Workers(None, None)
        return
    with ExitStack() as started:
        started.enter_context(safely_started())
        pool = ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=_start, initargs=(single_threaded,)
        )
        yield Workers(started.enter_context(pool), None)
