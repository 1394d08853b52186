"""What the preflight takes of a run's initialisation, on more and more ranks of this machine, and what the sampling of
power takes of a core.

    python performance/preflight.py [--ranks 1 2 4 8] [--seconds 20]

Each number of ranks is started again by mpirun (more ranks than cores share them, and the table says so); its ranks do
the preflight of a run three times, with what they import loaded before. Power is sampled as in a run, from a made tree
of counters of two packages with memory, in files as the kernel has them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark.launch.cores import usable_cores
from benchmark.launch.exchange import join
from benchmark.launch.launchers import Job, get_launcher
from benchmark.launch.network import MpiReducer
from benchmark.launch.power import Sampler
from benchmark.launch.power_meters import Rapl
from benchmark.launch.preflight import preflight
from benchmark.launch.rank import detect_rank
from benchmark.launch.rank_report import DiskNeed, RankReport, Subject

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 3


def as_rank(folder: Path) -> None:
    """One rank: rank 0 prints the seconds of each repeat."""
    rank = detect_rank()
    report = RankReport(
        Subject(
            ROOT,
            ("benchmark", "reference"),
            folder,
            {"width": 16},
            "0" * 64,
            folder,
            (DiskNeed("the run", folder, 1),),
            1,
            "cpu",
        ),
        rank.local_rank,
    )
    exchange = join(rank)
    results = [preflight(report, exchange, MpiReducer) for _ in range(REPEATS)]
    if rank.rank == 0:
        assert all(result.ok for result in results), results
        print(json.dumps([result.figures for result in results]))


def of_ranks(count: int) -> str:
    """One line about so many ranks."""
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, __file__, "--rank", folder)
        done = subprocess.run(
            get_launcher("mpirun").argv(Job(count, command)),
            check=True,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    figures = json.loads(done.stdout)
    seconds = [each["seconds"] for each in figures]
    cores = usable_cores()
    shared = f"   ({count / cores:g} ranks per core)" if count > cores else ""
    network = figures[-1]["all_reduce"]
    latency = f"   all-reduce of a number {network['latency_seconds'] * 1e6:.0f} us" if network else ""
    return (
        f"{count:3d} ranks   {statistics.median(seconds):.3f} s ({min(seconds):.3f} to {max(seconds):.3f})"
        f"{latency}{shared}"
    )


def of_power(seconds: float) -> str:
    """The share of a core that sampling takes."""
    with tempfile.TemporaryDirectory() as folder:
        for zone, name in (("0", "package-0"), ("0:0", "dram"), ("1", "package-1"), ("1:0", "dram")):
            place = Path(folder, f"intel-rapl:{zone}")
            place.mkdir()
            for file, text in (("name", name), ("max_energy_range_uj", "262143328850"), ("energy_uj", "1234567")):
                (place / file).write_text(f"{text}\n")
        with Sampler(Rapl(Path(folder))) as sampler:
            time.sleep(seconds)
    return (
        f"power: {len(sampler.readings)} readings in {seconds:g} s took {sampler.cpu_seconds * 1000:.1f} ms of a "
        f"core, {100 * sampler.cpu_seconds / seconds:.3f} % of it"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rank", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rank is not None:
        as_rank(arguments.rank)
        return
    for count in arguments.ranks:
        print(of_ranks(count), flush=True)
    print(of_power(arguments.seconds))


if __name__ == "__main__":
    main()
