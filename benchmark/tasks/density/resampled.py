"""A measured scan on a rung's grid: mended where that is sure, its positions chosen, its detector's pixels summed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.probe import Probe
from benchmark.tasks.density.given import Given
from benchmark.tasks.density.rung import Beam, Scan

MOST_DEAD = 0.01
"""Share of a detector's pixels without a number that neighbours may stand in for."""
STEP_TOLERANCE, SEMI_ANGLE_TOLERANCE = 0.1, 0.15
"""The share by which a step may differ from the rung's; and from where on the probe's angle is worth a note."""
HOT = 5.0
"""The factor over the brightest neighbour, in the sum over all positions, from which on a pixel counts by itself."""
OFF_MIDDLE = 0.25
"""How far from the detector's middle, in semi-angles, what looks like the bright disk may lie and be that middle's."""
MOST_INTENSITY = 1e20
"""The most counts of a pixel: sums over a scan stay within single precision."""
FAR_DOSE = 2.0
"""Factor off the doses that a rung draws that is worth a note."""


def on_grid(
    given: Given, scan: Scan, beam: Beam, electrons: float | None = None
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """(s, s, p, p) as a rung's samples are, and what was done and what is unlike the rung, in words.

    The positions are those around the middle, as far apart as comes nearest to the rung's step. Pixels are summed by
    the area that they share with the rung's, around the detector's middle, or the bright disk's where that lies
    elsewhere. Intensities are divided by the `electrons` of a position, or as many as reach the detector on average.
    Raises StemdlError for positions without a pattern, and for a step, a size or a reach that the rung cannot be had
    from.
    """
    assert given.step_angstrom is not None and given.pixel_per_angstrom is not None
    with np.errstate(over="ignore"):  # too large a value becomes infinite, and is mended as a dead pixel
        patterns, notes = _mended(given.patterns.astype(np.float32))
    patterns, more = _chosen(patterns, given.step_angstrom, scan)
    notes = [*given.notes, *notes, *more]
    total = electrons or float(patterns.sum(axis=(2, 3), dtype=np.float64).mean())
    probe = Probe(beam.energy_kev, beam.semi_angle_mrad)
    mean = patterns.mean(axis=(0, 1))
    middle, more = _middle(mean, given.pixel_per_angstrom, probe.semi_angle_per_angstrom, beam.semi_angle_mrad)
    notes += more
    dose = total / given.step_angstrom**2
    least, most = beam.dose_per_angstrom2
    if not least / FAR_DOSE <= dose <= most * FAR_DOSE:
        known = f"{least:g}" if least == most else f"{least:g} to {most:g}"
        notes.append(f"{dose:.2g} per square Angstrom, if these are electrons; the network knows {known}")
    reach = min(
        distance
        for place, size in zip(middle, mean.shape, strict=True)
        for distance in ((place + 0.5) * given.pixel_per_angstrom, (size - 0.5 - place) * given.pixel_per_angstrom)
    )
    if reach < probe.semi_angle_per_angstrom:
        raise StemdlError(
            "the detector does not hold the bright disk",
            expected=f"{probe.semi_angle_per_angstrom:.2f} per Angstrom around its middle",
            found=f"{reach:.2f}",
        )
    pitch = 1.0 / scan.box.angstrom
    if reach < scan.k_max_per_angstrom - pitch:
        notes.append(f"the detector ends at {reach:.2f} per Angstrom; zeros from there to {scan.k_max_per_angstrom:g}")
    down, across = (
        _shares(size, place, given.pixel_per_angstrom / pitch, scan.pixels)
        for size, place in zip(mean.shape, middle, strict=True)
    )
    summed = np.einsum("ik,yxkl,jl->yxij", down, patterns, across, optimize=True)
    return (summed / total).astype(np.float32), tuple(notes)


def _middle(
    mean: NDArray[np.float32], pixel: float, semi_angle: float, semi_angle_mrad: float
) -> tuple[list[float], list[str]]:
    """The middle of the bright disk in the mean pattern: the detector's own, unless the disk's is far from it. `pixel`
    and `semi_angle` in 1/Angstrom."""
    disk = mean > 0.5 * np.quantile(mean, 0.99)
    found = [float(np.average(np.arange(len(weight)), weights=weight)) for weight in (disk.sum(1), disk.sum(0))]
    angle = float(np.sqrt(disk.sum() / np.pi)) * pixel / semi_angle
    notes = []
    if abs(angle - 1.0) > SEMI_ANGLE_TOLERANCE:
        notes.append(
            f"the bright disk looks {angle * semi_angle_mrad:.1f} mrad wide; the network knows {semi_angle_mrad:g}"
        )
    own = [float(size // 2) for size in mean.shape]
    if np.hypot(*np.subtract(found, own)) * pixel <= OFF_MIDDLE * semi_angle:
        return own, notes
    return found, [*notes, f"the bright disk lies around row {found[0]:.1f}, column {found[1]:.1f} of the detector"]


def _mended(patterns: NDArray[np.float32]) -> tuple[NDArray[np.float32], list[str]]:
    """Every pixel a number from 0 on."""
    from scipy.ndimage import uniform_filter

    notes = []
    known = np.isfinite(patterns)
    empty = ~known.any(axis=(2, 3)) | (np.where(known, patterns, 0.0).sum(axis=(2, 3)) <= 0.0)
    if empty.any():
        row, column = np.argwhere(empty)[0]
        raise StemdlError(
            "positions of the scan have no pattern",
            expected="an array (R_y, R_x, K_y, K_x) with counts at each position",
            found=f"{int(empty.sum())}, the first at row {row}, column {column}",
        )
    broken, more = _broken(np.where(known, patterns, 0.0))
    notes += more
    known &= ~broken
    if not known.all():
        share = 1.0 - known.mean()
        if share > MOST_DEAD:
            raise StemdlError(
                "too many pixels hold no number or a wrong one",
                expected=f"at most {MOST_DEAD:.0%}",
                found=f"{share:.1%}",
            )
        size = (1, 1, 3, 3)
        around = uniform_filter(np.where(known, patterns, 0.0), size) / np.maximum(
            uniform_filter(known.astype(np.float32), size), 1e-6
        )
        patterns = np.where(known, patterns, around)
        notes.append(f"{share:.2%} of the pixels hold no number or a wrong one; their neighbours stand in for them")
    if patterns.max() > MOST_INTENSITY:
        raise StemdlError("intensities are too large", expected=f"at most {MOST_INTENSITY:g}", found=patterns.max())
    if patterns.min() < 0.0:
        notes.append("intensities below 0 are taken as 0")
        patterns = np.maximum(patterns, 0.0)
    return patterns, notes


def _broken(patterns: NDArray[np.float32]) -> tuple[NDArray[np.bool_], list[str]]:
    """(K_y, K_x) the detector's pixels that count nothing wherever the probe stands, between neighbours that all do, or
    far more than any neighbour; and that in words."""
    from scipy.ndimage import maximum_filter, minimum_filter

    around = np.ones((3, 3), dtype=bool)
    around[1, 1] = False
    total = patterns.sum(axis=(0, 1), dtype=np.float64)
    often = (patterns > 0.0).mean(axis=(0, 1))
    dead = (often == 0.0) & (minimum_filter(often, footprint=around, mode="nearest") > 0.5)
    hot = total > HOT * maximum_filter(total, footprint=around, mode="nearest")
    hot &= minimum_filter(often, footprint=around, mode="nearest") > 0.0
    words = ((dead, "counts nothing, unlike its neighbours"), (hot, f"counts {HOT:g} times as much as any neighbour"))
    return dead | hot, [
        f"the pixel in row {row}, column {column} of the detector {what}; taken as dead"
        for which, what in words
        for row, column in np.argwhere(which)[:3]
    ]


def _chosen(patterns: NDArray[np.float32], step: float, scan: Scan) -> tuple[NDArray[np.float32], list[str]]:
    """The rung's positions."""
    every = max(1, round(scan.step_angstrom / step))
    found = every * step
    if abs(found / scan.step_angstrom - 1.0) > STEP_TOLERANCE:
        raise StemdlError(
            "the positions are too far apart, or lie between the rung's",
            expected=f"a step of {scan.step_angstrom:g} Angstrom, or a whole part of it",
            found=f"{step:g} Angstrom",
        )
    span = (scan.positions - 1) * every + 1
    rows, columns = patterns.shape[:2]
    if min(rows, columns) < span:
        raise StemdlError("the scan has too few positions", expected=f"{span} x {span}", found=f"{rows} x {columns}")
    notes = []
    if abs(found / scan.step_angstrom - 1.0) > 1e-3:
        notes.append(f"positions {found:g} Angstrom apart are taken for {scan.step_angstrom:g}")
    if (rows, columns) != (span, span) or every > 1:
        notes.append(f"{scan.positions} x {scan.positions} of the {rows} x {columns} positions, around the middle")
    top, left = (rows - span) // 2, (columns - span) // 2
    return patterns[top : top + span : every, left : left + span : every], notes


def _shares(size: int, middle: float, ratio: float, pixels: int) -> NDArray[np.float64]:
    """(pixels, size) which share of each detector pixel lies in each of the rung's: `ratio` of whose width it has, and
    of which pixel `pixels // 2` has its centre at `middle`."""
    edges = (np.arange(size + 1) - 0.5 - middle) * ratio
    low = np.arange(pixels)[:, None] - pixels // 2 - 0.5
    overlap = np.minimum(edges[1:], low + 1.0) - np.maximum(edges[:-1], low)
    shares: NDArray[np.float64] = np.maximum(overlap, 0.0) / ratio
    return shares
