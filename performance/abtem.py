"""The engine against abTEM (Madsen & Susi 2021) on the same crystals, in one run: error and time of one pattern.

    pip install abtem        # not needed for anything else
    python performance/abtem.py [--cases SrTiO3 W ...] [--tools engine abTEM Bloch]

All draw a CBED pattern of about 512 x 512 pixels of 0.01 per Angstrom on one thread. abTEM's multislice propagates a
probe through a supercell of about 100 Angstrom, which that pixel size asks for; its unit cell's potential is computed
once and repeated, from its atoms projected one by one or from its structure factors. Its Bloch waves take a direction
at a time: a few are timed, and their mean counts for each pixel of the disk. A tool's ladder of settings ends at the
first within 1 %, or where a setting would be too large, which is said.

Errors are relative L2 against converged multislice (multislice.py) over all beams to 2.5 per Angstrom, at directions
that are abTEM's own pixels; of Bloch waves at those that are timed. Atoms are smeared by the same Debye-Waller factor,
without frozen phonons. They are moved along the beam so that the surfaces lie in the widest gap between them.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections.abc import Iterator

os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
sys.path.pop(0)  # this file's folder, where `abtem` would be this file
HERE = os.path.dirname(os.path.abspath(__file__))

import abtem as library
from abtem.bloch import BlochWaves, StructureFactor

sys.path.insert(0, HERE)
import ase
import dask
import numpy as np
from convergence import SEMI_ANGLE, SETTINGS, engine
from multislice import SAMPLES, TestCrystal, beams_of, errors, multislice
from numpy.typing import NDArray

from benchmark.cli.output import print_table
from benchmark.crystals.simulate import ideal_pattern
from benchmark.simulation.potential import Atoms
from benchmark.simulation.recipes import Optics
from benchmark.simulation.scattering import wavelength_angstrom
from benchmark.simulation.zone import project

ENERGY_KEV, SUPERCELL_ANGSTROM, LIMIT = 100.0, 100.0, 0.01
THICKNESS_ANGSTROM = 100.0
PIXELS = np.array([(0, 0), (3, 1), (-2, 4), (1, -6), (-5, -3), (6, 2)])
DISK_PIXELS = 201
"""Pixels of 0.01 per Angstrom in a disk of a radius of 0.08."""
MULTISLICE = ((1024, 2.0, "atoms"), (1024, 1.0, "structure factors"), (1280, 0.5, "structure factors"))
"""Grid points across, slice thickness in Angstrom and what the potential is made of, from cheap to exact."""
BLOCH = ((4.0, 0.12), (4.0, 0.2))
"""Largest vector and excitation error, per Angstrom."""
BLOCH_TIMED, BLOCH_MOST = (1, 3), 900
"""Which of `PIXELS` are timed, and the most beams tried: time grows by their cube."""

Tried = Iterator[tuple[str, float, float]]
"""Setting, error and processor seconds of one pattern."""


@dataclasses.dataclass(frozen=True)
class Case:
    """A crystal of whole cells, and what converged multislice gives of it."""

    sample: TestCrystal
    cells: int
    directions: NDArray[np.float64]
    vectors: NDArray[np.float64]
    expected: NDArray[np.float64]

    @property
    def thickness_angstrom(self) -> float:
        return float(self.cells * self.sample.lengths[2])

    def copies(self) -> NDArray[np.int64]:
        return copies_of(self.sample)

    def structure(self, g_max: float) -> StructureFactor:
        """abTEM's structure factors to `g_max` per Angstrom."""
        return StructureFactor(
            self.atoms(), g_max=g_max, parametrization="lobato", thermal_sigma=self.width_angstrom(), centering="P"
        )

    def atoms(self) -> ase.Atoms:
        sample = self.sample
        return ase.Atoms(numbers=sample.numbers, scaled_positions=sample.positions, cell=sample.lengths, pbc=True)

    def width_angstrom(self) -> float:
        return float(np.sqrt(self.sample.b_angstrom2 / (8.0 * np.pi**2)))


def copies_of(sample: TestCrystal) -> NDArray[np.int64]:
    """Unit cells across the supercell, (2,): the number nearest to its size that an FFT is fast at."""
    numbers = np.array([number for number in range(1, 100) if fast(number)])
    return np.array([numbers[np.abs(numbers * length - SUPERCELL_ANGSTROM).argmin()] for length in sample.lengths[:2]])


def fast(number: int) -> bool:
    """Whether no prime above 7 is in it: FFTs of other lengths take several times as long."""
    for prime in (2, 3, 5, 7):
        while number % prime == 0:
            number //= prime
    return number == 1


