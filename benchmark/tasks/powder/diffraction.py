"""The lines of a powder: where Bragg's law puts them, and how strong the structure makes them.

Intensities are |F|^2 with the form factors of International Tables C (6.1.1.4, through gemmi) and one isotropic
Debye-Waller factor, times the Lorentz and polarisation factors of a diffractometer without a monochromator,
(1 + cos^2 2 theta) / (sin^2 theta cos theta) (ibid., 6.2).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.simulation.crystal import Crystal

Numbers = NDArray[np.float64]
SAME_LINE = 1e-6
"""Relative, in 1/d: reflections nearer than that are one line."""
LEAST = 1e-4
"""Of the strongest line; weaker ones are left out."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Of a powder: (n,) 1/d in 1/angstrom, rising, and (n,) |F|^2 summed over the reflections of each line."""

    inverse_d: Numbers
    strength: Numbers


def reflections(cell: Numbers, range_per_angstrom: tuple[float, float]) -> tuple[NDArray[np.int32], Numbers]:
    """One of each Friedel pair of reflections within a range of 1/d, by rising 1/d: (n, 3) indices and (n,) 1/d. `cell`
    has lattice vectors as rows, in angstrom."""
    low, high = range_per_angstrom
    most = np.floor(high * np.linalg.norm(cell, axis=1)).astype(int)
    sides = [np.arange(0 if axis == 0 else -n, n + 1, dtype=np.int32) for axis, n in enumerate(most)]
    grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
    first, second, third = grid.T
    grid = grid[(first > 0) | ((first == 0) & ((second > 0) | ((second == 0) & (third > 0))))]
    inverse_d = np.linalg.norm(grid @ np.linalg.inv(cell).T, axis=1)
    within = np.flatnonzero((inverse_d >= low) & (inverse_d <= high))
    within = within[np.argsort(inverse_d[within], kind="stable")]
    return grid[within], inverse_d[within]


def lines_of(crystal: Crystal, range_per_angstrom: tuple[float, float], b_angstrom2: float) -> Lines:
    """The lines of a crystal's powder within a range of 1/d, with a Debye-Waller factor exp(-B / 4 d^2)."""
    indices, inverse_d = reflections(crystal.cell, range_per_angstrom)
    s2 = inverse_d**2 / 4.0
    amplitude = np.zeros(len(indices), dtype=complex)
    for number in np.unique(crystal.numbers):
        phases = 2.0 * np.pi * (indices @ crystal.positions[crystal.numbers == number].T)
        amplitude += _form_factor(int(number), s2) * np.exp(1j * phases).sum(axis=1)
    return gathered(inverse_d, np.abs(amplitude * np.exp(-b_angstrom2 * s2)) ** 2)


def gathered(inverse_d: Numbers, strength: Numbers) -> Lines:
    """Reflections of the same d, which rise, as one line each; lines that nobody would see are left out."""
    if not len(inverse_d):
        return Lines(inverse_d, strength)
    begins = np.concatenate([[True], np.diff(inverse_d) > SAME_LINE * inverse_d[1:]])
    first = np.flatnonzero(begins)
    summed = np.add.reduceat(strength, first)
    seen = summed > LEAST * summed.max()
    return Lines(inverse_d[first][seen], summed[seen])


def two_theta_degrees(inverse_d: Numbers, wavelength_angstrom: float) -> Numbers:
    """Bragg's law. NaN where there is no reflection at that wavelength."""
    with np.errstate(invalid="ignore"):
        return np.asarray(2.0 * np.degrees(np.arcsin(inverse_d * wavelength_angstrom / 2.0)))


def lorentz_polarisation(two_theta: Numbers) -> Numbers:
    """Of 2 theta in degrees."""
    theta = np.radians(two_theta) / 2.0
    return np.asarray((1.0 + np.cos(2.0 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta)))


@functools.cache
def _coefficients(number: int) -> tuple[Numbers, Numbers, float]:
    import gemmi

    table = gemmi.Element(number).it92
    return np.array(table.a), np.array(table.b), float(table.c)


def _form_factor(number: int, s2: Numbers) -> Numbers:
    a, b, c = _coefficients(number)
    return np.asarray(np.exp(-np.outer(s2, b)) @ a + c)
