"""Crystals that stand in for real ones: of their group, within limits, chemically possible, near a higher symmetry."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import spglib

from benchmark.crystals.leaks import metadata_features, pairwise_accuracies
from benchmark.foundation.errors import StemdlError
from benchmark.simulation import lattice, placement, realistic
from benchmark.simulation.cbed import crystals_named
from benchmark.simulation.chemistry import atom_volume_angstrom3, contact_angstrom
from benchmark.simulation.crystal import TOLERANCES_ANGSTROM, Crystal, crystal_system, nearest_angstrom
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.recipes import CrystalRecipe

RECIPE = crystals_named("realistic")


def found_at(crystal: Crystal, tolerance: float) -> int:
    return spglib.get_symmetry_dataset((crystal.cell, crystal.positions, crystal.numbers), symprec=tolerance).number


@pytest.mark.parametrize("first", range(1, 231, 23))
def test_every_space_group_has_crystals(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn in the group itself: finding the supergroups of 230 groups would take most of the time."""
    monkeypatch.setattr(realistic, "STEPS_UP", (1.0,))
    for space_group in range(first, first + 23):
        crystal = draw_crystal(space_group, RECIPE, np.random.default_rng(space_group))
        assert crystal.space_group == space_group
        assert {found_at(crystal, tolerance) for tolerance in TOLERANCES_ANGSTROM} == {space_group}
        most = 240 if space_group in realistic.ONLY_IN_GENERAL_POSITIONS else RECIPE.realistic.most_atoms_per_cell
        assert len(crystal.numbers) <= most
        assert crystal.lengths_angstrom.max() <= RECIPE.realistic.longest_edge_angstrom
        for number, position in zip(crystal.numbers, crystal.positions, strict=True):
            contacts = [contact_angstrom(int(number), int(other), ionic=False) for other in crystal.numbers]
            # 0.70 of a contact in a parent, 0.85 of that in what became of it; 1.05 for cations of a salt
            assert (
                nearest_angstrom(crystal.cell, position, crystal.positions) / contacts
            ).min() >= 0.85 * realistic.CONTACTS[2] - 1e-6


def test_the_same_seed_draws_the_same_crystal() -> None:
    first, again, other = (draw_crystal(14, RECIPE, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.positions, again.positions)
    np.testing.assert_array_equal(first.cell, again.cell)
    assert first.formula == again.formula and first.formula != other.formula


def test_crystals_begin_as_ones_of_higher_symmetry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither displaced nor reordered nor strained, the parent's group is another one, and none is ever found."""
    for name, value in (("STEPS_UP", (0.0, 1.0)), ("REORDERED", 0.0), ("ATTEMPTS", 60)):
        monkeypatch.setattr(realistic, name, value)
    monkeypatch.setattr(lattice, "MOST_STRAIN", 0.0)
    assert draw_crystal(33, RECIPE, np.random.default_rng(1)).space_group == 33
    monkeypatch.setattr(placement, "DISPLACEMENT_ANGSTROM", (1e-6, 2e-6))
    with pytest.raises(StemdlError, match="no crystal of space group 33"):
        draw_crystal(33, RECIPE, np.random.default_rng(1))


def sharing(share: float) -> CrystalRecipe:
    return dataclasses.replace(RECIPE, realistic=dataclasses.replace(RECIPE.realistic, shared_counts=share))


def test_shared_metadata_come_from_the_list_and_are_held_on_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until atoms fit: those that fit most easily would otherwise be a group's own."""
    tried: list = []
    draw = realistic._draw_metadata
    monkeypatch.setattr(realistic, "_draw_metadata", lambda *given: tried.append(draw(*given)) or tried[-1])
    drawn = 0
    for seed in range(12):
        group = (14, 63, 139, 225)[seed % 4]
        crystal = draw_crystal(group, sharing(1.0), np.random.default_rng(seed))
        numbers, counts = tried[-1].composition.numbers, tried[-1].counts
        assert tuple(sorted(counts)) in RECIPE.element_counts[crystal_system(group)]
        assert dict(zip(*np.unique(crystal.numbers, return_counts=True), strict=True)) == dict(
            zip(numbers, counts, strict=True)
        )
        asked = sum(count * atom_volume_angstrom3(number) for number, count in zip(numbers, counts, strict=True))
        assert crystal.volume_angstrom3 == pytest.approx(tried[-1].volume_factor * asked)
        drawn += len(tried)
        tried.clear()
    assert drawn <= 14


@pytest.mark.slow
def test_shared_metadata_do_not_tell_groups_apart() -> None:
    """Of groups whose own crystals are told apart by them: a centred cell holds more atoms."""

    def accuracy(share: float) -> float:
        features = {
            group: np.array(
                [
                    metadata_features(draw_crystal(group, sharing(share), np.random.default_rng(seed)))
                    for seed in range(group, group + 15)
                ]
            )
            for group in (221, 227)
        }
        return pairwise_accuracies(features)[221, 227]

    assert accuracy(1.0) < 0.65 < 0.75 < accuracy(0.0)


def test_salts_and_alloys_are_drawn_in_their_shares() -> None:
    from benchmark.simulation.chemistry import is_anion

    def with_anions(share: float) -> int:
        recipe: CrystalRecipe = dataclasses.replace(
            RECIPE, realistic=dataclasses.replace(RECIPE.realistic, anion_rich=share)
        )
        crystals = [draw_crystal(166, recipe, np.random.default_rng(seed)) for seed in range(6)]
        return sum(any(is_anion(int(z)) for z in crystal.numbers) for crystal in crystals)

    assert with_anions(1.0) == 6 and with_anions(0.0) == 0


def test_limits_that_cannot_be_kept_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realistic, "ATTEMPTS", 30)
    tight = dataclasses.replace(RECIPE, realistic=dataclasses.replace(RECIPE.realistic, most_atoms_per_cell=10))
    with pytest.raises(StemdlError, match="space group 230.*30 attempts"):
        draw_crystal(230, tight, np.random.default_rng(0))