def lifted(sample: TestCrystal) -> TestCrystal:
    """The sample moved along the beam, so that its surfaces lie in the widest gap between the heights of its atoms."""
    heights = np.sort(sample.positions[:, 2])
    gaps = np.diff(np.append(heights, heights[0] + 1.0))
    up = np.array([0.0, 0.0, -(heights + gaps / 2.0)[gaps.argmax()]])
    crystal = dataclasses.replace(sample.crystal, positions=(sample.crystal.positions + up) % 1.0)
    return dataclasses.replace(sample, crystal=crystal, positions=(sample.positions + up) % 1.0)


def case_of(name: str) -> Case:
    sample = lifted(SAMPLES[name])
    cells = int(np.ceil(THICKNESS_ANGSTROM / sample.lengths[2]))
    directions = PIXELS / (copies_of(sample) * sample.lengths[:2])
    waves = multislice(
        sample,
        directions,
        energy_kev=ENERGY_KEV,
        thickness_angstrom=cells * sample.lengths[2],
        band_per_angstrom=5.0,
        slice_angstrom=0.2,
    )
    vectors, expected = beams_of(waves, sample, 2.5)
    present = expected.max(axis=1) > 1e-12  # a place of no beam may lie within the disk of another
    return Case(sample, cells, directions, vectors[present], expected[present])


def by_engine(case: Case) -> Tried:
    """By the settings of two rungs, the exact one's without and with the search for settings that suffice."""
    sample, thickness = case.sample, case.thickness_angstrom
    full = SETTINGS["full"]
    settings = {"small": SETTINGS["small"], "full, first": dataclasses.replace(full, tolerance=0.0), "full": full}
    for setting, accuracy in settings.items():
        optics = Optics(
            ENERGY_KEV,
            512,
            2.56,
            SEMI_ANGLE,
            (thickness, thickness),
            sample.b_angstrom2,
            0.0,
            0.0,
            0.0,
            accuracy,
            scattering_factors="lobato",
        )
        places, found, *_ = engine(sample, case.directions, ENERGY_KEV, thickness, optics)
        started = time.process_time()
        ideal_pattern(
            project(sample.crystal, (0, 0, 1), (1, 0, 0)),
            Atoms(sample.b_angstrom2, "lobato"),
            optics,
            energy_kev=ENERGY_KEV,
            thickness_angstrom=thickness,
        )
        seconds = time.process_time() - started
        yield setting, errors(case.expected, case.vectors, found, places)[0], seconds


