"""The scanned probe's multislice against abTEM (Madsen & Susi 2021): relative L2 of the patterns of four positions.

    pip install abtem        # not needed for anything else
    python performance/scan.py

SrTiO3 turned by 23 degrees in a periodic box of 20 Angstrom, 60 thick, 100 keV, 20 mrad, defocus 100 Angstrom, Lobato's
factors, B = 0.6. abTEM lays atoms on its grid bilinearly; so they are moved to the nearest points of the grid, where
that is exact, and both have the same specimen.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
sys.path.pop(0)  # this file's folder, where `abtem` would be another file

import abtem as library

sys.path.insert(0, str(Path(__file__).parents[1]))
import ase
import dask
import numpy as np

from benchmark.simulation.gratings import Box, Specimen, gratings, phases
from benchmark.simulation.multislice import Passage
from benchmark.simulation.potential import Atoms
from benchmark.simulation.probe import Probe

EDGE, BOX, THICKNESS, B, PIXELS = 3.905, 20.0, 60.0, 0.6, 64
CELL = ((38, (0.0, 0.0, 0.0)), (22, (0.5, 0.5, 0.5)), (8, (0.5, 0.5, 0.0)), (8, (0.5, 0.0, 0.5)), (8, (0.0, 0.5, 0.5)))
POSITIONS = np.array([[-0.77, -0.77], [1.03, -0.77], [-0.77, 1.03], [1.03, 1.03]])


def turned_crystal(points: int, slice_angstrom: float) -> Specimen:
    """The crystal cut to the box, its atoms on the grid's points."""
    cells = np.stack(np.meshgrid(range(-8, 8), range(-8, 8), range(16), indexing="ij"), axis=-1).reshape(-1, 3)
    places = np.concatenate([(cells + offset) * EDGE for _, offset in CELL]) + np.array([0.0, 0.0, 0.3])
    numbers = np.repeat([number for number, _ in CELL], len(cells))
    cosine, sine = np.cos(0.4), np.sin(0.4)
    places[:, :2] = places[:, :2] @ np.array([[cosine, sine], [-sine, cosine]]) + [0.3, 0.1]
    places[:, :2] = np.round(places[:, :2] * points / BOX) * BOX / points
    inside = (np.abs(places[:, :2]) < BOX / 2 - 1e-6).all(axis=1) & (places[:, 2] < THICKNESS)
    return Specimen(numbers[inside], places[inside], round(THICKNESS / slice_angstrom), slice_angstrom)


def patterns_of_abtem(specimen: Specimen, points: int) -> np.ndarray:
    """(positions, PIXELS, PIXELS), rows along y. Its aperture's edge is sharp."""
    width = float(np.sqrt(B / (8.0 * np.pi**2)))
    atoms = ase.Atoms(
        numbers=specimen.numbers,
        positions=specimen.positions + np.array([BOX / 2, BOX / 2, 0.0]),
        cell=[BOX, BOX, THICKNESS],
    )
    lobato = library.parametrizations.LobatoParametrization(sigmas=dict.fromkeys(("Sr", "Ti", "O"), width))
    potential = library.Potential(
        atoms,
        gpts=(points, points),
        slice_thickness=specimen.slice_angstrom,
        projection="infinite",
        parametrization=lobato,
    )
    probe = library.Probe(energy=100e3, semiangle_cutoff=20, defocus=100.0, soft=False)
    probe.grid.match(potential)
    measured = probe.multislice(
        potential,
        scan=library.CustomScan(POSITIONS + BOX / 2),
        lazy=False,
        detectors=library.PixelatedDetector(max_angle="cutoff", resample=False),
    )
    picture = np.asarray(measured.array)
    corner = np.array(picture.shape[1:]) // 2 - PIXELS // 2
    return picture[:, corner[0] : corner[0] + PIXELS, corner[1] : corner[1] + PIXELS].transpose(0, 2, 1)


class SharpProbe(Probe):
    """Whose aperture takes whole pixels, as abTEM's."""

    def spectrum(self, box: Box) -> np.ndarray:
        amplitudes = np.where(np.sqrt(box.squared) <= self.semi_angle_per_angstrom, super().spectrum(box), 0.0)
        sharp = np.exp(1j * np.angle(amplitudes)) * (amplitudes != 0.0)
        return sharp / np.linalg.norm(sharp)


def main() -> None:
    dask.config.set(scheduler="synchronous")
    for points, slice_angstrom in ((128, 2.0), (192, 1.0)):
        specimen, box = turned_crystal(points, slice_angstrom), Box(points, BOX)
        phi = phases(specimen, box, Atoms(B, "lobato"), 100.0)
        passage = Passage(gratings(phi, box), box, slice_angstrom, PIXELS)
        own = passage.patterns(SharpProbe(100.0, 20.0, 100.0), POSITIONS)
        theirs = patterns_of_abtem(specimen, points)
        l2 = np.linalg.norm(own - theirs) / np.linalg.norm(theirs)
        print(f"{points} points, slices of {slice_angstrom} Angstrom: relative L2 {l2:.4f}", flush=True)


if __name__ == "__main__":
    main()
