"""Processes that watch each other name the one that hangs; one whose launcher is gone ends, and no job outlives us."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

SCRIPT = Path(__file__).with_name("watched_script.py")
LIMIT_SECONDS = 1.5
HOST = re.escape(socket.gethostname())
Start = Callable[..., list[subprocess.Popen]]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """`start(does, ...)`: a process for each word, which are ranks 0, 1, ...; all have met when it returns."""
    processes: list[subprocess.Popen] = []

    def begin(*does: str, seconds: float = 30.0) -> list[subprocess.Popen]:
        for rank, each in enumerate(does):
            argv = [sys.executable, str(SCRIPT), str(rank), str(len(does)), str(LIMIT_SECONDS), str(tmp_path), each]
            processes.append(subprocess.Popen([*argv, str(seconds)], env=environment, stderr=subprocess.PIPE, text=True))
        if "absent" not in does:
            await_true(lambda: len(list(tmp_path.glob("*.met"))) == len(does), 20)
        return processes

    yield begin
    for each in processes:
        each.kill()
        each.wait()


def await_true(told: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_a_stopped_rank_is_named_by_the_others_in_time(start: Start, victim: int):
    ranks = start("works", "works", "works")
    time.sleep(0.8)  # two heartbeats
    stopped_at = time.monotonic()
    ranks[victim].send_signal(signal.SIGSTOP)
    speaker = ranks[0] if victim else ranks[1]
    _, message = speaker.communicate(timeout=10)
    seconds = time.monotonic() - stopped_at
    assert speaker.returncode == 1
    assert re.search(rf"rank {victim} on {HOST} has been silent for [12] s, since step [0-9]+", message), message
    assert LIMIT_SECONDS / 2 < seconds < LIMIT_SECONDS + 2


@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_lives_and_does_not_go_on_is_named(start: Start, victim: int):
    ranks = start(*("stuck" if rank == victim else "waits" for rank in range(2)))
    _, message = ranks[0].communicate(timeout=10)
    assert ranks[0].returncode == 1
    assert re.search(rf"rank {victim} on {HOST} hangs: for [12] s it has not gone on from step 3", message), message


def test_ranks_that_all_work_or_are_all_stopped_for_a_while_are_left_in_peace(start: Start):
    ranks = start("works", "works", seconds=6.0)
    time.sleep(0.5)
    for each in ranks:  # as a batch system does that needs the nodes for another job
        each.send_signal(signal.SIGSTOP)
    time.sleep(2 * LIMIT_SECONDS)
    for each in ranks:
        each.send_signal(signal.SIGCONT)
    for each in ranks:
        _, message = each.communicate(timeout=20)
        assert (each.returncode, message) == (0, "")


@pytest.mark.parametrize("waits", ["works", "locked"])
def test_ranks_that_never_meet_end(start: Start, waits: str):
    _, waiting = start("absent", waits)
    _, message = waiting.communicate(timeout=20)
    assert waiting.returncode == -signal.SIGKILL
    assert re.search(rf"the ranks have not found each other within 7.5 s, says rank 1 on {HOST}", message), message


def test_a_rank_whose_launcher_is_killed_ends(environment: dict[str, str], tmp_path: Path):
    rank = "import time; from benchmark.launch.watchdog import end_with_parent; end_with_parent(); time.sleep(60)"
    launcher = ("import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
                "stderr=subprocess.PIPE).pid, flush=True); time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", launcher, rank], env=environment, stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    await_true(lambda: child.num_threads() > 1, 10)
    parent.kill()  # and with it the reader of what the child prints
    parent.wait()
    psutil.wait_procs([child], timeout=10)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


LEADER = """
import sys
from benchmark.launch.supervise import start, warnings_passed_on
with warnings_passed_on():
    launcher = start([sys.executable, "-c", sys.argv[1]])
    print(launcher.pid, flush=True)
    sys.exit(launcher.wait())
"""
LAUNCHER = """
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(75))
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def led(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen, psutil.Process]]:
    """A process that leads, in a session of its own, and the launcher that it has started."""
    leader = subprocess.Popen([sys.executable, "-c", LEADER, LAUNCHER], env=environment, stdout=subprocess.PIPE,
                              text=True, start_new_session=True)
    first, second = leader.stdout.readline().strip(), leader.stdout.readline().strip()
    launcher = psutil.Process(int(first if second == "ready" else second))
    yield leader, launcher
    for each in (leader, launcher):
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    leader.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
@pytest.mark.parametrize("to_group", [False, True])
def test_a_warning_reaches_the_launcher_and_nobody_dies_of_it(led: tuple, number: int, to_group: bool):
    leader, launcher = led
    (os.killpg if to_group else os.kill)(leader.pid, number)
    assert leader.wait(10) == 75
    assert not launcher.is_running()


def test_a_launcher_ends_with_a_leader_that_is_killed(led: tuple):
    leader, launcher = led
    leader.kill()
    psutil.wait_procs([launcher], timeout=10)
    assert not launcher.is_running() or launcher.status() == psutil.STATUS_ZOMBIE
