"""No two groups of a crystal system are told apart by what a table of their compounds shows."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np
import pytest

from benchmark.crystals.leaks import FEATURES, metadata_features, pairwise_accuracies
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.cbed import CbedRung
from benchmark.simulation.crystal import Crystal, crystal_system
from benchmark.simulation.draw import draw_crystal
from benchmark.simulation.recipes import CrystalRecipe

RUNG = CbedRung.of(load_benchmark("space_group").rung("stemdl_mini"))
LIMIT = 0.75


def _features(space_group: int, recipe: CrystalRecipe, count: int) -> np.ndarray:
    return np.array(
        [
            metadata_features(draw_crystal(space_group, recipe, np.random.default_rng([space_group, seed])))
            for seed in range(count)
        ]
    )


def test_features_are_what_they_are_called() -> None:
    crystal = Crystal(2.0 * np.eye(3), np.array([1, 1, 1, 5]), np.zeros((4, 3)), 1)
    assert dict(zip(FEATURES, metadata_features(crystal), strict=True)) == pytest.approx(
        {
            "volume_angstrom3": 8.0,
            "atoms": 4,
            "volume_per_atom_angstrom3": 2.0,
            "elements": 2,
            "mean_z": 2.0,
            "std_z": 3.0**0.5,
            "min_z": 1,
            "max_z": 5,
            "largest_fraction": 0.75,
            "smallest_fraction": 0.25,
        }
    )


@pytest.mark.slow
def test_no_pair_of_one_system_is_told_apart() -> None:
    """Measured with 140 crystals a group: worst pair 225 and 227 with 0.59, where 0.5 is chance."""
    by_system: dict[str, dict[int, np.ndarray]] = defaultdict(dict)
    for group in RUNG.space_groups:
        by_system[crystal_system(group)][group] = _features(group, RUNG.crystals, 40)
    accuracies = {
        pair: accuracy for features in by_system.values() for pair, accuracy in pairwise_accuracies(features).items()
    }
    assert len(accuracies) == 40
    worst = max(accuracies, key=accuracies.get)
    print(f"worst pair: {worst[0]} and {worst[1]}, accuracy {accuracies[worst]:.3f}")
    assert accuracies[worst] < LIMIT, worst


@pytest.mark.parametrize(
    "leaky",
    [
        {"volume_per_atom_angstrom3": (16.8, 18.0)},
        {"elements": ("Li", "B", "C", "N", "O", "F", "Na", "Mg")},
        {"element_counts": {"orthorhombic": ((4, 4, 8), (4, 8, 8))}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_leak_is_found(leaky: dict) -> None:
    features = {
        62: _features(62, RUNG.crystals, 60),
        63: _features(63, dataclasses.replace(RUNG.crystals, **leaky), 60),
    }
    assert pairwise_accuracies(features)[62, 63] > LIMIT
