"""Work on processes: results in the order of the pieces, and an error ends it at once."""

from __future__ import annotations

import os
import time
from concurrent.futures.process import BrokenProcessPool

import pytest

from benchmark.data.workers import workers
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


class TwoRanks:
    """One of two ranks, the other of which has done its pieces in the same way."""

    def __init__(self, rank: int) -> None:
        self.rank = rank

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return 2

    def allgather(self, value: dict[int, int]) -> list[dict[int, int]]:
        assert sorted(value) == list(range(self.rank, 5, 2))
        other = {index: index for index in range(1 - self.rank, 5, 2)}
        return [value, other] if self.rank == 0 else [other, value]

    def barrier(self) -> None: ...


@pytest.mark.parametrize("rank", [0, 1])
def test_every_rank_has_all_results(rank: int) -> None:
    with workers(ranks=TwoRanks(rank)) as work:
        assert work.leader == (rank == 0)
        assert work.map(abs, [0, 1, 2, 3, 4], "Working", "pieces") == [0, 1, 2, 3, 4]
