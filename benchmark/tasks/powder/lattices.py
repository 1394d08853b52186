"""Reflection crystals: lattices with random structure factors, each reflection that a space group allows as strong as
chance has it.

Where the atoms lie is left out. Intensities of a structure of many atoms are distributed exponentially (Wilson, Acta
Cryst. 2 (1949) 318), and as the square of a normal number where all structure factors are real, so that such a pattern
shows what all crystals of the group have in common, and no accident of special positions.
"""

from __future__ import annotations

import functools

import numpy as np

from benchmark.simulation.lattice import draw_lattice
from benchmark.tasks.powder.diffraction import Reflections, allowed, with_strength

FALL_ANGSTROM2 = 8.0
"""The decay of the mean square form factor of medium atoms, as B of a Gaussian."""
LONGEST_EDGE_ANGSTROM = 40.0
"""Longer ones are drawn again."""


def draw_reflections(
    space_group: int,
    d_range_angstrom: tuple[float, float],
    primitive_angstrom3: tuple[float, float],
    b_angstrom2: float,
    generator: np.random.Generator,
) -> Reflections:
    """The reflections of a random lattice of a space group within a range of d. Its primitive cell has a volume between
    those given, logarithmically."""
    volume = np.exp(generator.uniform(*np.log(primitive_angstrom3))) * _points(space_group)
    cell = draw_lattice(space_group, (), volume, generator)
    while np.linalg.norm(cell, axis=1).max() > LONGEST_EDGE_ANGSTROM:
        cell = draw_lattice(space_group, (), volume, generator)
    unique = allowed(space_group, cell, d_range_angstrom)
    amplitudes = generator.standard_normal((len(unique), 2))
    if _is_centric(space_group):
        amplitudes[:, 1] = 0.0
    fall = np.exp(-(b_angstrom2 + FALL_ANGSTROM2) / (2.0 * unique.d_angstrom**2))
    return with_strength(unique, (amplitudes**2).sum(axis=1) * fall)


@functools.cache
def _points(space_group: int) -> int:
    """Lattice points of the conventional cell."""
    import gemmi

    return len(gemmi.find_spacegroup_by_number(space_group).operations().cen_ops)


@functools.cache
def _is_centric(space_group: int) -> bool:
    import gemmi

    return bool(gemmi.find_spacegroup_by_number(space_group).is_centrosymmetric())
