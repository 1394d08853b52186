"""A common start for jobs that know nothing of each other, such as the model instances of weak scaling.

A folder that all of them see holds a file for each job and one for the start, all empty at first. A job that is ready
writes into its own; whoever started the jobs waits for that and writes into the last one; then all go on. Files are
written to in place and read again each time: of a file that was there before, a network file system shows what another
node has written once it is opened again (close-to-open consistency), while a new name may be hidden for a minute.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmark.foundation.errors import StemdlError

READY, START = "ready_{index}", "start"
POLL_SECONDS = 0.02
LIMIT_SECONDS = 1800.0
"""What MLPerf HPC gives the initialisation: a rank that is not ready by then is not waited for."""


@dataclass(frozen=True)
class StartGate:
    """The gate in `folder`. The jobs that go through it have the numbers 0 to `jobs` - 1."""

    folder: Path
    jobs: int

    def build(self) -> StartGate:
        """Make the folder, which must not be there, with the gate shut."""
        self.folder.mkdir(parents=True)
        for name in (START, *(READY.format(index=index) for index in range(self.jobs))):
            (self.folder / name).touch(exist_ok=False)
        return self

    def ready(self) -> set[int]:
        """The jobs that wait at it, or have gone through."""
        return {index for index in range(self.jobs) if (self.folder / READY.format(index=index)).read_bytes()}

    def open(self) -> None:
        """Let all through, from now on."""
        _tell(self.folder / START)


def wait_at_gate(
    folder: Path | None, index: int, rank: int, barrier: Callable[[], None], limit_seconds: float = LIMIT_SECONDS
) -> None:
    """Called by every rank of job `index`: returns when the gate in the folder is open, at once where there is none.

    `barrier` returns when all ranks of the job have called it: the job is ready when the last of them is. Raises
    StemdlError when the gate is still shut after the limit.
    """
    if folder is None:
        return
    barrier()
    if rank == 0:
        _tell(folder / READY.format(index=index))
    deadline = time.monotonic() + limit_seconds
    while not (folder / START).read_bytes():
        if time.monotonic() > deadline:
            raise StemdlError(
                "the other instances were not ready in time",
                where=folder / START,
                expected=f"a start within {limit_seconds:g} s",
                remedy="see what they print",
            )
        time.sleep(POLL_SECONDS)


def _tell(path: Path) -> None:
    with open(path, "ab") as handle:
        handle.write(f"{time.time_ns() // 1_000_000}\n".encode())
