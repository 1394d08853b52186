"""How long a pattern takes on one core, and how far it is from one with many more beams.

    python performance/simulation.py [--rung stemdl_mini] [--crystals 25]

Draws crystals of the rung, simulates each along the three axes at the rung's accuracy and at a far higher one (without
tilt, rotation and noise), and prints seconds and errors. The error of a pattern is R1 = sum |I - I'| / sum I'.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from benchmark.definition.benchmark import Accuracy, load_benchmark
from benchmark.simulation.aperture import grid
from benchmark.simulation.detector import pattern
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.potential import Atoms
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project

CONVERGED = Accuracy(strong_per_angstrom=2.4, weak_per_angstrom=3.2, most_strong_beams=1500, slice_angstrom=10.0,
                     directions_across=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_mini")
    parser.add_argument("--crystals", type=int, default=25)
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    rung = load_benchmark().rung(arguments.rung)
    optics = rung.optics
    groups = [rung.space_groups[i % rung.classes] for i in range(arguments.crystals)]
    draw_seconds, seconds, converged_seconds, beams_used, errors = [], [], [], [], []
    for number, group in enumerate(groups):
        generator = np.random.default_rng([rung.seed, number])
        start = time.process_time()
        crystal = draw_crystal(group, rung.crystals, generator)
        draw_seconds.append(time.process_time() - start)
        thickness = generator.uniform(*optics.thickness_angstrom)
        for axis in CONVENTIONAL_AXES:
            pictures = []
            for accuracy, clock in ((optics.accuracy, seconds), (CONVERGED, converged_seconds)):
                start = time.process_time()
                zone = project(crystal, axis, DETECTOR_RIGHT[axis])
                beams = propagate(zone, grid(optics.semi_angle_per_angstrom, accuracy.directions_across),
                                  energy_kev=optics.energy_kev, thickness_angstrom=thickness, accuracy=accuracy,
                                  atoms=Atoms(optics.debye_waller_b_angstrom2))
                pictures.append(pattern(beams, pixels=optics.pixels, k_max_per_angstrom=optics.k_max_per_angstrom))
                clock.append(time.process_time() - start)
                if accuracy is optics.accuracy:
                    beams_used.append(len(beams.vectors))
            errors.append(np.abs(pictures[0] - pictures[1]).sum() / pictures[1].sum())
    print(f"{len(seconds)} patterns of {len(groups)} crystals of {rung.name}, one thread, processor time")
    print(f"draw a crystal            {1e3 * np.mean(draw_seconds):7.1f} ms (mean)")
    print(f"simulate a pattern        {1e3 * np.mean(seconds[3:]):7.1f} ms (mean), {1e3 * np.median(seconds):.1f} (median)")
    print(f"both, for each pattern    {1e3 * (np.mean(seconds[3:]) + np.mean(draw_seconds) / 3):7.1f} ms")
    print(f"beams propagated          {np.mean(beams_used):7.0f} (mean), {max(beams_used)} (most)")
    print(f"error R1 against {CONVERGED.strong_per_angstrom} per Angstrom and {converged_seconds and 1e3 * np.mean(converged_seconds):.0f} ms a pattern: "
          f"{np.mean(errors):.3f} (mean), {np.median(errors):.3f} (median), {np.max(errors):.3f} (worst)")


if __name__ == "__main__":
    main()
