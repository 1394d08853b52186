"""A specimen scanned: the patterns of every position as a counting detector sees them."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.gratings import Specimen, gratings, phases
from benchmark.simulation.multislice import Passage
from benchmark.simulation.potential import Atoms
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.counting import poisson_quantiles
from benchmark.tasks.density.rung import Scan
from benchmark.tasks.density.specimen import thermally_moved

SOURCE = ((-math.sqrt(3.0), 1.0 / 6.0), (0.0, 2.0 / 3.0), (math.sqrt(3.0), 1.0 / 6.0))
"""Places and weights of Gauss and Hermite's rule for a normal distribution: exact for polynomials of degree 5."""
RULE = tuple(itertools.product(SOURCE, SOURCE))
"""The same along x and y."""


def centres(count: int, pitch_angstrom: float) -> NDArray[np.float64]:
    """(count,) coordinates around 0."""
    return (np.arange(count) - (count - 1) / 2.0) * pitch_angstrom


def ideal_scan(
    phi: NDArray[np.float32], probe: Probe, scan: Scan, slice_angstrom: float, source_angstrom: float, device: str
) -> NDArray[np.float32]:
    """(s, s, p, p): scan (y, x), detector (k_y, k_x), the share of the electrons in each pixel, of phase shifts
    `phi` (slices, points, points). A source that is not a point sums patterns of places around each position."""
    passage = Passage(gratings(phi, scan.box), scan.box, slice_angstrom, scan.pixels, device)
    found = passage.patterns(probe, probes_of(scan, source_angstrom))
    if source_angstrom != 0.0:
        weights = np.array([first * second for (_, first), (_, second) in RULE], dtype=np.float32)
        around = found.reshape(-1, len(RULE), *found.shape[1:])
        found = np.tensordot(around, weights, axes=(1, 0))
    return found.reshape(scan.positions, scan.positions, scan.pixels, scan.pixels)


def probes_of(scan: Scan, source_angstrom: float) -> NDArray[np.float64]:
    """(n, 2) x and y, Angstrom, of the probes that a scan is made of: positions, or `RULE`'s places around each."""
    along = centres(scan.positions, scan.step_angstrom)
    places = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    if source_angstrom == 0.0:
        return places
    offsets = source_angstrom * np.array([(x, y) for (x, _), (y, _) in RULE])
    return (places[:, None] + offsets).reshape(-1, 2)


def thermal_phases(
    specimen: Specimen,
    scan: Scan,
    b_angstrom2: float,
    energy_kev: float,
    configurations: int,
    generator: np.random.Generator,
) -> list[NDArray[np.float32]]:
    """Phase shifts of the specimen with its atoms smeared, or of so many draws of their places."""
    if not configurations:
        return [phases(specimen, scan.box, Atoms(b_angstrom2, "lobato"), energy_kev)]
    draws = (thermally_moved(specimen, b_angstrom2, generator) for _ in range(configurations))
    return [phases(each, scan.box, Atoms(0.0, "lobato"), energy_kev) for each in draws]


def counted_scan(
    patterns: NDArray[np.float32], electrons: float, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Patterns as counted with so many electrons at each position, scaled back to shares of them; 0 counts none."""
    if electrons == 0.0:
        return patterns
    means = np.maximum(patterns.astype(np.float64).ravel(), 0.0) * electrons
    counts = poisson_quantiles(generator.random(len(means)), means)
    return (counts / electrons).astype(np.float32).reshape(patterns.shape)
