"""How long a powder pattern takes on one core: its reflections, its profile, and the whole sample.

    python performance/powder.py [--rung powder_small] [--crystals 24]

Draws crystals of space groups of all systems and prints, for each and in the median, processor milliseconds of the
fastest of 20 calls.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.draw import draw_crystal
from benchmark.tasks.powder.diffraction import reflections
from benchmark.tasks.powder.measurement import counted, draw_measurement, intensities
from benchmark.tasks.powder.profile import pattern
from benchmark.tasks.powder.rung import understood

REPEATS = 20


def milliseconds(work: Callable[[], object]) -> float:
    """Of processor time, the fastest of some calls."""
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return 1000.0 * best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="powder_small")
    parser.add_argument("--crystals", type=int, default=24)
    arguments = parser.parse_args()
    rung = understood(load_benchmark("powder").rung(arguments.rung))
    generator = np.random.default_rng(0)
    groups = np.round(np.linspace(0, len(rung.space_groups) - 1, arguments.crystals)).astype(int)
    rows = []
    print("group  atoms  volume  reflections   found  profile  counted   (ms)")
    for group in (rung.space_groups[place] for place in groups):
        crystal = draw_crystal(group, rung.crystals, generator)
        how = draw_measurement(rung.measurements, rung.grid, generator)
        found = reflections(crystal, rung.d_range_angstrom)
        expected = intensities(found, None, how, rung.grid)
        times = (
            milliseconds(lambda: reflections(crystal, rung.d_range_angstrom)),  # noqa: B023
            milliseconds(lambda: pattern(found, how.instrument, how.specimen, rung.grid)),  # noqa: B023
            milliseconds(lambda: counted(expected, generator)),  # noqa: B023
        )
        rows.append((len(crystal.numbers), times))
        print(
            f"{group:5}  {len(crystal.numbers):5}  {crystal.volume_angstrom3:6.0f}  {len(found):11}"
            + "".join(f"  {each:7.2f}" for each in times)
        )
    for words, some in (("all", rows), ("of 10 to 30 atoms", [row for row in rows if 10 <= row[0] <= 30])):
        if some:
            total = statistics.median(found + drawn for _, (found, drawn, _) in some)
            print(f"median of {len(some)} crystals, {words}: {total:.2f} ms for reflections and profile")


if __name__ == "__main__":
    main()
