"""What makes a density local: kinds of defects, each a change of a crystal's columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchmark.tasks.density.columns import AtomColumns

DISPLACED_ANGSTROM = 0.15
"""Standard deviation of a displaced column along x and along y, without thermal motion."""
CHANGED_COLUMNS, CHANGED_ATOMS = 0.12, 0.7
"""Share of the columns with vacancies or substitutes, and of the atoms of such a column that are missing or others."""
OFF_CENTRE = 0.3
"""How far an edge or a boundary lies from the middle at most, as a share of the scanned square's side."""
BOUNDARY_GAP_ANGSTROM = 0.5
"""Atoms this close to a boundary have no mirror image."""

Change = Callable[[AtomColumns, float, np.random.Generator], AtomColumns]
"""`change(columns, field_angstrom, generator)`: the columns with the defect, which lies within the scanned square."""


def _perfect(columns: AtomColumns, field_angstrom: float, generator: np.random.Generator) -> AtomColumns:
    return columns


def _displaced(columns: AtomColumns, field_angstrom: float, generator: np.random.Generator) -> AtomColumns:
    """Each column away from its place, as a whole."""
    moves = generator.normal(scale=DISPLACED_ANGSTROM, size=(columns.count, 2))
    columns.positions[:, :2] += moves[columns.column]
    return columns


def _changed(columns: AtomColumns, generator: np.random.Generator) -> np.ndarray:
    """(m,) which atoms are to be changed."""
    chosen = generator.random(columns.count) < CHANGED_COLUMNS
    return chosen[columns.column] & (generator.random(len(columns.column)) < CHANGED_ATOMS)


def _vacancies(columns: AtomColumns, field_angstrom: float, generator: np.random.Generator) -> AtomColumns:
    return columns.kept(~_changed(columns, generator))


def _substitutions(columns: AtomColumns, field_angstrom: float, generator: np.random.Generator) -> AtomColumns:
    """An element by one of another row of the periodic table: lighter for heavy ones, heavier for light ones."""
    changed = _changed(columns, generator)
    heavier = int(generator.integers(30, 58))
    lighter = int(generator.integers(6, 20))
    columns.numbers = np.where(changed, np.where(columns.numbers < 25, heavier, lighter), columns.numbers)
    return columns


def _line(columns: AtomColumns, field_angstrom: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(m,) distances of the atoms from a random line through the scanned square, and (2,) its normal."""
    angle, offset = generator.uniform(0.0, 2.0 * np.pi), generator.uniform(-OFF_CENTRE, OFF_CENTRE) * field_angstrom
    normal = np.array([np.cos(angle), np.sin(angle)])
    return columns.positions[:, :2] @ normal - offset, normal


def _edge(columns: AtomColumns, field_angstrom: float, generator: np.random.Generator) -> AtomColumns:
    """Vacuum beyond a line."""
    distance, _ = _line(columns, field_angstrom, generator)
    return columns.kept(distance < 0.0)


def _boundary(columns: AtomColumns, field_angstrom: float, generator: np.random.Generator) -> AtomColumns:
    """A twin: beyond a line, the mirror image of what lies before it, moved along the line."""
    distance, normal = _line(columns, field_angstrom, generator)
    slip = generator.uniform(-1.5, 1.5) * np.array([-normal[1], normal[0]])
    here = columns.kept(distance < 0.0)
    image = columns.kept(distance < -BOUNDARY_GAP_ANGSTROM)
    before = distance[distance < -BOUNDARY_GAP_ANGSTROM]
    image.positions[:, :2] += slip - 2.0 * before[:, None] * normal
    return AtomColumns(
        np.concatenate([here.numbers, image.numbers]),
        np.concatenate([here.positions, image.positions]),
        np.concatenate([here.column, image.column + columns.count]),
        2 * columns.count,
    )


KINDS: Mapping[str, Change] = {
    "perfect": _perfect,
    "displaced": _displaced,
    "vacancies": _vacancies,
    "substitutions": _substitutions,
    "edge": _edge,
    "boundary": _boundary,
}
