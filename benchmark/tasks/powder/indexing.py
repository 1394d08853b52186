"""A lattice that explains a pattern's lines, for a given extinction group: what tells where forbidden lines would be.

Lines of the lowest angles are taken for reflections of the lowest indices that the group allows, which gives a lattice.
Of all these the one with the highest figure of merit (de Wolff 1968) wins: M = Q_N / (2 <|dQ|> n), where Q = 1/d^2, N
lines are seen, and n are possible up to there. Done for lattices of one and two lengths: cubic, tetragonal, hexagonal.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.tasks.powder.extinction import absent, family
from benchmark.tasks.powder.measured import Grid

Numbers = NDArray[np.float64]
MOST_LINES, LEAST_LINES = 20, 5
LEAST_MERIT = 8.0
"""Below it a lattice is as good as chance: de Wolff asks for 10 of 20 lines that are all of one phase."""
LOWEST_LINES, LOWEST_INDICES = 6, 10
EDGES_ANGSTROM = (2.0, 30.0)
PROMINENCE = 0.08
"""The least height of a line, as a share of the square root of the highest intensity."""
LEFT_OUT = 0.2
"""The share of lines that may be another phase's: those that a lattice explains worst."""
_WEIGHTS = {
    "cubic": lambda h, k, l: np.stack([h * h + k * k + l * l], axis=-1),  # noqa: E741
    "tetragonal": lambda h, k, l: np.stack([h * h + k * k, l * l], axis=-1),  # noqa: E741
    "hexagonal": lambda h, k, l: np.stack([4 * (h * h + h * k + k * k) / 3, l * l], axis=-1),  # noqa: E741
}
"""Q as a sum of weights by 1/a^2 and 1/c^2."""


@dataclass(frozen=True)
class Lattice:
    """Edges a (and c) in angstrom, the figure of merit, and (n,) 1/d in 1/angstrom of the reflections that the group
    forbids and that no allowed one hides."""

    edges_angstrom: tuple[float, ...]
    merit: float
    forbidden: Numbers


def seen_lines(profile: NDArray[np.float32], grid: Grid) -> Numbers:
    """1/d in 1/angstrom of the most prominent lines of a profile, rising."""
    from scipy.signal import find_peaks

    y = np.sqrt(np.maximum(profile, 0.0).astype(np.float64))
    width = max(1, round(0.2 / grid.step_degrees))
    y = np.convolve(y, np.ones(width) / width, mode="same")
    at, found = find_peaks(y, prominence=PROMINENCE)
    at = np.sort(at[np.argsort(found["prominences"])[::-1][:MOST_LINES]])
    at = at[(at > 0) & (at < len(y) - 1)]
    left, middle, right = y[at - 1], y[at], y[at + 1]
    place = at + 0.5 * (left - right) / np.minimum(left + right - 2.0 * middle, -1e-9)
    theta = np.radians(grid.first_degrees + grid.step_degrees * place) / 2.0
    return np.asarray(2.0 * np.sin(theta) / grid.wavelength_angstrom)


def find_lattice(lines: Numbers, members: Sequence[int]) -> Lattice | None:
    """The lattice of an extinction group, given by its space groups, that explains lines at 1/d best; None where none
    is good, or the group's lattice has more than two lengths."""
    weigh = _WEIGHTS.get(family(members[0]))
    if weigh is None or len(lines) < LEAST_LINES:
        return None
    side = range(-8, 9) if family(members[0]) == "hexagonal" else range(9)
    grid = np.array([each for each in itertools.product(range(13), side, range(17)) if any(each)], dtype=np.int32)
    out = absent(members[0], grid)
    weights = weigh(*grid.astype(np.float64).T)
    allowed, gone = np.unique(weights[~out], axis=0), np.unique(weights[out], axis=0)
    q = lines**2
    lowest = allowed[np.argsort(allowed.sum(axis=1), kind="stable")][:LOWEST_INDICES]
    best, unknown = (0.0, np.zeros(0)), weights.shape[1]
    for chosen in itertools.combinations(range(min(LOWEST_LINES, len(q))), unknown):
        for assigned in itertools.permutations(range(len(lowest)), unknown):
            matrix = lowest[list(assigned)]
            if abs(np.linalg.det(matrix)) < 1e-9:
                continue
            inverse2 = np.linalg.solve(matrix, q[list(chosen)])
            if (inverse2 <= EDGES_ANGSTROM[1] ** -2).any() or (inverse2 >= EDGES_ANGSTROM[0] ** -2).any():
                continue
            best = max(best, (_merit(q, allowed @ inverse2), inverse2), key=lambda each: each[0])
    merit, inverse2 = best
    if merit < LEAST_MERIT:
        return None
    possible = np.sort(allowed @ inverse2)
    absences = np.sort(gone @ inverse2)
    hidden = np.abs(absences[:, None] - possible).min(axis=1) < 1e-6 if len(absences) else np.zeros(0, dtype=bool)
    return Lattice(tuple(float(each) for each in inverse2**-0.5), merit, np.sqrt(np.unique(absences[~hidden].round(9))))


def _merit(seen: Numbers, possible: Numbers) -> float:
    """De Wolff's figure, of lines that are seen and reflections that are possible, both as 1/d^2."""
    possible = np.unique(possible[possible < seen[-1] * 1.01].round(7))
    if not len(possible):
        return 0.0
    around = np.concatenate([[-np.inf], possible, [np.inf]])
    right = np.searchsorted(around, seen)
    nearest = np.sort(np.minimum(seen - around[right - 1], around[right] - seen))
    nearest = nearest[: len(nearest) - int(LEFT_OUT * len(nearest))]
    return float(seen[-1] / (2.0 * max(float(nearest.mean()), 1e-6) * len(possible)))
