"""Size, reading speed and loss of each way to store patterns, on CBED patterns that are simulated for it.

    python performance/storage.py [--stacks 12] [--pixels 512 256 128] [--dose 0]

One table, one run: compare its rows with each other. Stacks are simulated at the largest number of pixels, with every
pixel of a disk lit; fewer pixels are sums of these. They have no counting noise, as in the real set; with a dose of 1e6
electrons, as in the rungs, patterns hold fewer different numbers and compress better. Between the disks they are dark,
which compresses too; the real set's patterns are not quite.

size     kB of a stack in its shard, and as a part of float32 without filter at the same pixels.
warm     stacks and MB of file read and decoded per second of processor time, one thread, the file in the page cache.
cold     the same stacks per second of wall time, the file dropped from the page cache first: mostly the disk's speed.
loss     |ln I - ln I'| over pixels above e^-17, where neither is 0; lost: intensity in pixels that become 0;
         and |I - I'| over all pixels, in parts of the beam.

Filters of hdf5plugin are left out where it is not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmark.cli.output import print_table
from benchmark.crystals.cbed_stack import write_patterns
from benchmark.crystals.simulate import simulate_stacks
from benchmark.data.storage import LOG_FLOOR, PLUGIN_FILTERS, Coding, binned, coding_of, encode
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import ENCODINGS, FILTERS, Storage
from benchmark.foundation.progress import progress
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.cbed_fields import PROJECTIONS, STACK
from benchmark.simulation.draw import draw_crystal

PASSES = 3
"""Of reading; the fastest counts."""
DIRECTIONS_ACROSS = 48
"""Incident directions across a disk: more than the pixels that it covers at 512 x 512."""


def simulated(rung_name: str, stacks: int, pixels: int, dose_electrons: float) -> NDArray[np.float32]:
    """Stacks of the rung's groups in turn, (stacks, 3, pixels, pixels)."""
    rung = CbedRung.of(load_benchmark("space_group").rung(rung_name))
    accuracy = replace(rung.optics.accuracy, directions_across=DIRECTIONS_ACROSS)
    rung = replace(rung, optics=replace(rung.optics, pixels=pixels, dose_electrons=dose_electrons, accuracy=accuracy))
    found = []
    with progress("Simulating", stacks, "stacks") as advance:
        for number in range(stacks):
            group = rung.space_groups[number % rung.classes]
            generator = np.random.default_rng([rung.seed, group, number])
            crystal = draw_crystal(group, rung.crystals, generator)
            found.append(next(simulate_stacks(f"drawn-{group}-{number}", crystal, rung, generator)).patterns)
            advance(number + 1)
    return np.array(found)


def loss(patterns: NDArray[np.float32], encoding: str) -> tuple[str, ...]:
    """Mean and largest error of ln I, share of the intensity that is lost, mean and largest error of I."""
    stored = np.array(
        [Coding(encoding).decode(encode(stack, Storage(encoding=encoding))) for stack in patterns], dtype=np.float64
    )
    true = patterns.astype(np.float64)
    seen = (true > np.exp(LOG_FLOOR)) & (stored > 0)
    in_logarithm = np.abs(np.log(stored[seen]) - np.log(true[seen]))
    lost = true[(stored == 0)].sum() / true.sum()
    errors = np.abs(stored - true)
    found = in_logarithm.mean(), in_logarithm.max(), lost, errors.mean(), errors.max()
    return tuple(f"{value:.1e}" for value in found)


def read_all(path: Path) -> int:
    """Read and decode every stack of a shard; how many."""
    with h5py.File(path, "r") as shard:
        coding = coding_of(shard)
        return sum(coding.decode(shard[name][STACK][()]).shape[0] == PROJECTIONS for name in shard)


def drop_from_cache(path: Path) -> None:
    """Have the next read of a file come from the disk."""
    with open(path, "rb") as handle:
        os.fsync(handle.fileno())
        os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def seconds(path: Path, clock: object) -> float:
    """Of the fastest pass over a shard by a clock."""
    taken = []
    for _ in range(PASSES):
        if clock is time.perf_counter:
            drop_from_cache(path)
        start = clock()
        read_all(path)
        taken.append(clock() - start)
    return min(taken)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_mini")
    parser.add_argument("--stacks", type=int, default=12)
    parser.add_argument("--pixels", type=int, nargs="+", default=[512, 256, 128])
    parser.add_argument("--dose", type=float, default=0.0, help="electrons per pattern; 0 is free of noise")
    arguments = parser.parse_args()
    plugins = importlib.util.find_spec("hdf5plugin") is not None
    filters = [name for name in FILTERS if plugins or name not in PLUGIN_FILTERS]
    patterns = simulated(arguments.rung, arguments.stacks, max(arguments.pixels), arguments.dose)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for pixels in arguments.pixels:
            reduced = binned(patterns, pixels)
            whole = 0.0
            for encoding in ENCODINGS:
                lost = loss(reduced, encoding)
                for name in filters:
                    path = Path(folder) / "shard.h5"
                    with h5py.File(path, "w") as shard:
                        for number, stack in enumerate(reduced):
                            write_patterns(shard, number, 0, stack, {}, Storage(encoding=encoding, filter=name))
                    size, warm = path.stat().st_size, seconds(path, time.process_time)
                    cold = seconds(path, time.perf_counter)
                    whole = whole or size
                    rows.append(
                        (
                            str(pixels),
                            encoding,
                            name,
                            f"{size / len(reduced) / 1e3:.1f}",
                            f"{size / whole:.1%}",
                            f"{len(reduced) / warm:.0f}",
                            f"{size / warm / 1e6:.0f}",
                            f"{len(reduced) / cold:.0f}",
                            *lost,
                        )
                    )
    print(
        f"{len(patterns)} stacks of {arguments.rung}'s crystals, "
        + (f"{arguments.dose:g} electrons per pattern" if arguments.dose else "without noise")
        + ("" if plugins else "; hdf5plugin is not installed")
    )
    print_table(
        (
            "pixels",
            "encoding",
            "filter",
            "kB",
            "size",
            "warm/s",
            "MB/s",
            "cold/s",
            "mean dlnI",
            "max dlnI",
            "lost",
            "mean dI",
            "max dI",
        ),
        rows,
    )


if __name__ == "__main__":
    main()
