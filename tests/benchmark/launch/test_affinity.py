"""Which CPUs and which device each rank has: shares that do not meet, what is reported, and what is warned of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.launch import affinity, cores
from benchmark.launch.affinity import Placement, place_ranks, placement_warnings, ranges, share
from benchmark.launch.rank import Rank


@given(st.integers(1, 64), st.integers(1, 4), st.integers(1, 16))
def test_shares_are_equal_runs_of_whole_cores(count: int, threads: int, places: int) -> None:
    node = [tuple(core + count * thread for thread in range(threads)) for core in range(count)]
    shares = [share(node, place, places) for place in range(places)]
    assert {len(each) for each in shares} == {count // places * threads}
    assert len(set().union(*shares)) == sum(map(len, shares)), "no CPU is given twice"
    for each in shares:
        own = sorted({cpu % count for cpu in each})
        assert own == list(range(own[0], own[0] + len(own))) if own else True, "cores next to each other"


@given(st.sets(st.integers(0, 40)))
def test_ranges_say_the_numbers(numbers: set[int]) -> None:
    read = set()
    for part in filter(None, ranges(numbers).split(",")):
        first, _, last = part.partition("-")
        read |= set(range(int(first), int(last or first) + 1))
    assert read == numbers


def test_cores_are_in_the_order_of_packages_and_hardware_threads_are_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a node of two packages whose CPUs are numbered in turn: 0, 2 and their siblings 4, 6 on the first."""
    for cpu in range(8):
        place = tmp_path / f"cpu{cpu}" / "topology"
        place.mkdir(parents=True)
        (place / "physical_package_id").write_text(f"{cpu % 2}\n")
        (place / "core_id").write_text(f"{cpu % 4 // 2}\n")
    monkeypatch.setattr(cores, "TOPOLOGY", tmp_path)
    assert cores.physical_cores(range(8)) == [(0, 4), (2, 6), (1, 5), (3, 7)]
    assert cores.physical_cores({6, 1}) == [(6,), (1,)]
    assert cores.physical_cores({1, 9}) == [(9,), (1,)], "a CPU without topology is a core of its own"


# ---- ranks of a job, each in its turn


