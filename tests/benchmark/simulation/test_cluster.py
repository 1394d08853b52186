"""Clusters have as many atoms as are asked for, and are broken as is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.cluster import Cluster, Damage, broken, cluster_of, nearest_mean_angstrom
from benchmark.simulation.crystal import cell_from_parameters

SIMPLE = np.zeros((1, 3))


def simple(atoms: int = 216) -> Cluster:
    return cluster_of(3.0 * np.eye(3), np.array([84]), SIMPLE, atoms)


def test_cells_are_added_where_the_cluster_is_shortest() -> None:
    assert len(simple(200).numbers) == 6 * 6 * 6
    long = cluster_of(np.diag([3.0, 3.0, 12.0]), np.array([84]), SIMPLE, 250)
    extent = np.ptp(long.positions, axis=0)
    assert len(long.numbers) >= 250 and extent.max() - extent.min() <= 12.0
    cell = cell_from_parameters(np.array([3.0, 3.0, 5.0]), np.array([90.0, 90.0, 120.0]))
    hexagonal = cluster_of(cell, np.array([30, 30]), np.array([[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]), 250)
    assert 250 <= len(hexagonal.numbers) <= 320
    volume = abs(np.linalg.det(hexagonal.box)) / abs(np.linalg.det(cell))
    assert 2 * round(volume) == len(hexagonal.numbers)
    assert nearest_mean_angstrom(simple().positions) == pytest.approx(3.0)


@given(
    st.floats(0.0, 0.5), st.floats(0.0, 0.7), st.floats(0.0, 1.0), st.floats(0.0, 0.1), st.integers(0, 2**32)
)  # fmt: skip
def test_defects_are_as_many_as_is_said(
    surface: float, vacancies: float, substituted: float, displaced: float, seed: int
) -> None:
    whole = simple()
    how = Damage(surface, vacancies, substituted, displaced)
    one, again = (broken(whole, how, (26, 84, 79), np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(one.positions, again.positions) and np.array_equal(one.numbers, again.numbers)
    left = 216 - int(surface * 216)
    left -= int(vacancies * left)
    assert len(one.numbers) == len(one.positions) == left
    assert (one.numbers != 84).sum() == int(substituted * left) and set(one.numbers) <= {84, 26, 79}
    assert (whole.numbers == 84).all()
    if not displaced:
        where = {tuple(row) for row in np.round(whole.positions, 6)}
        assert {tuple(row) for row in np.round(one.positions, 6)} <= where


def test_displacements_are_normal_and_in_units_of_the_nearest_distance() -> None:
    whole = simple(1000)
    moved = broken(whole, Damage(displaced=0.05), (), np.random.default_rng(0)).positions - whole.positions
    assert moved.std() == pytest.approx(0.05 * 3.0, rel=0.05) and abs(moved.mean()) < 0.01


def test_a_surface_is_a_plane() -> None:
    """Across the direction that is drawn first, all that is gone lies beyond all that is left."""
    whole = simple()
    cut = broken(whole, Damage(surface=0.4), (), np.random.default_rng(3))
    direction = np.random.default_rng(3).normal(size=3)
    kept = {tuple(row) for row in cut.positions}
    depths = {there: [row @ direction for row in whole.positions if (tuple(row) in kept) == there] for there in (0, 1)}
    assert len(depths[1]) == 216 - int(0.4 * 216) and max(depths[1]) <= min(depths[0])


def test_what_cannot_be_broken_so_is_refused() -> None:
    with pytest.raises(StemdlError, match="hardly an atom"):
        broken(simple(), Damage(vacancies=0.99), (), np.random.default_rng(0))
    with pytest.raises(StemdlError, match="another element"):
        broken(simple(), Damage(substituted=0.1), (84,), np.random.default_rng(0))
    with pytest.raises(StemdlError, match="vacancies is not a share"):
        Damage(vacancies=1.5)
