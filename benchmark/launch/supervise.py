"""Starts launchers so that they end with who started them, and passes on to them what a batch system signals."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import IO

WARNINGS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)
PASSED_ON = signal.SIGUSR1
"""mpirun passes it on to all ranks, while at a SIGTERM it would kill them within a second."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_started: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()
_warned = False


def start(
    argv: Sequence[str], printed: IO[bytes] | None = None, *, errors: int | None = None
) -> subprocess.Popen[bytes]:
    """A launcher's process, which prints into that file, or where this process prints; then `errors` may be
    subprocess.PIPE, for what it prints on stderr.

    It has a process group of its own, lest a signal to a whole group (timeout, bkill, Ctrl-C) kill it before the ranks
    have kept their state. It is asked to end (SIGTERM, at which a launcher ends its ranks) when the thread that started
    it does, however that comes about.
    """
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=printed,
        stderr=subprocess.STDOUT if printed else errors,
        preexec_fn=_apart,
    )
    _started.add(process)
    return process


@contextmanager
def warnings_passed_on() -> Iterator[None]:
    """While the block lasts, each of `WARNINGS` reaches the ranks of all launchers as SIGUSR1, in place of ending this
    process; without a launcher at work it ends it, as KeyboardInterrupt. Enter in the main thread."""
    global _warned
    _warned = False

    def pass_on(number: int, frame: FrameType | None) -> None:
        global _warned
        _warned = True
        running = [each for each in _started if each.poll() is None]
        if not running:
            raise KeyboardInterrupt(signal.Signals(number).name)
        for each in running:
            each.send_signal(PASSED_ON)

    before = {number: signal.signal(number, pass_on) for number in WARNINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def was_warned() -> bool:
    """Whether one of `WARNINGS` has come: a rank that was just starting may have died of it, and no more is begun."""
    return _warned


def _apart() -> None:
    """Runs in the new process."""
    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
