"""Settings for each crystal and view by an estimate of their error, so that cost grows where there is need.

A few general directions of the probe are propagated with settings of rising accuracy. The relative L2 of the
intensities on the detector between one and the next is the estimate of the former's error; the first settings whose
estimate is within a share of the tolerance propagate all directions. Interpolation over the aperture has the rest: its
degree rises until it gives the same few directions as they are. What a sample reports is the estimate of everything
together, interpolated intensities against those of the next settings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.detector import Screen
from benchmark.simulation.manybeam import propagate_many
from benchmark.simulation.recipes import Accuracy
from benchmark.simulation.waves import Problem, Waves

LEVELS = ((1.0, 1.0, 0.0), (1.2, 0.7, 0.05), (1.45, 0.5, 0.15), (1.75, 0.35, 0.3))
"""Settings of rising accuracy: factors of the beams' length and of the slices' thickness, and what the layers' margin
gains."""
FINER_DEGREES = (0, 3, 6)
"""What is added to the waves' degree until interpolation over the aperture is within its share of the tolerance."""
SHARE = 0.6
"""The share of the tolerance that settings may take up by their estimate, which lacks the error of the next ones; the
rest is interpolation's."""
_TESTED = 5


def refined(accuracy: Accuracy, level: int) -> Accuracy:
    """The settings of a level; those of level 0 are `accuracy` itself."""
    longer, thinner, more = LEVELS[level]
    return replace(
        accuracy,
        strong_per_angstrom=longer * accuracy.strong_per_angstrom,
        weak_per_angstrom=longer * accuracy.weak_per_angstrom,
        g_z_max_per_angstrom=longer * accuracy.g_z_max_per_angstrom,
        depth_slice_angstrom=thinner * accuracy.depth_slice_angstrom,
        layer_margin_per_angstrom=accuracy.layer_margin_per_angstrom + more,
    )


def general_directions(semi_angle_per_angstrom: float, count: int) -> NDArray[np.float64]:
    """(count, 2) spread evenly over the probe's disk, on no symmetry line, 1/Angstrom."""
    index = np.arange(count) + 0.5
    radius, angle = semi_angle_per_angstrom * np.sqrt(index / count), index * 2.399963 + 0.3
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def relative_l2(found: tuple[NDArray, NDArray], expected: tuple[NDArray, NDArray], k_max_per_angstrom: float) -> float:
    """The relative L2 difference of intensities (beams, directions) with their beams' vectors (beams, 2), over all
    beams on the detector. Beams of two layers that no detector tells apart, in cells that nearly have a right angle,
    are added up."""
    tables: list[dict[tuple[int, ...], NDArray]] = [{}, {}]
    for table, (rows, vectors) in zip(tables, (found, expected), strict=True):
        for place, row in zip(np.round(vectors * 1e4).astype(int).tolist(), rows, strict=True):
            if np.abs(place).max() < k_max_per_angstrom * 1e4:
                table[tuple(place)] = table.get(tuple(place), 0.0) + row
    nothing = np.zeros(expected[0].shape[1])
    places = tables[0].keys() | tables[1].keys()
    apart = np.array([tables[0].get(place, nothing) - tables[1].get(place, nothing) for place in places])
    return float(np.linalg.norm(apart) / np.linalg.norm(list(tables[1].values())))


Seen = list[tuple[NDArray[np.float64], NDArray[np.float64]]]
"""The intensities (beams, directions) at each thickness, and the beams' vectors (beams, 2)."""


def fitting_level(
    problem: Problem, accuracy: Accuracy, *, k_max_per_angstrom: float, reach_per_angstrom: float, device: str = "cpu"
) -> tuple[int, float, Seen, Seen]:
    """The first level whose estimate at the problem's directions is within its share of `accuracy.tolerance`, the
    estimate, and what this level and the next give there. Where none is, the last, which stands for the next as well;
    its error is below the estimate, which is of the one before."""

    def at(level: int) -> Seen:
        (waves,) = propagate_many(
            [problem], accuracy=refined(accuracy, level), reach_per_angstrom=reach_per_angstrom, device=device
        )
        return [(behind.intensities, behind.vectors) for behind in waves]

    own = at(0)
    for level in range(len(LEVELS) - 1):
        better = at(level + 1)
        estimate = largest(own, better, k_max_per_angstrom)
        if estimate <= SHARE * accuracy.tolerance:
            return level, estimate, own, better
        own = better
    return len(LEVELS) - 1, estimate, own, own


def largest(found: Seen, expected: Seen, k_max_per_angstrom: float) -> float:
    """`relative_l2` of the thickness at which it is largest."""
    return max(relative_l2(one, other, k_max_per_angstrom) for one, other in zip(found, expected, strict=True))


def propagate_within(
    problem: Callable[[NDArray[np.float64]], Problem],
    screen: Callable[[int], Screen],
    accuracy: Accuracy,
    *,
    reach_per_angstrom: float,
    device: str = "cpu",
) -> tuple[tuple[Waves, ...], Screen, float]:
    """Waves of a view behind each of its thicknesses, the screen that interpolates them, and the estimate of the error.

    Parameters
    ----------
    problem : of the view, for incident directions (n, 2).
    screen : of the view, for a degree of the waves.
    accuracy : the settings that are tried first; `tolerance` is what the estimate is held to. Where the last settings
        or the highest degree exceed it, they are taken, and the estimate says so.
    """
    probe = screen(accuracy.wave_degree)
    tested = general_directions(probe.semi_angle, _TESTED)
    level, estimate, own, better = fitting_level(
        problem(tested),
        accuracy,
        k_max_per_angstrom=probe.k_max,
        reach_per_angstrom=reach_per_angstrom,
        device=device,
    )
    truncated = estimate if level == len(LEVELS) - 1 else 0.0
    for more in FINER_DEGREES:
        seen = screen(accuracy.wave_degree + more)
        view = problem(seen.directions)
        (waves,) = propagate_many(
            [view], accuracy=refined(accuracy, level), reach_per_angstrom=reach_per_angstrom, device=device
        )
        shown = [
            (seen.at(tested, behind, mean_height=thickness / view.wave_number), behind.vectors)
            for behind, thickness in zip(waves, view.thicknesses_angstrom, strict=True)
        ]
        if largest(shown, own, probe.k_max) <= (1.0 - SHARE) * accuracy.tolerance:
            break
    return waves, seen, max(largest(shown, better, probe.k_max), truncated)
