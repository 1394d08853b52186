"""Equal parts of a node: disjoint where there is enough, taken by ranks piece by piece."""

from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.launch import share
from benchmark.launch.launchers import Job, get_launcher
from benchmark.launch.machine import UNKNOWN
from benchmark.launch.rank import Rank
from benchmark.launch.resources import lay_out
from benchmark.launch.share import ACCELERATORS, CPUS, Share, divide, divide_nodes, take_piece

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


def test_nodes_are_divided_as_each_launcher_has_it():
    layout = lay_out(UNKNOWN, ranks=4, ranks_per_node=2)
    assert [part.options for part in divide_nodes(3, "jsrun", layout, ())] == [()] * 3
    assert [part.options for part in divide_nodes(2, "srun", layout, ())] == [("--exact",)] * 2
    parts = divide_nodes(2, "mpirun", layout, ["a", "b", "c", "d", "e"])
    assert [part.options for part in parts] == [("--host", "a:2,b:2"), ("--host", "c:2,d:2")]
    assert all(not part.shared and part.environment() == {} for part in parts)
    for launcher, hosts in (("mpirun", ["a", "b", "c"]), ("mpirun", ["a", "b", "a", "b"]), ("torchrun", ["a"] * 4)):
        with pytest.raises(StemdlError):
            divide_nodes(2, launcher, layout, hosts)


def test_launchers_are_told_the_part():
    layout = lay_out(UNKNOWN, ranks=4, ranks_per_node=2)
    for launcher in ("srun", "mpirun"):
        part = divide_nodes(1, launcher, layout, ["a", "b"])[0]
        argv = get_launcher(launcher).argv(Job(4, ("true",), {}, layout, part.options))
        place = argv.index(part.options[0])
        assert argv[place : place + len(part.options)] == list(part.options) and argv[-1] == "true"


def test_a_rank_that_was_told_no_part_keeps_what_it_has(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: pytest.fail("no part was given"))
    take_piece(Rank(0, 1, 0, 1, "mpirun"), {})
