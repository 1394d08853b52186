"""A specimen: columns of a crystal with a defect, tilted, and cut to the box and the thickness."""

from __future__ import annotations

import numpy as np

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.gratings import Box, Specimen
from benchmark.tasks.density.columns import CrystalView, columns_of, tilted
from benchmark.tasks.density.defects import KINDS

BOUNDARY_MARGIN = 2.5
"""The factor by which a crystal with a boundary is made wider: its mirror image fills the other side."""


def build(
    crystal: Crystal,
    view: CrystalView,
    kind: str,
    *,
    box: Box,
    field_angstrom: float,
    slices: int,
    slice_angstrom: float,
    generator: np.random.Generator,
) -> Specimen:
    """A specimen with a kind of defect (`defects.KINDS`), which lies within the square of side `field_angstrom` in the
    middle."""
    thickness = slices * slice_angstrom
    margin = 2.0 * max(map(abs, view.tilt)) * thickness + 2.0
    across = (box.angstrom + margin) * (BOUNDARY_MARGIN if kind == "boundary" else 1.0)
    columns = KINDS[kind](columns_of(crystal, view, across, thickness), field_angstrom, generator)
    positions = tilted(columns.positions - np.array([0.0, 0.0, thickness / 2.0]), view.tilt)
    positions += np.array([0.0, 0.0, thickness / 2.0])
    half = box.angstrom / 2.0
    inside = (positions[:, :2] >= -half).all(axis=1) & (positions[:, :2] < half).all(axis=1)
    inside &= (positions[:, 2] >= 0.0) & (positions[:, 2] < thickness)
    return Specimen(columns.numbers[inside], positions[inside], slices, slice_angstrom)


def thermally_moved(specimen: Specimen, b_angstrom2: float, generator: np.random.Generator) -> Specimen:
    """Each atom away from its place as its B = 8 pi^2 <u^2> says (frozen phonons, independently vibrating atoms)."""
    spread = np.sqrt(b_angstrom2 / 8.0) / np.pi
    moved = specimen.positions + generator.normal(scale=spread, size=specimen.positions.shape)
    return Specimen(specimen.numbers, moved, specimen.slices, specimen.slice_angstrom)
