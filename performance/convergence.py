"""How far the rungs' settings are from FFT multislice of the same three-dimensional crystals, and what it takes.

    python performance/convergence.py [--rungs stemdl_full ...] [--cases SrTiO3 ...]

Relative L2 over all beams of a detector of +-2.56 per Angstrom and general directions of the probe's disk, with the
direct beam and without, through interpolation where a rung interpolates. Multislice: slices of 0.2 Angstrom, band 5 per
Angstrom. `estimate` is what a sample of the rung would carry. Seconds are processor time of the waves of a whole
pattern on one thread. Random views of real crystals: performance/accuracy.py.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from multislice import SAMPLES, TestCrystal, beams_of, errors, multislice
from numpy.typing import NDArray

from benchmark.definition.finder import load_benchmark
from benchmark.simulation.adaptive import general_directions, propagate_within
from benchmark.simulation.aperture import grid
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.detector import Screen
from benchmark.simulation.manybeam import propagate_many
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Optics
from benchmark.simulation.waves import Problem
from benchmark.simulation.zone import project

K_MAX = 2.56
SEMI_ANGLE = 0.08
RUNGS = ("stemdl_mini", "stemdl_small", "stemdl_full")
_OPTICS = {name.removeprefix("stemdl_"): CbedRung.of(load_benchmark("space_group").rung(name)).optics for name in RUNGS}
SETTINGS = {name: optics.accuracy for name, optics in _OPTICS.items()}
DETECTORS = {name: (optics.pixels, optics.k_max_per_angstrom) for name, optics in _OPTICS.items()}
CASES = (
    ("SrTiO3", 200.0, 100.0),
    ("SrTiO3", 300.0, 100.0),
    ("MgO", 200.0, 150.0),
    ("TiO2", 150.0, 100.0),
    ("PbTiO3", 100.0, 100.0),
    ("PbTiO3", 100.0, 190.0),
    ("GaN", 200.0, 100.0),
    ("GaN", 200.0, 190.0),
    ("SiO2", 200.0, 100.0),
    ("SnS", 100.0, 100.0),
    ("CaTiO3", 100.0, 100.0),
    ("W", 200.0, 100.0),
    ("Au", 200.0, 100.0),
    ("UO2", 300.0, 100.0),
    ("CaWO4", 200.0, 100.0),
    ("PbSO4", 200.0, 100.0),
)


def engine(
    sample: TestCrystal, directions: NDArray, energy_kev: float, thickness: float, optics: Optics
) -> tuple[NDArray, NDArray, float, float]:
    """(vectors, intensities at `directions`, estimate, seconds of a whole pattern's waves) by a rung's settings."""
    accuracy, semi_angle = optics.accuracy, optics.semi_angle_per_angstrom
    zone, atoms = project(sample.crystal, (0, 0, 1), (1, 0, 0)), Atoms(sample.b_angstrom2, "lobato")

    def problem(directions: NDArray) -> Problem:
        return Problem(zone, directions, energy_kev, (thickness,), atoms)

    def screen(degree: int) -> Screen:
        return Screen(pixels=optics.pixels, k_max_per_angstrom=K_MAX, semi_angle_per_angstrom=semi_angle, degree=degree)

    reach = {"reach_per_angstrom": np.sqrt(2.0) * (K_MAX + semi_angle)}
    own = (
        screen(accuracy.wave_degree).directions
        if accuracy.wave_degree
        else grid(semi_angle, accuracy.directions_across)
    )
    start, estimate = time.process_time(), 0.0
    if accuracy.tolerance:
        (waves,), seen, estimate = propagate_within(problem, screen, accuracy, **reach)
    else:
        (waves,) = propagate_many([problem(own)], accuracy=accuracy, **reach)[0]
        seen = screen(accuracy.wave_degree) if accuracy.wave_degree else None
    seconds = time.process_time() - start
    if seen is None:
        (waves,) = propagate_many([problem(directions)], accuracy=accuracy, **reach)[0]
        return waves.vectors, waves.intensities, estimate, seconds
    height = thickness / problem(directions).wave_number
    return waves.vectors, seen.at(directions, waves, mean_height=height), estimate, seconds


def main() -> None:
    """Prints a row for each case and rung."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rungs", nargs="*", default=list(RUNGS), choices=list(RUNGS))
    parser.add_argument("--cases", nargs="*", help="names of crystals; all by default")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    print("crystal  system        t/A  keV  rung           beams      L2  no direct  estimate  s/pattern")
    for name, thickness, energy in CASES:
        if arguments.cases and name not in arguments.cases:
            continue
        sample = SAMPLES[name]
        directions = general_directions(SEMI_ANGLE, 7)
        waves = multislice(
            sample,
            directions,
            energy_kev=energy,
            thickness_angstrom=thickness,
            band_per_angstrom=5.0,
            slice_angstrom=0.2,
        )
        vectors, expected = beams_of(waves, sample, K_MAX)
        for rung in arguments.rungs:
            optics = _OPTICS[rung.removeprefix("stemdl_")]
            places, found, estimate, seconds = engine(sample, directions, energy, thickness, optics)
            whole, _ = errors(expected, vectors, found, places)
            scattered = np.linalg.norm(vectors, axis=1) > 1e-6
            without, _ = errors(expected[scattered], vectors[scattered], found, places)
            print(
                f"{name:8} {sample.system:12} {thickness:4.0f} {energy:4.0f}  {rung:12} {len(places):6} "
                f"{whole:8.4f} {without:10.4f} {estimate:9.4f}  {seconds:9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
