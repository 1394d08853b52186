"""Lattices with random structure factors: the lines that a space group allows, each as strong as chance has it.

Where the atoms lie is left out. Intensities of a structure of many atoms are distributed exponentially (Wilson 1949),
so that such a pattern shows what all crystals of the group have in common, and no accident of special positions.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.crystal import cell_from_parameters, crystal_system
from benchmark.tasks.powder.diffraction import Lines, Numbers, gathered, reflections
from benchmark.tasks.powder.extinction import absent

VOLUME_ANGSTROM3 = (40.0, 900.0)
"""Of the primitive cell, logarithmically: a few atoms to some dozens."""
RATIOS = (-0.5, 0.5)
"""Of the logarithm of each edge to the others; c of hexagonal lattices reaches further."""
FALL_ANGSTROM2 = 8.0
"""Of the mean square form factor, as a Gaussian in 1/(2 d): that of medium atoms."""


def draw_lines(
    space_group: int, range_per_angstrom: tuple[float, float], b_angstrom2: float, generator: np.random.Generator
) -> Lines:
    """The lines of a random lattice of a space group within a range of 1/d. Equivalent reflections are equally
    strong."""
    cell = draw_cell(space_group, generator)
    indices, inverse_d = reflections(cell, range_per_angstrom)
    kept = ~absent(space_group, indices) if len(indices) else np.zeros(0, dtype=bool)
    indices, inverse_d = indices[kept], inverse_d[kept]
    _, family = np.unique(_representative(space_group, indices), return_inverse=True)
    strength = generator.exponential(size=int(family.max()) + 1 if len(family) else 0)[family]
    return gathered(inverse_d, strength * np.exp(-(b_angstrom2 + FALL_ANGSTROM2) * inverse_d**2 / 2.0))


def draw_cell(space_group: int, generator: np.random.Generator) -> Numbers:
    """(3, 3) lattice vectors as rows, in angstrom, of the group's system in its standard setting."""
    system = crystal_system(space_group)
    edges = np.exp(generator.uniform(*RATIOS, size=3))
    angles = np.full(3, 90.0)
    if system == "triclinic":
        angles = generator.uniform(70.0, 110.0, size=3)
    elif system == "monoclinic":
        angles[1] = generator.uniform(92.0, 120.0)
    elif system in ("trigonal", "hexagonal"):
        angles[2] = 120.0
        edges[2] *= generator.uniform(1.0, 2.2)
    if system in ("tetragonal", "trigonal", "hexagonal"):
        edges[1] = edges[0]
    elif system == "cubic":
        edges[:] = 1.0
    cell = cell_from_parameters(edges, angles)
    volume = np.exp(generator.uniform(*np.log(VOLUME_ANGSTROM3))) * _points(space_group)
    return np.asarray(cell * (volume / np.linalg.det(cell)) ** (1.0 / 3.0))


@functools.cache
def _points(space_group: int) -> int:
    """Lattice points of the conventional cell."""
    import gemmi

    return len(gemmi.find_spacegroup_by_number(space_group).operations().cen_ops)


@functools.cache
def _rotations(space_group: int) -> NDArray[np.int32]:
    """(m, 3, 3): how the point group turns indices, h' = h R."""
    import gemmi

    operations = gemmi.find_spacegroup_by_number(space_group).operations().sym_ops
    return np.array([operation.rot for operation in operations], dtype=np.int32) // gemmi.Op.DEN


def _representative(space_group: int, indices: NDArray[np.int32]) -> NDArray[np.int64]:
    """(n,) a number that equivalent reflections, Friedel's among them, have in common."""
    turned = np.einsum("ni,mij->mnj", indices, _rotations(space_group)).astype(np.int64)
    turned = np.concatenate([turned, -turned])
    codes = ((turned[..., 0] + 512) * 1024 + turned[..., 1] + 512) * 1024 + turned[..., 2] + 512
    return np.asarray(codes.max(axis=0))
