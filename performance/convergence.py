"""How far the engine is from FFT multislice of the same three-dimensional crystals, and what it takes.

    python performance/convergence.py [--settings full ...] [--cases SrTiO3 ...]

Relative L2 and R1 over all beams of a detector of +-2.56 per Angstrom and general directions of the probe's disk, with
interpolation where a setting interpolates. Multislice: slices of 0.2 Angstrom, band 5 per Angstrom.
Seconds are processor time of a whole pattern on one thread, drawn on the setting's detector.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from multislice import SAMPLES, beams_of, errors, multislice

from benchmark.crystals.simulate import ideal_pattern
from benchmark.simulation.aperture import chebyshev, fit, nodes
from benchmark.simulation.manybeam import propagate
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Accuracy, Optics
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.zone import project

SEMI_ANGLE = 0.08
SETTINGS = {
    "mini": Accuracy(1.25, 2.4, 280, 25.0, 8),
    "small": Accuracy(
        1.7, 3.0, 300, 12.5, 0, weak_waves=True, g_z_max_per_angstrom=1.0, wave_degree=8, samples_per_pixel=2
    ),
    "averaged": Accuracy(2.5, 4.0, 900, 5.0, 0, weak_waves=True, g_z_max_per_angstrom=3.0, wave_degree=8),
    "full": Accuracy(
        3.5,
        4.0,
        900,
        5.0,
        0,
        weak_waves=True,
        g_z_max_per_angstrom=4.0,
        holz_excitation_per_angstrom=0.03,
        depth_slice_angstrom=0.4,
        wave_degree=10,
    ),
}
DETECTORS = {"mini": (64, 1.0), "small": (128, 1.5), "averaged": (512, 2.56), "full": (512, 2.56)}
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
)


def general_directions(count: int) -> np.ndarray:
    """Directions (count, 2) spread evenly over the disk, on no symmetry line."""
    index = np.arange(count) + 0.5
    radius, angle = SEMI_ANGLE * np.sqrt(index / count) * 0.99, index * 2.399963 + 0.3
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def intensities(sample, directions, energy, thickness, accuracy):
    """(vectors, intensities) of the engine at directions, through its interpolation where it interpolates."""
    zone = project(sample.crystal, (0, 0, 1), (1, 0, 0))
    radius, degree = SEMI_ANGLE * 1.03, accuracy.wave_degree
    points = nodes(degree) * radius if degree else directions
    waves = propagate(
        zone,
        points,
        energy_kev=energy,
        thickness_angstrom=thickness,
        atoms=Atoms(sample.b_angstrom2, "lobato"),
        accuracy=accuracy,
        reach_per_angstrom=3.8,
    )
    if not degree:
        return waves.vectors, waves.intensities
    carrier = np.exp(1j * np.pi * thickness * wavelength_angstrom(energy) * waves.vectors @ points.T)
    shapes = (waves.amplitudes.numpy() * carrier) @ fit(degree)
    x, y = (chebyshev(directions[:, axis] / radius, degree) for axis in range(2))
    return waves.vectors, np.abs(shapes @ (x[:, :, None] * y[:, None, :]).reshape(len(directions), -1).T) ** 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--cases", nargs="*", help="names of crystals; all by default")
    arguments = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    directions = general_directions(7)
    print("crystal  system        t/A  keV  setting   beams      L2      R1  s/pattern")
    for name, thickness, energy in CASES:
        if arguments.cases and name not in arguments.cases:
            continue
        sample = SAMPLES[name]
        waves = multislice(
            sample,
            directions,
            energy_kev=energy,
            thickness_angstrom=thickness,
            band_per_angstrom=5.0,
            slice_angstrom=0.2,
        )
        vectors, expected = beams_of(waves, sample, 2.56)
        for setting in arguments.settings:
            accuracy = SETTINGS[setting]
            found_vectors, found = intensities(sample, directions, energy, thickness, accuracy)
            l2, r1 = errors(expected, vectors, found, found_vectors)
            pixels, k_max = DETECTORS[setting]
            optics = Optics(
                energy,
                pixels,
                k_max,
                SEMI_ANGLE,
                (thickness, thickness),
                sample.b_angstrom2,
                0.0,
                0.0,
                0.0,
                accuracy,
                scattering_factors="lobato",
            )
            start = time.process_time()
            ideal_pattern(
                project(sample.crystal, (0, 0, 1), (1, 0, 0)),
                Atoms(sample.b_angstrom2, "lobato"),
                optics,
                energy_kev=energy,
                thickness_angstrom=thickness,
            )
            seconds = time.process_time() - start
            print(
                f"{name:8} {sample.system:12} {thickness:4.0f} {energy:4.0f}  {setting:8} {len(found_vectors):6} "
                f"{l2:7.4f} {r1:7.4f}  {seconds:6.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
