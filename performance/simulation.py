"""How long patterns take, how far they are from many more beams, and how near the device's limit of complex products.

    python performance/simulation.py [--rung stemdl_mini] [--crystals 25] [--setting full]
    python performance/simulation.py --setting full --device cuda --batch 16 [--thicknesses 10]

Draws crystals of the rung and simulates each along the three axes at the rung's accuracy (or at a setting of
convergence.py on that setting's detector), without tilt, rotation and noise: `--batch` zones a call, each at so many
`--thicknesses`. Prints patterns a second and on a CPU, whose processor time of one thread it takes, seconds; on a GPU
seconds are the wall's. `--errors` (of the cheaper settings) adds R1 = sum |I - I'| / sum I' against far more beams.

The limit is the device's measured rate of complex64 products of square matrices (`engine.py` says what is counted).
"""

from __future__ import annotations

import argparse
import dataclasses
import os

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from convergence import DETECTORS, SETTINGS
from engine import clock, counted_operations, product_rate, views_of

from benchmark.crystals.simulate import ideal_patterns
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.recipes import Accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rung", default="stemdl_mini")
    parser.add_argument("--crystals", type=int, default=25)
    parser.add_argument("--setting", choices=list(SETTINGS))
    parser.add_argument("--device", default="cpu", help="cpu, or a CUDA device of torch")
    parser.add_argument("--batch", type=int, default=1, help="zones a call, multiplied together")
    parser.add_argument("--thicknesses", type=int, default=1, help="of each zone, in one call")
    parser.add_argument("--errors", action="store_true", help="against far more beams; slow")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    device, batch = arguments.device, arguments.batch
    rung = CbedRung.of(load_benchmark("space_group").rung(arguments.rung))
    optics = rung.optics
    if arguments.setting:
        pixels, k_max = DETECTORS[arguments.setting]
        optics = dataclasses.replace(
            optics,
            accuracy=SETTINGS[arguments.setting],
            pixels=pixels,
            k_max_per_angstrom=k_max,
            scattering_factors="lobato",
        )
    views = views_of(rung, optics, arguments.crystals, arguments.thicknesses)
    now = clock(device)
    ideal_patterns(views[:batch], optics, device=device, together=batch)  # libraries start, tables are read
    seconds, operations, pictures = [], [], []
    for first in range(0, len(views), batch):
        chosen = views[first : first + batch]
        start = now()
        pictures += ideal_patterns(chosen, optics, device=device, together=batch)
        seconds.append(now() - start)
        with counted_operations(operations):
            ideal_patterns(chosen, optics, device=device, together=batch)
    patterns = sum(map(len, pictures))
    rate = product_rate(device, now)
    a_pattern = np.array(seconds) / (batch * arguments.thicknesses)
    a_pattern[-1] = seconds[-1] / (len(chosen) * arguments.thicknesses)
    print(
        f"{patterns} patterns of {arguments.crystals} crystals of {rung.name}, {optics.pixels} x {optics.pixels} "
        f"pixels, on {device}, {batch} zones a call, {arguments.thicknesses} thicknesses a zone, "
        f"{'processor time of one thread' if device == 'cpu' else torch.cuda.get_device_name(device)}"
    )
    print(f"patterns a second    {patterns / sum(seconds):7.2f}")
    print(
        f"seconds a pattern    {sum(seconds) / patterns:7.4f} (mean), {np.median(a_pattern):.4f} (median of calls), "
        f"{np.max(a_pattern):.4f} (most)"
    )
    print(
        f"matrix products      {sum(operations) / patterns / 1e9:7.2f} Gflop a pattern; the device does "
        f"{rate / 1e9:.0f} Gflop/s: at most {patterns * rate / sum(operations):.1f} patterns a second, "
        f"{sum(operations) / rate / sum(seconds):.0%} of which are reached"
    )
    if arguments.errors:
        own = optics.accuracy
        higher = (
            dataclasses.replace(
                own,
                strong_per_angstrom=2.4,
                weak_per_angstrom=3.6,
                most_strong_beams=1500,
                slice_angstrom=5.0,
                wave_degree=12,
            )
            if own.wave_degree
            else Accuracy(2.4, 3.2, 1500, 10.0, 8)
        )
        better = ideal_patterns(views, dataclasses.replace(optics, accuracy=higher), device=device, together=batch)
        errors = [
            np.abs(picture - right).sum() / right.sum()
            for pair in zip(pictures, better, strict=True)
            for picture, right in zip(*pair, strict=True)
        ]
        print(
            f"error R1 against {higher.strong_per_angstrom} per Angstrom: {np.mean(errors):.3f} (mean), "
            f"{np.median(errors):.3f} (median), {np.max(errors):.3f} (worst)"
        )


if __name__ == "__main__":
    main()
