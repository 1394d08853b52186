"""How well generation uses several workers: one against two (or more), as processes and as MPI ranks, in turns.

    python performance/generate.py [--rung stemdl_smoke] [--ranks 2] [--repeats 3]

Each turn makes the rung's data whole, in a fresh folder, with one worker, with so many processes and with as many MPI
ranks. Parallel efficiency is the seconds of one worker over those of n, divided by n. Starting Python, which every
worker does and which does not grow with the data, is measured separately and subtracted ("work"). Processor time shows
whether the machine was busy with something else: where it grows with n, or work's seconds exceed it, figures are of a
busy one.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark.launch.launchers import Job, get_launcher

START = "import benchmark.data.generate, torch, spglib, gemmi, h5py"


def timed(argv: list[str]) -> tuple[float, float]:
    """Wall and processor seconds of a command with its children; ends where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}\n{done.stderr}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def on_ranks(argv: list[str], ranks: int) -> list[str]:
    return get_launcher("mpirun").argv(Job(ranks, tuple(argv)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_smoke")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    n = arguments.ranks
    start = [sys.executable, "-c", START]
    one, processes, mpi = "1 process", f"{n} processes", f"{n} MPI ranks"
    wall: dict[str, list[float]] = {one: [], processes: [], mpi: []}
    processor: dict[str, list[float]] = {one: [], processes: [], mpi: []}
    starting: dict[str, list[float]] = {one: [], processes: [], mpi: []}
    for _ in range(arguments.repeats):
        for name in wall:
            with tempfile.TemporaryDirectory() as scratch:
                argv = [
                    sys.executable,
                    "-m",
                    "benchmark",
                    "data",
                    "generate",
                    arguments.rung,
                    "-o",
                    str(Path(scratch) / "data"),
                    "--ranks",
                    "1" if name == one else str(n),
                    "--oversubscribe",
                ]
                seconds, busy = timed(on_ranks(argv, n) if name == mpi else argv)
                # A pool's workers start after the command itself has, ranks together.
                begun = timed(on_ranks(start, n))[0] if name == mpi else 2 * timed(start)[0]
            wall[name].append(seconds)
            processor[name].append(busy)
            starting[name].append(begun)
    print(f"{arguments.rung}, {arguments.repeats} repeats in turns, medians; {os.cpu_count()} cores")
    print(f"{'':14}  seconds  work  processor  efficiency  efficiency of work")
    work = {name: statistics.median(wall[name]) - statistics.median(starting[name]) for name in wall}
    for name in wall:
        workers = 1 if name == one else n
        ratio = statistics.median(wall[one]) / statistics.median(wall[name]) / workers
        print(
            f"{name:14}  {statistics.median(wall[name]):7.2f}  {work[name]:4.1f}  "
            f"{statistics.median(processor[name]):9.2f}  {ratio:10.3f}  {work[one] / work[name] / workers:18.3f}"
        )


if __name__ == "__main__":
    main()
