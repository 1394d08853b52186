"""One of several processes that watch each other, without a launcher: test_watchdog.py starts them.

Arguments: rank, size, limit in seconds, folder they meet in, what it does ("works"; "absent", till it is done;
"locked", absent and without letting any of its threads run, as in MPI_Init; or a key of STEPS), and the seconds after
which it is done.
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path

from benchmark.launch.rank import Rank
from benchmark.launch.watchdog import Watch

POLL_SECONDS = 0.02
STEPS = {"stuck": 3, "waits": 5}
"""That a rank makes before it goes on no more."""


def main(rank: int, size: int, limit: float, folder: Path, does: str, seconds: float) -> None:
    met = 0

    def wait_for(path: Path) -> None:
        while not path.exists():
            time.sleep(POLL_SECONDS)

    def from_rank_0(text: str) -> str:
        if rank == 0:
            (folder / "address.part").write_text(text)
            (folder / "address.part").rename(folder / "address")
        wait_for(folder / "address")
        return (folder / "address").read_text()

    def barrier() -> None:
        nonlocal met
        met += 1
        (folder / f"{rank}.{met}").touch()
        for other in range(size):
            wait_for(folder / f"{other}.{met}")

    with Watch(Rank(rank, size, rank, size, "mpirun"), limit) as watch:
        if does == "absent":
            time.sleep(seconds)
        if does == "locked":
            ctypes.PyDLL(None).sleep(int(seconds))
        watch.meet(from_rank_0, barrier)
        (folder / f"{rank}.met").touch()
        until, step = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            if step < STEPS.get(does, sys.maxsize):
                step += 1
                watch.at(f"step {step}")
            time.sleep(0.05)
        barrier()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]), sys.argv[5], float(sys.argv[6]))
