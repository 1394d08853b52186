"""Random lattices of a space group, near ones of a supergroup."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.crystal import crystal_system
from benchmark.simulation.supergroup import Path, supergroup, symmetrised_metric
from benchmark.simulation.symmetry import operations

SPREAD_OF_EDGES = 0.25
UNIAXIAL_STRETCH = {"tetragonal": 1.7, "trigonal": 1.4, "hexagonal": 1.2}
"""c over a, in the middle, where the lattice has one axis and is not rhombohedral."""
ELONGATED = 0.5
"""The share of lattices with one edge stretched by 1.3 to 3.2: layers, stacks and chains."""
MOST_STRAIN = 0.5
"""The largest share of a lattice of the group itself that is mixed into that of its parent."""


def draw_lattice(space_group: int, path: Path, volume: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Lattice vectors as rows: a random lattice made as symmetric as the parent asks, strained towards the group."""
    lengths = _typical_edges(space_group) * np.exp(generator.normal(0.0, SPREAD_OF_EDGES, size=3))
    if generator.random() < ELONGATED:
        lengths[generator.integers(3)] *= generator.uniform(1.3, 3.2)
    cosines = np.cos(np.radians(np.clip(generator.normal(90.0, generator.choice([3.0, 10.0, 18.0]), 3), 65.0, 115.0)))
    directions = np.eye(3)
    for cosine, (i, j) in zip(cosines, ((1, 2), (0, 2), (0, 1)), strict=True):
        directions[i, j] = directions[j, i] = cosine
    metric = directions * np.outer(lengths, lengths)
    parent, own = (
        symmetrised_metric(metric, group) for group in (supergroup(space_group, path), operations(space_group))
    )
    strain = MOST_STRAIN * generator.random() ** 2 if path else 1.0
    parent, own = (one / np.linalg.det(one) ** (1.0 / 3.0) for one in (parent, own))
    cell = np.linalg.cholesky((1.0 - strain) * parent + strain * own)
    return cell * (volume / np.linalg.det(cell)) ** (1.0 / 3.0)


@functools.cache
def _typical_edges(space_group: int) -> NDArray[np.float64]:
    """Edges of a conventional cell in proportion: those that make the primitive cell about as long as wide, but for
    `UNIAXIAL_STRETCH`."""
    rotations, translations = operations(space_group)
    centring = translations[(rotations == np.eye(3)).all(axis=(1, 2))]
    shifts = centring[centring.any(axis=1)]
    edges = np.ones(3)
    if len(shifts) == 2:  # a rhombohedral lattice in hexagonal axes; this ratio is a cube's
        edges[2] = 6.0**0.5
    elif (system := crystal_system(space_group)) in UNIAXIAL_STRETCH:
        edges[2] = UNIAXIAL_STRETCH[system]
    elif len(shifts) == 1 and np.count_nonzero(shifts[0]) == 2:  # one face centred
        edges[shifts[0] != 0.0] = 2.0**0.5
    return edges
