"""A crystal that is quickly at hand, and the smoke rung's own samples."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.data.recipe import Sample, recipe_of, samples_of_unit
from benchmark.definition.finder import load_benchmark
from benchmark.simulation.crystal import Crystal


@pytest.fixture(scope="session")
def srtio3() -> Crystal:
    positions = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    return Crystal(3.905 * np.eye(3), np.array([38, 22, 8, 8, 8]), positions, 221)


@pytest.fixture(scope="session")
def smoke() -> list[Sample]:
    """The first four specimens of each split."""
    rung = load_benchmark("density").rung("density_smoke")
    recipe = recipe_of(rung)
    chosen = [unit for unit in recipe.units() if int(unit.identifier[-6:]) < 4]
    return [sample for unit in chosen for sample in samples_of_unit(recipe, rung, unit)]
