"""How long a rung's patterns take on one core, how far they are from many more beams, and how near the machine's limit.

    python performance/simulation.py [--rung stemdl_mini] [--crystals 25] [--setting full]

Draws crystals of the rung, simulates each along the three axes at the rung's accuracy (or at a setting of
convergence.py on that setting's detector) and at a far higher one, without tilt, rotation and noise, and prints seconds
and errors. The error of a pattern is R1 = sum |I - I'| / sum I'. The limit is the rate of complex matrix products of the
size of the mean beam count: what a pattern's own products would take at that rate, against what it takes.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from convergence import DETECTORS, SETTINGS

from benchmark.data.simulate import ideal_pattern
from benchmark.definition.benchmark import Accuracy, load_benchmark
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.potential import Atoms
from benchmark.simulation.zone import CONVENTIONAL_AXES, DETECTOR_RIGHT, project


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_mini")
    parser.add_argument("--crystals", type=int, default=25)
    parser.add_argument("--setting", choices=list(SETTINGS))
    arguments = parser.parse_args()
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    torch.set_num_threads(1)
    rung = load_benchmark().rung(arguments.rung)
    optics = rung.optics
    if arguments.setting:
        pixels, k_max = DETECTORS[arguments.setting]
        optics = dataclasses.replace(optics, accuracy=SETTINGS[arguments.setting], pixels=pixels,
                                     k_max_per_angstrom=k_max, scattering_factors="lobato")
    own = optics.accuracy
    higher = (dataclasses.replace(own, strong_per_angstrom=2.4, weak_per_angstrom=3.6, most_strong_beams=1500,
                                  slice_angstrom=5.0, wave_degree=12)
              if own.wave_degree else Accuracy(2.4, 3.2, 1500, 10.0, 8))
    atoms = Atoms(optics.debye_waller_b_angstrom2, optics.scattering_factors)
    seconds, errors, products = [], [], []
    for number in range(arguments.crystals):
        generator = np.random.default_rng([rung.seed, number])
        crystal = draw_crystal(rung.space_groups[number % rung.classes], rung.crystals, generator)
        thickness = generator.uniform(*optics.thickness_angstrom)
        energy = optics.energies_kev[number % len(optics.energies_kev)]
        for axis in CONVENTIONAL_AXES:
            pictures = []
            for accuracy in (own, higher):
                start = time.process_time()
                zone = project(crystal, axis, DETECTOR_RIGHT[axis])
                pictures.append(ideal_pattern(zone, atoms, dataclasses.replace(optics, accuracy=accuracy),
                                              energy_kev=energy, thickness_angstrom=thickness))
                if accuracy is own:
                    seconds.append(time.process_time() - start)
                if arguments.setting == "full":
                    break
            if len(pictures) == 2:
                errors.append(np.abs(pictures[0] - pictures[1]).sum() / pictures[1].sum())
            if number < 3:
                with FlopCounterMode(display=False) as counter:
                    ideal_pattern(zone, atoms, optics, energy_kev=energy, thickness_angstrom=thickness)
                # The counter takes a complex product for a real one of two operations a term; it has eight.
                products.append(4.0 * counter.get_total_flops())
    square = torch.randn(512, 512, dtype=torch.complex64)
    rates = []
    for _ in range(5):
        start = time.process_time()
        for _ in range(5):
            square @ square
        rates.append(5 * 8 * 512**3 / (time.process_time() - start))
    limit = np.mean(products) / max(rates)
    timed = seconds[3:]
    print(f"{len(seconds)} patterns of {arguments.crystals} crystals of {rung.name}, {optics.pixels} x {optics.pixels} "
          f"pixels, one thread, processor time")
    print(f"simulate a pattern   {1e3 * np.mean(timed):7.1f} ms (mean), {1e3 * np.median(timed):.1f} (median), "
          f"{1e3 * np.max(timed):.1f} (most)")
    if errors:
        print(f"error R1 against {higher.strong_per_angstrom} per Angstrom: {np.mean(errors):.3f} (mean), "
              f"{np.median(errors):.3f} (median), {np.max(errors):.3f} (worst)")
    print(f"matrix products      {np.mean(products) / 1e9:7.2f} Gflop a pattern; the processor does {max(rates) / 1e9:.0f} "
          f"Gflop/s: {1e3 * limit:.1f} ms, {limit / np.mean(seconds[:9]):.0%} of the time of the same patterns")


if __name__ == "__main__":
    main()