def by_multislice(case: Case) -> Tried:
    """By abTEM's multislice; where disks overlap, its pixels hold several beams, and are not compared."""
    lengths = np.linalg.norm(case.vectors, axis=1)
    if (spacing := lengths[lengths > 1e-6].min()) < 2.0 * SEMI_ANGLE:
        print(f"         abTEM: disks {spacing:.3f} per Angstrom apart overlap: not compared")
        return
    copies, indices = case.copies(), np.round(case.vectors * case.sample.lengths[:2]).astype(int)
    symbols = set(case.atoms().get_chemical_symbols())
    smeared = library.parametrizations.LobatoParametrization(sigmas=dict.fromkeys(symbols, case.width_angstrom()))
    for points, slice_angstrom, made_of in MULTISLICE:
        grid = tuple(next(n for n in range(-(-points // copy), points) if fast(n)) for copy in copies.tolist())
        started = time.process_time()
        if made_of == "atoms":
            potential = library.Potential(
                case.atoms(), gpts=grid, slice_thickness=slice_angstrom, parametrization=smeared
            )
        else:
            potential = case.structure(5.0).build(lazy=False).get_projected_potential(slice_angstrom, gpts=grid)
        crystal = library.CrystalPotential(potential, (*map(int, copies), case.cells))
        cutoff = 1e3 * SEMI_ANGLE * wavelength_angstrom(ENERGY_KEV)
        probe = library.Probe(energy=1e3 * ENERGY_KEV, semiangle_cutoff=cutoff)
        probe.grid.match(crystal)
        scan = library.CustomScan([[0.0, 0.0]])
        detector = library.PixelatedDetector(max_angle="cutoff", resample=False)
        measured = probe.multislice(crystal, scan=scan, lazy=False, detectors=detector)
        picture = np.asarray(measured.array).squeeze()
        seconds = time.process_time() - started
        vacuum = np.asarray(probe.build(scan=scan, lazy=False).diffraction_patterns(max_angle="cutoff").array).squeeze()
        place = np.array(picture.shape) // 2 + indices[:, None, :] * copies + PIXELS[None]
        seen = ((place >= 0) & (place < picture.shape)).all(axis=(1, 2))
        incident = vacuum[tuple((np.array(vacuum.shape) // 2 + PIXELS).T)]
        found = picture[tuple(np.moveaxis(place[seen], -1, 0))] / incident
        yield (
            f"{points}, {slice_angstrom} A, {made_of}",
            errors(case.expected, case.vectors, found, case.vectors[seen])[0],
            seconds,
        )


def by_bloch(case: Case) -> Tried:
    """By abTEM's Bloch waves, of the directions `BLOCH_TIMED`."""
    timed = list(BLOCH_TIMED)
    for g_max, sg_max in BLOCH:
        started = time.process_time()
        structure = case.structure(2.0 * g_max).build(lazy=False)
        once, each, found = time.process_time() - started, [], []
        for direction in case.directions[timed]:
            started = time.process_time()
            waves = BlochWaves(
                structure,
                1e3 * ENERGY_KEV,
                sg_max,
                g_max,
                orientation_matrix=towards(direction * wavelength_angstrom(ENERGY_KEV)),
                centering="P",
            )
            if len(waves) > BLOCH_MOST:
                print(f"         Bloch: {len(waves)} beams to {sg_max} per Angstrom, more than {BLOCH_MOST}: not tried")
                return
            amplitudes = waves.calculate_diffraction_patterns(case.thickness_angstrom, return_complex=True, lazy=False)
            each.append(time.process_time() - started)
            found.append(by_projection(np.asarray(amplitudes.array).ravel(), waves.hkl, case))
        error = errors(case.expected[:, timed], case.vectors, np.array(found).T, case.vectors)[0]
        yield f"{len(waves)} beams, to {sg_max} per A", error, once + float(np.mean(each)) * DISK_PIXELS


def towards(sines: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation of a crystal, (3, 3), after which a beam along z has these sines with its first two axes."""
    z = np.array([*sines, np.sqrt(1.0 - sines @ sines)])
    x = np.array([z[2], 0.0, -z[0]]) / np.hypot(z[0], z[2])
    return np.array([x, np.cross(z, x), z])


def by_projection(amplitudes: NDArray, hkl: NDArray, case: Case) -> NDArray[np.float64]:
    """Intensities of the case's vectors: beams above one another leave whole cells in phase."""
    sums: dict[tuple[int, int], complex] = {}
    for (h, k, _), amplitude in zip(hkl, amplitudes, strict=True):
        sums[int(h), int(k)] = sums.get((int(h), int(k)), 0.0) + complex(amplitude)
    indices = np.round(case.vectors * case.sample.lengths[:2]).astype(int)
    return np.array([abs(sums.get((int(h), int(k)), 0.0)) ** 2 for h, k in indices])


TOOLS = {"engine": by_engine, "abTEM": by_multislice, "Bloch": by_bloch}


def cheapest(name: str, case: Case, tool: str) -> tuple[float | None, float]:
    """(seconds within the limit, or None; the smallest error) of a tool's ladder of settings, each printed."""
    least = float("inf")
    for setting, error, seconds in TOOLS[tool](case):
        print(f"{name:8} {tool:6} {setting:32} {100 * error:7.2f} % {seconds:8.2f} s", flush=True)
        least = min(least, error)
        if error <= LIMIT:
            return seconds, error
    return None, least


def main() -> None:
    """Prints each setting that was tried, and a table of the cheapest within the limit."""
    import torch

    torch.set_num_threads(1)
    dask.config.set(scheduler="synchronous")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="*", default=list(SAMPLES), choices=list(SAMPLES))
    parser.add_argument("--tools", nargs="*", default=list(TOOLS), choices=list(TOOLS))
    arguments = parser.parse_args()
    table = []
    for name in arguments.cases:
        case = case_of(name)
        found = {tool: cheapest(name, case, tool) for tool in arguments.tools}
        ours = found.get("engine", (None, 0.0))[0]
        cells = []
        for tool, (seconds, error) in found.items():
            if seconds is None:
                cells.append(f"- ({100 * error:.1f} %)" if np.isfinite(error) else "not tried")
            else:
                times = f" ({seconds / ours:.0f} x)" if ours and tool != "engine" else ""
                cells.append(f"{seconds:.2f}{times}")
        table.append((name, f"{case.thickness_angstrom:.0f}", *cells))
    print_table(("crystal", "Angstrom", *arguments.tools), table)


if __name__ == "__main__":
    main()
