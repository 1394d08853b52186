"""Which column is which, and so which is displaced or thinned, is the crystal's and the view's: no rounding says it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.simulation.crystal import Crystal
from benchmark.simulation.zone import Zone, project
from benchmark.tasks.density import columns
from benchmark.tasks.density.columns import CrystalView, columns_of, settled

AXES = [((0, 0, 1), (1, 0, 0)), ((1, 1, 1), (1, -1, 0)), ((1, -1, 0), (0, 0, 1)), ((2, 1, 1), (0, 1, -1))]
VIEWS = [CrystalView(axis, right, 0.3, (0.0, 0.0), (0.21, 0.32, 0.13)) for axis, right in AXES]
BASES = [[[0, 1], [1, 0]], [[-1, 0], [0, 1]], [[1, 1], [0, 1]], [[1, 0], [-1, -1]], [[0, -1], [1, 1]]]


def _otherwise(zone: Zone, basis: np.ndarray) -> Zone:
    """The same zone as another processor may give it: in another basis of its lattice, with atoms in other cells, a
    Laue zone counted from another reflection, and other last bits."""
    lattice = basis @ zone.lattice
    noise = 1e-12 * np.random.default_rng(0).normal(size=zone.positions.shape)
    positions = (zone.positions @ np.linalg.inv(basis) + noise) % 1.0
    reflection = np.linalg.inv(lattice).T[0]
    return replace(
        zone,
        lattice=lattice,
        positions=positions,
        heights=(zone.heights + positions @ lattice @ reflection) % 1.0,
        layer_shift=zone.layer_shift + reflection,
    )


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("view", VIEWS)
def test_columns_are_the_same_in_any_basis(
    view: CrystalView, basis: list[list[int]], srtio3: Crystal, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = columns_of(srtio3, view, 12.0, 20.0)
    other = _otherwise(project(srtio3, view.axis, view.right), np.array(basis))
    monkeypatch.setattr(columns, "project", lambda *_: other)
    found = columns_of(srtio3, view, 12.0, 20.0)
    assert np.array_equal(found.numbers, own.numbers) and np.array_equal(found.column, own.column)
    np.testing.assert_allclose(found.positions, own.positions, atol=1e-8)


def test_a_settled_zone_is_the_same_crystal(srtio3: Crystal) -> None:
    for view in VIEWS:
        zone = project(srtio3, view.axis, view.right)
        found = settled(zone)
        change = found.lattice @ np.linalg.inv(zone.lattice)
        np.testing.assert_allclose(change, np.rint(change), atol=1e-9)
        assert np.linalg.det(found.lattice) == pytest.approx(abs(np.linalg.det(zone.lattice)))
        moves = (found.positions @ found.lattice - zone.positions @ zone.lattice) @ np.linalg.inv(zone.lattice)
        np.testing.assert_allclose(moves, np.rint(moves), atol=1e-9)
        assert (found.positions > -1e-4).all() and (found.positions < 1.0).all()
        lengths = np.linalg.norm(found.lattice, axis=1)
        assert lengths[0] <= lengths[1] + 1e-4
