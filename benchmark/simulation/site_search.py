"""Finds the special positions of all space groups, for the table that crystals are drawn from:
`python -m benchmark.simulation.site_search` makes it again.

Another processor's table has the same positions, described by other points and directions (`symmetry.sites`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.files import atomic_path
from benchmark.simulation.symmetry import SITE_COLUMNS, SITE_TABLE, Site, operations, orbit

INTERSECTION_TRIALS = 400
"""Random intersections of symmetry elements by which the special positions of a group are found; every multiplicity
of the International Tables is met for all 230 groups (held by a test)."""


def _intersect(
    rotations: Sequence[NDArray], translations: Sequence[NDArray]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Origin and directions of the points that all these operations leave where they are, None where there is none."""
    left = np.concatenate([rotation - np.eye(3) for rotation in rotations])
    right = -np.concatenate(list(translations))
    origin, *_ = np.linalg.lstsq(left, right, rcond=None)
    if np.abs(left @ origin - right).max() > 1e-9:
        return None
    _, values, axes = np.linalg.svd(left)
    rank = int((values > 1e-9).sum())
    return origin, axes[rank:]


def find_sites(space_group: int) -> tuple[Site, ...]:
    """The general position and the special ones of a group, found by intersecting its symmetry elements at random.

    The random numbers are seeded by the group, so the list is the same in every process. One Wyckoff position may be
    listed several times, by different points of its orbit.
    """
    generator = np.random.default_rng(space_group)
    rotations, translations = operations(space_group)
    general = Site(len(rotations), np.zeros(3), np.eye(3))
    found: dict[tuple, Site] = {}
    for _ in range(INTERSECTION_TRIALS if len(rotations) > 1 else 0):
        chosen_rotations: list[NDArray] = []
        chosen_translations: list[NDArray] = []
        for _ in range(3):
            index = generator.integers(len(rotations))
            chosen_rotations.append(rotations[index])
            chosen_translations.append(translations[index] + generator.integers(-1, 2, size=3))
            fixed = _intersect(chosen_rotations, chosen_translations)
            if fixed is None:
                chosen_rotations.pop()
                chosen_translations.pop()
                continue
            origin, directions = fixed
            if len(directions) == 3:
                continue
            point = origin + generator.random(len(directions)) @ directions
            multiplicity = len(orbit(space_group, point))
            if len(directions) == 0:
                origin = origin % 1.0
            key = (multiplicity, *np.round(origin, 6), *np.round(np.abs(directions.T @ directions), 6).ravel())
            found.setdefault(key, Site(multiplicity, origin, directions))
    return (general, *found.values())


def write_table() -> None:
    """Write the positions of all 230 groups where `symmetry.sites` reads them."""
    found = [(group, site) for group in range(1, 231) for site in find_sites(group)]
    columns = (
        np.array([group for group, _ in found], dtype=np.uint8),
        np.array([site.multiplicity for _, site in found], dtype=np.uint8),
        np.array([len(site.directions) for _, site in found], dtype=np.uint8),
        np.array([site.origin for _, site in found]),
        np.concatenate([site.directions for _, site in found]),
    )
    with atomic_path(SITE_TABLE) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **dict(zip(SITE_COLUMNS, columns, strict=True)))


if __name__ == "__main__":
    write_table()
