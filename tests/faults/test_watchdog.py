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
from patience import HANG_SECONDS, wait_until

SCRIPT = Path(__file__).with_name("watched_script.py")
LIMIT_SECONDS = 3.0
"""Many times what a busy machine keeps a rank waiting for a core; where ranks are to be waited for in vain, SOON."""
SOON = 0.5
HOST = re.escape(socket.gethostname())
Start = Callable[..., list[subprocess.Popen]]


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """`start(does, ...)`: a job with a process for each word, which are ranks 0, 1, ...; all have met when it returns.
    Several jobs may be started, and waited for together."""
    processes: list[subprocess.Popen] = []

    def begin(*does: str, seconds: float = HANG_SECONDS, limit: float = LIMIT_SECONDS) -> list[subprocess.Popen]:
        folder = tmp_path / f"job_{len(processes)}"
        folder.mkdir()
        for rank, each in enumerate(does):
            argv = map(str, (sys.executable, SCRIPT, rank, len(does), limit, folder, each, seconds))
            processes.append(subprocess.Popen([*argv], env=environment, stderr=subprocess.PIPE, text=True))
        if "absent" not in does:
            wait_until(lambda: len(list(folder.glob("*.met"))) == len(does))
        return processes[-len(does) :]

    yield begin
    for each in processes:
        each.kill()
        each.wait()


def test_a_stopped_rank_is_named_by_the_others(start: Start):
    jobs = [start("works", "works", "works") for _ in range(3)]
    time.sleep(LIMIT_SECONDS / 2)  # two heartbeats
    for victim, ranks in enumerate(jobs):
        ranks[victim].send_signal(signal.SIGSTOP)
    for victim, ranks in enumerate(jobs):
        speaker = ranks[0] if victim else ranks[1]
        _, message = speaker.communicate(timeout=HANG_SECONDS)
        assert speaker.returncode == 1
        told = re.search(rf"rank {victim} on {HOST} has been silent for ([0-9]+) s, since step [0-9]+", message)
        assert told and int(told[1]) >= LIMIT_SECONDS, message


def test_a_rank_that_lives_and_does_not_go_on_is_named(start: Start):
    for victim, ranks in enumerate([start("stuck", "waits"), start("waits", "stuck")]):
        _, message = ranks[0].communicate(timeout=HANG_SECONDS)
        assert ranks[0].returncode == 1
        told = re.search(rf"rank {victim} on {HOST} hangs: for ([0-9]+) s it has not gone on from step 3", message)
        assert told and int(told[1]) >= LIMIT_SECONDS, message


def test_ranks_that_all_work_or_are_all_stopped_for_a_while_are_left_in_peace(start: Start):
    ranks = start("works", "works", seconds=3 * LIMIT_SECONDS)
    time.sleep(LIMIT_SECONDS / 2)
    for each in ranks:  # as a batch system does that needs the nodes for another job
        each.send_signal(signal.SIGSTOP)
    time.sleep(1.5 * LIMIT_SECONDS)
    for each in ranks:
        each.send_signal(signal.SIGCONT)
    for each in ranks:
        _, message = each.communicate(timeout=HANG_SECONDS)
        assert (each.returncode, message) == (0, "")


def test_ranks_that_never_meet_end(start: Start):
    for _, waiting in [start("absent", waits, limit=SOON) for waits in ("works", "locked")]:
        _, message = waiting.communicate(timeout=HANG_SECONDS)
        assert waiting.returncode == -signal.SIGKILL
        told = f"the ranks have not found each other within {5 * SOON:g} s, says rank 1 on {HOST}"
        assert re.search(told, message), message


def test_a_rank_whose_launcher_is_killed_ends(environment: dict[str, str], tmp_path: Path):
    rank = "import time; from benchmark.launch.watchdog import end_with_parent; end_with_parent(); time.sleep(1e5)"
    launcher = (
        "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
        "stderr=subprocess.PIPE).pid, flush=True); time.sleep(1e5)"
    )
    argv = [sys.executable, "-c", launcher, rank]
    parent = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    wait_until(lambda: child.num_threads() > 1)
    parent.kill()  # and with it the reader of what the child prints
    parent.wait()
    _, alive = psutil.wait_procs([child], timeout=HANG_SECONDS)
    for each in alive:
        each.kill()
    assert not alive


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
time.sleep(1e5)
"""


@pytest.fixture
def led(environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen, psutil.Process]]:
    """A process that leads, in a session of its own, and the launcher that it has started."""
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER, LAUNCHER],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
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
    assert leader.wait(HANG_SECONDS) == 75
    assert not launcher.is_running()


def test_a_launcher_ends_with_a_leader_that_is_killed(led: tuple):
    leader, launcher = led
    leader.kill()
    _, alive = psutil.wait_procs([launcher], timeout=HANG_SECONDS)
    assert not alive
