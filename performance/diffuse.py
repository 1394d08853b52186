"""How far the diffuse background (`benchmark/simulation/diffuse.py`) is from frozen phonons, by scattering vector.

    python performance/diffuse.py [--points 480] [--draws 8]

Multislice of a plane wave through 6 x 6 cells whose atoms are displaced at random, drawn again and again: what is not
coherent in the mean is diffuse. Between the Bragg beams its intensity is compared with the background of as many
electrons.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import itertools

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.diffuse import density
from benchmark.simulation.gratings import Box, Specimen, gratings, phases
from benchmark.simulation.multislice import exit_waves
from benchmark.simulation.potential import Atoms

CELLS, SLICES, ENERGY_KEV, B_ANGSTROM2 = 6, 2, 100.0, 0.387
FACES = ((0.0, 0.0, 0.0), (0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5))
MIDDLES = ((0.5, 0.0, 0.0), (0.0, 0.5, 0.0), (0.0, 0.0, 0.5), (0.5, 0.5, 0.5))
CRYSTALS = {
    "MgO": (4.212, [(12, FACES), (8, MIDDLES)]),
    "SrTiO3": (3.905, [(38, FACES[:1]), (22, MIDDLES[3:]), (8, FACES[1:])]),
    "Au": (4.078, [(79, FACES)]),
}
"""The edge of each cubic cell, Angstrom, and its atoms."""
RINGS = (0.05, 0.2, 0.4, 0.7, 1.0, 1.4, 1.8, 2.2, 2.6)


def frozen_and_modelled(
    name: str, deep: int, points: int, draws: int, generator: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """The share of diffuse electrons behind so many cells along [001], and (rings, 2) their mean density between the
    Bragg beams in each ring, Angstrom^2: of frozen phonons, and of the model with as many electrons."""
    import torch

    edge, atoms = CRYSTALS[name]
    box = Box(points, CELLS * edge)
    cells = np.stack(np.meshgrid(range(CELLS), range(CELLS), range(deep), indexing="ij"), axis=-1).reshape(-1, 1, 3)
    places = {number: ((cells + np.array(own)) * edge).reshape(-1, 3) for number, own in atoms}
    numbers = np.repeat(list(places), [len(each) for each in places.values()])
    positions = np.concatenate(list(places.values())) - [box.angstrom / 2, box.angstrom / 2, 1e-6]
    incident = torch.zeros((1, points, points), dtype=torch.complex64)
    incident[0, 0, 0] = 1.0
    still, slab = Atoms(0.0, "lobato"), edge / SLICES
    intensity, wave = np.zeros((points, points)), np.zeros((points, points), dtype=np.complex128)
    for _ in range(draws):
        moved = positions + generator.normal(0.0, np.sqrt(B_ANGSTROM2 / 8.0) / np.pi, positions.shape)
        specimen = Specimen(numbers, moved, deep * SLICES, slab)
        slices = torch.from_numpy(gratings(phases(specimen, box, still, ENERGY_KEV), box))
        behind = exit_waves(incident, slices, box, slab, ENERGY_KEV, points)[0].numpy()
        intensity, wave = intensity + np.abs(behind) ** 2 / draws, wave + behind / draws
    # What left the band that multislice keeps is counted as diffuse too.
    coherent = np.abs(wave) ** 2 - (intensity - np.abs(wave) ** 2) / (draws - 1)
    order = np.arange(points) - points // 2
    bragg = (order[:, None] % CELLS == 0) & (order % CELLS == 0)
    diffuse = 1.0 - float(coherent[bragg].sum())
    q = np.hypot(order, order[:, None]) / box.angstrom
    modelled = diffuse * density(numbers, Atoms(B_ANGSTROM2, "lobato"), q)
    rings = [(low <= q) & (q < high) & ~bragg for low, high in itertools.pairwise(RINGS)]
    return diffuse, np.array([[intensity[ring].mean() * box.angstrom**2, modelled[ring].mean()] for ring in rings])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=480, help="along a side of the box")
    parser.add_argument("--draws", type=int, default=8, help="of displacements")
    arguments = parser.parse_args()
    print("model / frozen phonons at q, 1/Angstrom")
    print("crystal", "Angstrom", "diffuse", *(f"{low}-{high}" for low, high in itertools.pairwise(RINGS)))
    for name, (edge, _) in CRYSTALS.items():
        for deep in (2, round(100.0 / edge)):
            generator = np.random.default_rng(0)
            share, found = frozen_and_modelled(name, deep, arguments.points, arguments.draws, generator)
            print(name, f"{deep * edge:.1f} {share:.4f}", *(f"{ratio:.2f}" for ratio in found[:, 1] / found[:, 0]))


if __name__ == "__main__":
    main()
