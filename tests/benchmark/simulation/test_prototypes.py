"""Prototypes with other elements keep their structure and group, and get the volume that the elements ask for."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.foundation.errors import StemdlError
from benchmark.simulation.chemistry import atom_volume_angstrom3, is_anion
from benchmark.simulation.crystal import Crystal, standardised
from benchmark.simulation.prototypes import substituted

RUTILE = standardised(
    np.diag([4.59, 4.59, 2.96]),
    np.array([22, 22, 8, 8, 8, 8]),
    np.array(
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.305, 0.305, 0], [0.695, 0.695, 0], [0.195, 0.805, 0.5], [0.805, 0.195, 0.5]]
    ),
)
COPPER = standardised(
    3.61 * np.eye(3), np.full(4, 29), np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
)


def test_a_compound_in_the_rutile_structure() -> None:
    made = [substituted(RUTILE, np.random.default_rng(seed)) for seed in range(12)]
    assert len({crystal.formula for crystal in made}) > 8
    for crystal in made:
        assert crystal.space_group == 136 and len(crystal.numbers) == 6
        numbers, counts = np.unique(crystal.numbers, return_counts=True)
        anion, cation = sorted(map(int, numbers), key=is_anion, reverse=True)
        assert is_anion(anion) and not is_anion(cation)
        assert dict(zip(numbers.tolist(), counts.tolist(), strict=True)) == {anion: 4, cation: 2}
        asked = sum(atom_volume_angstrom3(int(number)) for number in crystal.numbers)
        assert 0.6 < crystal.volume_angstrom3 / asked < 1.6
        a, b, c = crystal.lengths_angstrom
        assert a == pytest.approx(b) and 0.5 < c / a < 0.8
        free = np.sort(crystal.positions[crystal.numbers == anion][:, 0])[0]
        assert 0.1 < free < 0.28 or 0.28 < free < 0.36


def test_metals_stay_metals_and_seeds_repeat() -> None:
    first, again, other = (substituted(COPPER, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.formula == again.formula and first.formula != other.formula
    np.testing.assert_array_equal(first.cell, again.cell)
    assert first.space_group == 225 and not is_anion(int(first.numbers[0]))


def test_a_prototype_that_no_elements_fit_is_one_error() -> None:
    crowded = Crystal(3.0 * np.eye(3), np.array([29, 29]), np.array([[0.0, 0.0, 0.0], [0.02, 0.0, 0.0]]), 1)
    with pytest.raises(StemdlError, match="no elements fit"):
        substituted(crowded, np.random.default_rng(0))
