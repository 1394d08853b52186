"""Crystals that stand in for real ones: of their group, within limits, chemically possible, near a higher symmetry."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import spglib

from benchmark.definition.benchmark import CrystalRecipe, load_benchmark
from benchmark.foundation.errors import StemdlError
from benchmark.simulation import realistic
from benchmark.simulation.chemistry import contact_angstrom
from benchmark.simulation.crystal import TOLERANCES_ANGSTROM, Crystal, nearest_angstrom
from benchmark.simulation.draw import draw_crystal

RECIPE = load_benchmark().crystals["realistic"]


def found_at(crystal: Crystal, tolerance: float) -> int:
    return spglib.get_symmetry_dataset((crystal.cell, crystal.positions, crystal.numbers), symprec=tolerance).number


@pytest.mark.parametrize("first", range(1, 231, 23))
def test_every_space_group_has_crystals(first: int) -> None:
    for space_group in range(first, first + 23):
        crystal = draw_crystal(space_group, RECIPE, np.random.default_rng(space_group))
        assert crystal.space_group == space_group
        assert {found_at(crystal, tolerance) for tolerance in TOLERANCES_ANGSTROM} == {space_group}
        assert len(crystal.numbers) <= RECIPE.realistic.most_atoms_per_cell
        assert crystal.lengths_angstrom.max() <= RECIPE.realistic.longest_edge_angstrom
        for number, position in zip(crystal.numbers, crystal.positions, strict=True):
            contacts = [contact_angstrom(int(number), int(other), ionic=False) for other in crystal.numbers]
            # 0.70 of a contact in a parent, 0.85 of that in what became of it; 1.05 for cations of a salt
            assert (nearest_angstrom(crystal.cell, position, crystal.positions)
                    / contacts).min() >= 0.85 * realistic.CONTACTS[2] - 1e-6


def test_the_same_seed_draws_the_same_crystal() -> None:
    first, again, other = (draw_crystal(14, RECIPE, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.positions, again.positions)
    np.testing.assert_array_equal(first.cell, again.cell)
    assert first.formula == again.formula and first.formula != other.formula


def shares_near_a_higher_group(monkeypatch: pytest.MonkeyPatch, steps: tuple[float, ...]) -> float:
    """Of drawn Pnma crystals, the share for which a tolerance of 0.9 Angstrom finds another, higher group."""
    monkeypatch.setattr(realistic, "STEPS_UP", steps)
    higher = 0
    for seed in range(12):
        crystal = draw_crystal(33, RECIPE, np.random.default_rng(seed))
        dataset = spglib.get_symmetry_dataset((crystal.cell, crystal.positions, crystal.numbers), symprec=0.9)
        higher += dataset is not None and dataset.number != 33
    return higher / 12


def test_distorted_crystals_lie_near_a_higher_symmetry(monkeypatch: pytest.MonkeyPatch) -> None:
    distorted = shares_near_a_higher_group(monkeypatch, (0.0, 1.0))
    free = shares_near_a_higher_group(monkeypatch, (1.0,))
    assert distorted >= 0.5 and distorted > free + 0.2, (distorted, free)


def test_shared_counts_come_from_the_list() -> None:
    always = dataclasses.replace(RECIPE, realistic=dataclasses.replace(RECIPE.realistic, shared_counts=1.0))
    totals = {sum(entry) for entry in RECIPE.element_counts["cubic"]}
    for group in (205, 221, 227):
        for seed in range(4):
            assert len(draw_crystal(group, always, np.random.default_rng(seed)).numbers) in totals


def test_salts_and_alloys_are_drawn_in_their_shares() -> None:
    from benchmark.simulation.chemistry import is_anion

    def with_anions(share: float) -> int:
        recipe: CrystalRecipe = dataclasses.replace(
            RECIPE, realistic=dataclasses.replace(RECIPE.realistic, anion_rich=share))
        crystals = [draw_crystal(166, recipe, np.random.default_rng(seed)) for seed in range(6)]
        return sum(any(is_anion(int(z)) for z in crystal.numbers) for crystal in crystals)

    assert with_anions(1.0) == 6 and with_anions(0.0) == 0


def test_limits_that_cannot_be_kept_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realistic, "ATTEMPTS", 30)
    tight = dataclasses.replace(RECIPE, realistic=dataclasses.replace(RECIPE.realistic, most_atoms_per_cell=10))
    with pytest.raises(StemdlError, match="space group 230.*30 attempts"):
        draw_crystal(230, tight, np.random.default_rng(0))
