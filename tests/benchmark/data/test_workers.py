"""Work on processes: results in the order of the pieces, and an error ends it at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
from patience import HANG_SECONDS, wait_until

from benchmark.data.workers import Workers, workers
from benchmark.foundation.errors import StemdlError


def slow_first(piece: int) -> tuple[int, int]:
    """The first pieces end last."""
    time.sleep(0.2 / (1 + piece))
    return piece, os.getpid()


def fails_at_two(piece: int) -> int:
    if piece == 2:
        raise StemdlError("broken", where=piece, remedy="mend it")
    return piece


def dies(piece: int) -> None:
    os._exit(7)


@pytest.mark.parametrize("processes", [1, 2])
def test_results_are_in_the_order_of_the_pieces(processes: int) -> None:
    with workers(processes) as work:
        results = work.map(slow_first, range(6), "Working", "pieces")
        assert work.leader and work.map(slow_first, [], "Working", "pieces") == []
    assert [piece for piece, _ in results] == list(range(6))
    assert (os.getpid() in {pid for _, pid in results}) == (processes == 1)


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_arrives_as_it_was_raised(processes: int) -> None:
    with workers(processes) as work, pytest.raises(StemdlError, match="2: broken") as caught:
        work.map(fails_at_two, range(4), "Working", "pieces")
    assert (caught.value.where, caught.value.remedy) == (2, "mend it")


def test_a_process_that_dies_is_an_error_and_not_a_wait() -> None:
    with workers(2) as work, pytest.raises(BrokenProcessPool):
        work.map(dies, range(2), "Working", "pieces")


def threads(piece: int) -> tuple[set[int], int]:
    """Of the BLAS and OpenMP libraries of this process, and of PyTorch."""
    import scipy.linalg  # noqa: F401  has a BLAS of its own
    import torch
    from threadpoolctl import threadpool_info

    return {library["num_threads"] for library in threadpool_info()}, torch.get_num_threads()


def test_single_threaded_workers_use_one_thread_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    with workers(1, single_threaded=True) as work:
        assert work.map(threads, [0], "Working", "pieces") == [({1}, 1)]
    assert os.environ["OMP_NUM_THREADS"] == "2"  # what is started after them is not bound by it


def test_so_do_ranks_whose_libraries_are_loaded_already(environment: dict) -> None:
    script = f"""
import numpy, runpy, torch
from threading import Barrier
from threadpoolctl import threadpool_info
tests = runpy.run_path({__file__!r})
before = max(library["num_threads"] for library in threadpool_info())
with tests["workers"](ranks=tests["ThreadRanks"](0, 1, Barrier(1), [None]), single_threaded=True) as work:
    print(before, *work.map(tests["threads"], [0], "Working", "pieces"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=environment
        | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.split(maxsplit=1) == ["2", "({1}, 1)\n"]


class ThreadRanks:
    """Ranks of one job as threads of this process, with collectives as MPI has them."""

    def __init__(self, rank: int, size: int, wait: threading.Barrier, box: list) -> None:
        self.rank, self.size, self._wait, self._box = rank, size, wait, box

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return self.size

    def allgather(self, value: Any) -> list[Any]:
        self._box[self.rank] = value
        self._wait.wait()
        values = list(self._box)
        self._wait.wait()
        return values

    def bcast(self, value: Any, root: int = 0) -> Any:
        return self.allgather(value)[root]

    def barrier(self) -> None:
        self._wait.wait()


def on_ranks(size: int, job: Callable[[Workers], Any]) -> list[Any]:
    """What `job` gives, or raises, on each of so many ranks."""
    wait, box = threading.Barrier(size, timeout=HANG_SECONDS), [None] * size

    def run(rank: int) -> Any:
        try:
            with workers(ranks=ThreadRanks(rank, size, wait, box)) as work:
                return job(work)
        except StemdlError as error:
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(run, range(size)))


@pytest.mark.parametrize("claims", [None, "claims"])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_piece_is_done_by_one_rank_and_all_ranks_have_the_results(
    tmp_path: Path, size: int, claims: str | None
) -> None:
    done: list[int] = []

    def piece(number: int) -> int:
        time.sleep(0.002 * (number % 3))
        done.append(number)
        return -number

    folder = None if claims is None else tmp_path / claims
    results = on_ranks(size, lambda work: work.map(piece, range(23), "Working", "pieces", claims=folder))
    assert results == [[-number for number in range(23)]] * size
    assert sorted(done) == list(range(23))
    assert not list(tmp_path.iterdir())


def test_a_slow_rank_keeps_the_others_from_nothing(tmp_path: Path) -> None:
    """The first piece takes until all others are done: the other rank does those."""
    by: dict[int, str] = {}

    def piece(number: int) -> None:
        by[number] = threading.current_thread().name
        wait_until((lambda: len(by) == 20) if number == 0 else (lambda: 0 in by))  # which is begun first

    on_ranks(2, lambda work: work.map(piece, range(20), "Working", "pieces", claims=tmp_path / "claims"))
    assert [number for number in by if by[number] == by[0]] == [0]


def test_an_error_of_one_rank_ends_the_work_and_is_raised_on_all(tmp_path: Path) -> None:
    done, claims = [], tmp_path / "claims"

    def piece(number: int) -> None:
        if number == 3:
            raise StemdlError("broken", where=number)
        if number not in (0, 1, 2):  # what is in work then goes on until the error has been reported
            wait_until(lambda: not claims.exists())
        done.append(number)

    errors = on_ranks(3, lambda work: work.map(piece, range(300), "Working", "pieces", claims=claims))
    assert [error.where for error in errors] == [3, 3, 3] and all(error.on_all_ranks for error in errors)
    assert 0 in done and set(done) <= {0, 1, 2, 4, 5} and not list(tmp_path.iterdir())


def test_claims_that_a_kill_left_behind_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "0").touch()
    results = on_ranks(2, lambda work: work.map(abs, [-1, -2, -3], "Working", "pieces", claims=tmp_path / "claims"))
    assert results == [[1, 2, 3]] * 2


def test_what_the_leader_makes_or_raises_is_everywhere() -> None:
    assert on_ranks(3, lambda work: work.from_leader(lambda: work.leader)) == [True] * 3

    def fails() -> None:
        raise StemdlError("broken")

    assert [error.what for error in on_ranks(2, lambda work: work.from_leader(fails))] == ["broken"] * 2
    with workers() as work, pytest.raises(StemdlError, match="broken") as caught:
        work.from_leader(fails)
    assert not caught.value.on_all_ranks
