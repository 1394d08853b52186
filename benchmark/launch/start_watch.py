"""A process alongside a rank that ends it where the ranks of a job never find each other.

No thread of the rank could: MPI's start waits for all ranks, and keeps Python's lock while it does.

Arguments: the rank's process, its number, its launcher, the limit in seconds. Ends when its standard input does, which
the rank closes when all have met, and the system when the rank is gone.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.interpreter import python
from benchmark.launch.rank import Rank, detect_rank

PAUSE_SECONDS = 2.0
"""Which those wait that cannot say what is wrong, for another to say it."""


class StartWatch:
    """The rank's end of it: begins with the object, and ends with `met`."""

    def __init__(self, rank: Rank, limit_seconds: float) -> None:
        self._process = subprocess.Popen(
            [*python(), "-m", __name__, str(os.getpid()), str(rank.rank), rank.launcher, str(limit_seconds)],
            stdin=subprocess.PIPE,
        )

    def met(self) -> None:
        """The ranks have found each other, or this one gives up by itself."""
        self._process.stdin.close()
        self._process.wait()


def main(process: int, rank: int, launcher: str, limit_seconds: float) -> None:
    if _has_ended(limit_seconds):
        return
    stopped, running = _ranks_beside(process, launcher)
    host = socket.gethostname()
    message = f"the ranks have not found each other within {limit_seconds:g} s"
    if stopped and rank == min(running, default=None):
        named = " and ".join(f"rank {each}" for each in sorted(stopped))
        message += f": {named} on {host} {'is' if len(stopped) == 1 else 'are'} stopped"
    elif rank == 0 and not stopped:
        message += f"; all on {host} are running"
    elif _has_ended(PAUSE_SECONDS):
        return
    else:
        message += f", says rank {rank} on {host}"
    with suppress(OSError):  # where the launcher has died, so has the pipe that this goes into
        print(f"stemdl: {message}", file=sys.stderr, flush=True)
    with suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(process, signal.SIGKILL)


def _has_ended(within_seconds: float) -> bool:
    """Whether the standard input ends in time; nothing is ever written to it."""
    return bool(select.select([sys.stdin], [], [], within_seconds)[0])


def _ranks_beside(process: int, launcher: str) -> tuple[set[int], set[int]]:
    """The ranks that the rank's parent has started on this host: those whose processes are stopped, those that run."""
    import psutil

    stopped, running = set(), set()
    parent = psutil.Process(process).parent()
    for each in parent.children() if parent else ():
        try:
            beside = detect_rank(each.environ())
            halted = each.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
        except (psutil.Error, StemdlError):  # it has just ended, or is not a rank
            continue
        if beside.launcher == launcher:
            (stopped if halted else running).add(beside.rank)
    return stopped, running


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))
