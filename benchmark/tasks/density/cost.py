"""How long a large specimen takes to scan, from pieces of the work: all of one may take hours.

What is done many times over is timed a few times, on the specimen's own slices, and counted: a wave through a slice, a
sum of plane waves to the pattern of a probe, the counts of a position. What is done once is done: phase shifts, which
each draw of the atoms' places takes again, and the target.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmark.simulation.gratings import Box, gratings
from benchmark.simulation.multislice import Passage, chunk_of
from benchmark.tasks.density.drawn import Drawn
from benchmark.tasks.density.rung import DensityRung
from benchmark.tasks.density.scanned import counted_scan, probes_of, thermal_phases
from benchmark.tasks.density.target import electron_density, potential, target_window

WHOLE = 1e9
"""Waves times slices times points of the grid, up to which a specimen is timed whole: seconds of a core."""
SLICES, PROBES, PIXELS = 4, 16, 4096
"""So many slices, sums and pixels of a sum are timed, or as many as there are."""


def scanning_seconds(
    drawn: Drawn, parts: DensityRung, generator: np.random.Generator, device: str, clock: Callable[[], float]
) -> float | None:
    """Seconds from the drawn specimen to its sample; None where it is small enough to be timed whole."""
    asked, beam, scan, specimen = parts.specimens, parts.beam, parts.scan, drawn.specimen
    draws, b = max(asked.phonon_configurations, 1), asked.debye_waller_b_angstrom2
    places = probes_of(scan, beam.source_angstrom)
    lit = int(np.count_nonzero(drawn.probe.spectrum(scan.box)))
    waves = min(lit, len(places))
    if waves * specimen.slices * draws * scan.box_points**2 < WHOLE:
        return None

    def seconds(work: Callable[[], object]) -> float:
        begun = clock()
        work()
        return clock() - begun

    window = target_window(scan)
    shifted: list[np.ndarray] = []

    def once_per_draw() -> None:
        (phi,) = thermal_phases(specimen, scan, b, beam.energy_kev, min(asked.phonon_configurations, 1), generator)
        potential(phi, scan.box, scan.pixels, window)
        shifted.append(gratings(phi, scan.box))

    phase = seconds(once_per_draw)
    few = shifted[0][:SLICES]
    passage = Passage(few, scan.box, asked.slice_angstrom, scan.pixels, device)
    some = places[: max(len(few), chunk_of(scan.box, device))]
    patterns = passage.patterns(drawn.probe, some[:1], plane_waves=False)  # libraries are loaded
    through = seconds(lambda: passage.patterns(drawn.probe, some, plane_waves=False)) / (len(some) * len(few))
    summed = _sum_seconds(lit, scan.pixels**2, device, seconds) if lit < len(places) else 0.0
    electrons = drawn.dose_per_angstrom2 * scan.step_angstrom**2
    counted = seconds(lambda: counted_scan(patterns, electrons, generator)) / len(patterns)
    target = seconds(lambda: electron_density(specimen, b, Box(scan.pixels, scan.box.angstrom), window))
    one_draw = phase + waves * specimen.slices * through + len(places) * summed
    return draws * one_draw + scan.positions**2 * counted + target


def _sum_seconds(lit: int, pixels: int, device: str, seconds: Callable[[Callable[[], object]], float]) -> float:
    """Seconds to sum so many plane waves to one pattern of so many pixels."""
    import torch

    weights = torch.ones(PROBES, lit, dtype=torch.complex64, device=device)
    scattered = torch.ones(lit, min(pixels, PIXELS), dtype=torch.complex64, device=device)
    (weights @ scattered).cpu()
    return seconds(lambda: (weights @ scattered).cpu()) / PROBES * pixels / scattered.shape[1]
