"""Equal parts of a node: disjoint where there is enough, taken by ranks piece by piece."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.launch import share
from benchmark.launch.rank import Rank
from benchmark.launch.share import ACCELERATORS, CPUS, Share, divide, take_piece

counts = st.integers(1, 40)


@given(counts, counts, st.integers(0, 12))
def test_parts_are_equal_and_disjoint_where_there_are_enough(cores: int, jobs: int, accelerators: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(share, "physical_cores", lambda: [(core, core + cores) for core in range(cores)])
        patch.delenv(ACCELERATORS, raising=False)
        parts = divide(jobs, accelerators)
    assert len(parts) == jobs and len({(len(part.cores), len(part.accelerators)) for part in parts}) == 1
    assert {part.shared for part in parts} == {cores < jobs or 0 < accelerators < jobs}
    cpus = [cpu for part in parts for cpu in part.cpus]
    names = [name for part in parts for name in part.accelerators]
    assert len(parts[0].cores) == max(1, cores // jobs)
    assert len(parts[0].accelerators) == (max(1, accelerators // jobs) if accelerators else 0)
    if not parts[0].shared:
        assert len(set(cpus)) == len(cpus) and len(set(names)) == len(names)


def test_accelerators_keep_the_names_that_this_process_was_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(ACCELERATORS, "4,GPU-7,6,5")
    assert [part.accelerators for part in divide(2, 4)] == [("4", "GPU-7"), ("6", "5")]


@given(counts, st.integers(1, 12))
def test_ranks_take_equal_pieces_or_all_of_the_part(cores: int, ranks: int):
    part = Share(tuple((core, 100 + core) for core in range(cores)), (), False)
    taken = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sched_setaffinity", lambda _, cpus: taken.append(cpus))
        for rank in range(ranks):
            take_piece(Rank(rank, ranks, rank, ranks, "mpirun"), part.environment())
    assert len({len(piece) for piece in taken}) == 1 and set().union(*taken) <= part.cpus
    if ranks <= cores:
        assert sum(map(len, taken)) == len(set().union(*taken)) == 2 * (cores // ranks) * ranks
    else:
        assert all(piece == part.cpus for piece in taken)


def test_the_kernel_keeps_a_rank_to_its_piece():
    cpu = min(os.sched_getaffinity(0))
    seen = []

    def rank() -> None:
        take_piece(Rank(0, 1, 0, 1, "mpirun"), {CPUS: str(cpu)})
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=rank)  # affinity is a thread's: this one's stays
    thread.start()
    thread.join()
    assert seen == [{cpu}]


def test_a_rank_that_was_told_no_part_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: pytest.fail("nothing was told"))
    take_piece(Rank(0, 1, 0, 1, "mpirun"), {})
