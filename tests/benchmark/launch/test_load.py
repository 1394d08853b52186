"""How busy a machine is: measured of the cores given, without what the ranks themselves use, and never a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.launch import load as module
from benchmark.launch.load import Load, free_cores, in_words, is_busy, load_check, measure_load
from benchmark.launch.preflight_checks import load as preflight_load

Times = namedtuple("Times", "user system idle iowait steal guest")


def told(
    cpus: str, count: int, busy: float, own: float = 0.0, quota: float | None = None, average: float = 1.0
) -> dict:
    return {"cpus": cpus, "count": count, "busy": busy, "own": own, "quota": quota, "average": average}


def test_a_core_that_another_process_holds_is_not_free(monkeypatch: pytest.MonkeyPatch):
    """By the kernel's own counts: a process that never sleeps, on a core of this one."""
    core = min(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, [{core}]); print(flush=True)\nwhile True: pass"],
        stdout=subprocess.PIPE,
    ) as busy:
        try:
            busy.stdout.readline()
            monkeypatch.setattr(module.os, "sched_getaffinity", lambda process: {core})
            measured = measure_load(1.0)
        finally:
            busy.kill()
    if measured is not None:  # the kernel counts here
        assert list(measured.free) == [core] and measured.free[core] < 0.5
        assert is_busy(free_cores([measured.to_dict()]))


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> list[list[Times]]:
    """What the kernel is read to have counted, before and after."""
    readings: list[list[Times]] = []
    turn: Iterator[list[Times]] = iter(readings)
    monkeypatch.setattr(psutil, "cpu_times", lambda percpu: next(turn))
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda process: {0, 2})
    monkeypatch.setattr(module, "cgroup_cpus", lambda: 1.5)
    monkeypatch.setattr(module.os, "getloadavg", lambda: (3.5, 1.0, 1.0))
    return readings


def test_waiting_for_disks_is_free_and_time_stolen_by_other_machines_is_not(kernel: list[list[Times]]):
    kernel += [
        [Times(10, 5, 100, 20, 1, 10)] * 3,
        [Times(11, 5, 104, 22, 4, 11), Times(99, 5, 100, 20, 1, 10), Times(10, 5, 110, 20, 1, 10)],
    ]
    measured = measure_load(0.0)
    assert measured.free == {0: 0.6, 2: 1.0}, "core 1 is not ours, and a guest's time is part of the user's"
    assert (measured.quota, measured.average) == (1.5, 3.5)


def test_a_kernel_that_does_not_count_is_not_guessed_about(kernel: list[list[Times]]):
    kernel += [[Times(0, 0, 0, 0, 0, 0)] * 3] * 2
    assert measure_load(0.0) is None
    assert load_check(None).ok and "not known" in load_check(None).detail and not load_check(None).remedy


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ([told("0-1/2", 2, 0.0)], (2, 2.0)),
        ([told("0-1/2", 2, 1.2)], (2, 0.8)),
        ([told("0-1/2", 2, 1.2, own=0.6), told("0-1/2", 2, 1.2, own=0.6)], (2, 2.0)),  # two ranks see the same cores
        ([told("0-0/1", 1, 0.5, own=0.5), told("1-1/1", 1, 0.9)], (2, 1.1)),  # bound, each to its own
        ([told("0-63/64", 64, 32.0, quota=4.0)], (4, 4.0)),  # a container's share is free
        ([told("0-7/8", 8, 6.0, quota=4.0)], (4, 2.0)),
        ([told("0-0/1", 1, 0.1, own=0.3)], (1, 1.0)),  # more own than seen: ticks
    ],
)
def test_what_the_ranks_use_themselves_counts_as_free(ranks: list[dict], expected: tuple[float, float]):
    node = free_cores(ranks)
    assert (node["given"], node["free"]) == expected


@given(st.lists(st.tuples(st.floats(0, 8), st.floats(0, 8)), min_size=1, max_size=4), st.none() | st.floats(0.1, 16))
def test_free_cores_are_within_those_given(ranks: list[tuple[float, float]], quota: float | None):
    node = free_cores([told("0-7/8", 8, busy, own, quota) for busy, own in ranks])
    assert 0.0 <= node["free"] <= node["given"] <= 8


@pytest.mark.parametrize(
    ("given_", "free", "busy"),
    [(1, 0.95, False), (1, 0.85, True), (2, 1.85, False), (2, 1.7, True), (64, 63.6, False), (64, 63.4, True)],
)
def test_a_tenth_may_be_taken_and_of_many_cores_half_a_core(given_: float, free: float, busy: bool):
    assert is_busy({"given": given_, "free": free, "average": 0.0}) is busy


def test_the_doctor_names_each_core_and_warns_in_a_line():
    check = load_check(Load({0: 0.25, 1: 0.75}, None, 0.0, 6.42))
    assert check.ok and check.detail == "1 of 2 cores free (load 6.4): core 0 25%, core 1 75%"
    assert check.remedy.startswith("end other programs")
    many = load_check(Load({cpu: 1.0 - 0.4 * (cpu == 70) for cpu in range(128)}, None, 0.0, 0.4))
    assert many.detail == "127.6 of 128 cores free (load 0.4): core 70 60%" and not many.remedy


def test_the_preflight_names_the_busy_node_and_passes():
    def answer(host: str, load: object) -> dict:
        return {"host": host, "load": load}

    check, node = preflight_load(
        {
            0: answer("node0", told("0-1/2", 2, 0.1)),
            1: answer("node1", told("0-1/2", 2, 1.0)),
            2: answer("node2", None),
            3: answer("node3", {"fault": "OSError: no"}),
        }
    )
    assert check.ok and check.remedy
    assert check.detail == "other programs keep this machine busy: 1 of 2 cores free (load 1.0) on node1"
    assert node == {"given": 2, "free": 1.0, "average": 1.0} and in_words(node) in check.detail
    quiet, _ = preflight_load({0: answer("node0", told("0-1/2", 2, 0.1))})
    assert quiet.ok and not quiet.remedy
    assert preflight_load({0: answer("node0", None)}) == (
        quiet.__class__("load", True, "not known: the kernel does not count the cores' time here"),
        None,
    )