def _settled(
    ranks: list[Placement], monkeypatch: pytest.MonkeyPatch, environ: dict[str, str] | None = None, threads: int = 1
) -> list[Placement]:
    """What `place_ranks` makes of these, of which each is called as one process of its own would be."""
    node = max(cpu for each in ranks for cpu in each.cpus) + 1
    monkeypatch.setattr(
        affinity,
        "physical_cores",
        lambda cpus: [
            tuple(cpu for cpu in sorted(cpus) if cpu % (node // threads) == core)
            for core in range(node // threads)
            if any(cpu % (node // threads) == core for cpu in cpus)
        ],
    )
    monkeypatch.setattr(affinity, "binding_works", lambda: True)
    found = []
    for each in ranks:
        mine = {"cpus": set(each.cpus)}
        monkeypatch.setattr(affinity.socket, "gethostname", lambda host=each.host: host)
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, mine=mine: mine["cpus"])
        monkeypatch.setattr(os, "sched_setaffinity", lambda pid, cpus, mine=mine: mine.update(cpus=set(cpus)))
        calls = []

        def gather(text: str, each: Placement = each, calls: list = calls) -> list[str]:
            calls.append(text)
            told = Placement(**{**json.loads(text), "cpus": tuple(json.loads(text)["cpus"])})
            others = [told if other.rank == each.rank else other for other in ranks]
            return [json.dumps(asdict(other)) for other in others]

        result = place_ranks(
            Rank(each.rank, len(ranks), 0, len(ranks), "srun"), each.device, gather, environ=environ or {}
        )
        assert len(calls) == 2 and result[each.rank].host == each.host
        found.append(result[each.rank])
    return found


def test_ranks_that_were_left_the_same_cpus_divide_them(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = [Placement(rank, f"node{rank // 3}", tuple(range(12)), "cpu") for rank in range(6)]
    found = _settled(ranks, monkeypatch, threads=2)
    assert [ranges(each.cpus) for each in found] == ["0-1,6-7", "2-3,8-9", "4-5,10-11"] * 2
    assert placement_warnings(found) == []


def test_ranks_that_a_launcher_bound_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = [Placement(0, "a", (0, 1), "cpu"), Placement(1, "a", (2, 3), "cpu"), Placement(2, "b", (0, 1), "cpu")]
    assert [each.cpus for each in _settled(ranks, monkeypatch)] == [(0, 1), (2, 3), (0, 1)]


def test_more_ranks_than_cores_share_them_and_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = [Placement(rank, "a", (0, 1), "cpu") for rank in range(3)]
    found = _settled(ranks, monkeypatch)
    assert [each.cpus for each in found] == [(0, 1)] * 3
    (warning,) = placement_warnings(found)
    assert warning.startswith("SHARED CPUs 0-1 for ranks 0-2 on a; ")


def test_an_overlap_of_two_ranks_is_told() -> None:
    ranks = [Placement(0, "a", (0, 1, 2), "cpu"), Placement(1, "a", (2, 3), "cpu"), Placement(2, "b", (2, 3), "cpu")]
    (warning,) = placement_warnings(ranks)
    assert warning.startswith("SHARED CPUs 2 for ranks 0-1 on a; ")


@pytest.mark.parametrize(
    ("device", "environ", "files", "wants", "lacks"),
    [
        ("cpu", {"STEMDL_GPUS_PER_RANK": "1"}, (), True, True),
        ("cpu", {"STEMDL_GPUS_PER_RANK": "0"}, (), True, False),
        ("cpu", {}, (), True, False),
        ("cpu", {}, ("exists",), True, True),
        ("cpu", {"STEMDL_GPUS_PER_RANK": "1"}, ("exists",), False, False),
        ("cuda:0", {"STEMDL_GPUS_PER_RANK": "1"}, ("exists",), True, False),
    ],
)
def test_a_rank_that_should_have_a_gpu_and_sees_none(
    device: str,
    environ: dict[str, str],
    files: tuple[str, ...],
    wants: bool,
    lacks: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(affinity, "DEVICE_FILES", tuple(str(tmp_path / name) for name in files))
    (tmp_path / "exists").touch()
    (found,) = place_ranks(Rank(0, 1, 0, 1, "srun"), device, lambda text: [text], wants_gpu=wants, environ=environ)
    assert found.lacks_gpu is lacks
    assert bool(placement_warnings([found])) is lacks


def test_a_rank_without_a_gpu_among_others_is_told() -> None:
    ranks = [Placement(rank, "a", (rank,), "cpu" if rank in (2, 3) else "cuda:0") for rank in range(5)]
    (warning,) = placement_warnings(ranks)
    assert warning.startswith("NO GPU for ranks 2-3 on a; ")


def test_what_a_launcher_shows_a_rank_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"ROCR_VISIBLE_DEVICES": "3", "OTHER": "x"}
    (found,) = place_ranks(Rank(0, 1, 0, 1, "srun"), "cuda:0", lambda text: [text], environ=environ)
    assert found.told() == {
        "rank": 0,
        "host": found.host,
        "cpus": ranges(os.sched_getaffinity(0)),
        "device": "cuda:0",
        "visible": "ROCR_VISIBLE_DEVICES=3",
    }


def test_binding_takes_the_threads_that_are_there() -> None:
    """In a process of its own, whose threads wait while it is bound."""
    program = (
        "import os, threading\nfrom benchmark.launch.affinity import bind\n"
        "done = threading.Event()\n"
        "threads = [threading.Thread(target=done.wait) for _ in range(3)]\n"
        "[thread.start() for thread in threads]\n"
        "one = {max(os.sched_getaffinity(0))}\nbind(one)\n"
        "late = threading.Thread(target=done.wait)\nlate.start()\n"
        "bound = [os.sched_getaffinity(int(task)) for task in os.listdir('/proc/self/task')]\ndone.set()\n"
        "assert bound == [one] * 5, bound\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3]
    )
    if "PermissionError" in done.stderr:
        pytest.skip("this machine does not let processes choose their CPUs")
    assert done.returncode == 0, done.stderr
