"""The reflections of a powder: where Bragg's law puts them, and how strong the structure makes them.

One reflection stands for all that the Laue group makes of it, so that a cubic crystal of 200 atoms costs what a
triclinic one of 10 does. Form factors are those of International Tables C, 6.1.1.4, and scattering lengths of neutrons
those of Sears (1992), both as gemmi carries them; one isotropic Debye-Waller factor exp(-B / 4 d^2) is for all atoms.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.crystal import Crystal
from benchmark.simulation.scattering import x_ray_scattering_factor

Numbers = NDArray[np.float64]
X_RAYS, NEUTRONS = "x-rays", "neutrons"


@dataclass(frozen=True, eq=False)
class Reflections:
    """One of each set of equivalent reflections of a crystal, by falling d.

    Attributes
    ----------
    indices : (n, 3) h, k, l in the conventional cell.
    d_angstrom : (n,) spacings.
    multiplicity : (n,) how many are equivalent, Friedel's mates among them.
    strength : (n,) |F|^2 of one of them, in squared electrons for X-rays, in fm^2 for neutrons.
    reciprocal : (3, 3) reciprocal lattice vectors as columns, in 1/angstrom.
    rotations : (m, 3, 3) of the point group on indices, h' = h @ R.
    """

    indices: NDArray[np.int32]
    d_angstrom: Numbers
    multiplicity: NDArray[np.int64]
    strength: Numbers
    reciprocal: Numbers
    rotations: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.d_angstrom)


def reflections(
    crystal: Crystal, d_range_angstrom: tuple[float, float], *, b_angstrom2: float = 0.0, radiation: str = X_RAYS
) -> Reflections:
    """All reflections of a crystal within a range of d that its space group does not forbid.

    Parameters
    ----------
    crystal : in its standardised conventional cell (`simulation.crystal.standardised`).
    d_range_angstrom : smallest and largest d.
    b_angstrom2 : B of all atoms.

    Raises StemdlError for a range that is not one, and for a radiation other than X-rays and neutrons.
    """
    unique = allowed(crystal.space_group, crystal.cell, d_range_angstrom)
    amplitudes = structure_factors(crystal, unique.indices, b_angstrom2=b_angstrom2, radiation=radiation)
    return with_strength(unique, amplitudes.real**2 + amplitudes.imag**2)


def allowed(space_group: int, cell: Numbers, d_range_angstrom: tuple[float, float]) -> Reflections:
    """The reflections that a space group allows on a lattice (3, 3; vectors as rows), all of strength 1. Raises
    StemdlError for a range that is not one."""
    import gemmi

    low, high = d_range_angstrom
    if not 0.0 < low < high:
        raise StemdlError("this is not a range of d", expected="two rising lengths in angstrom", found=d_range_angstrom)
    symmetry = _symmetry(space_group)
    lengths = np.linalg.norm(cell, axis=1)
    one, two, three = cell / lengths[:, None]
    angles = np.degrees(np.arccos(np.clip([two @ three, one @ three, one @ two], -1.0, 1.0)))
    metric = gemmi.UnitCell(*map(float, lengths), *map(float, angles))
    indices = gemmi.make_miller_array(metric, symmetry.group, low, high, True)
    reciprocal = np.linalg.inv(cell)
    d = 1.0 / np.linalg.norm(indices @ reciprocal.T, axis=1)
    order = np.argsort(-d, kind="stable")
    indices, d = np.ascontiguousarray(indices[order]), d[order]
    operations = symmetry.operations
    alike = operations.epsilon_factor_without_centering_array(indices)
    friedel = np.where(operations.centric_flag_array(indices), 1, 2)
    multiplicity = len(operations.sym_ops) // alike.astype(np.int64) * friedel
    return Reflections(indices, d, multiplicity, np.ones(len(d)), reciprocal, symmetry.rotations)


def with_strength(unique: Reflections, strength: Numbers) -> Reflections:
    """The same reflections of other strengths (n,)."""
    return Reflections(
        unique.indices, unique.d_angstrom, unique.multiplicity, strength, unique.reciprocal, unique.rotations
    )


def structure_factors(
    crystal: Crystal, indices: NDArray[np.int32], *, b_angstrom2: float = 0.0, radiation: str = X_RAYS
) -> NDArray[np.complex128]:
    """F (n,) of reflections (n, 3), in electrons, or in fm for neutrons: the sum over all atoms of the cell of
    f exp(2 pi i h x) exp(-B / 4 d^2). Raises StemdlError for a radiation other than X-rays and neutrons."""
    if radiation not in (X_RAYS, NEUTRONS):
        raise StemdlError("there is no such radiation", expected=f"{X_RAYS} or {NEUTRONS}", found=radiation)
    g = np.linalg.norm(indices @ np.linalg.inv(crystal.cell).T, axis=1)
    found = np.zeros(len(indices), dtype=np.complex128)
    for number in np.unique(crystal.numbers):
        phases = 2.0 * np.pi * (indices @ crystal.positions[crystal.numbers == number].T)
        factor = x_ray_scattering_factor(int(number), g) if radiation == X_RAYS else _neutron_length_fm(int(number))
        found += factor * (np.cos(phases).sum(axis=1) + 1j * np.sin(phases).sum(axis=1))
    return found * np.exp(-b_angstrom2 * g**2 / 4.0)


@functools.cache
def _neutron_length_fm(number: int) -> float:
    """The bound coherent scattering length of an element in its natural mixture of isotopes."""
    import gemmi

    return float(gemmi.Element(number).neutron92.get_coefs()[0])


@dataclass(frozen=True, eq=False)
class _Symmetry:
    """A space group in its standard setting as gemmi has it, and its point group's (m, 3, 3) rotations of indices."""

    group: object
    operations: object
    rotations: NDArray[np.int64]


@functools.cache
def _symmetry(space_group: int) -> _Symmetry:
    import gemmi

    group = gemmi.find_spacegroup_by_number(space_group)
    operations = group.operations()
    rotations = np.array([each.rot for each in operations.sym_ops], dtype=np.int64) // gemmi.Op.DEN
    return _Symmetry(group, operations, rotations)
