"""A crystal that is quickly at hand, and the smoke rung's own samples."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.data.generate import generate
from benchmark.data.manifest import Manifest
from benchmark.data.recipe import Sample, recipe_of, samples_of_unit
from benchmark.definition.finder import load_benchmark
from benchmark.definition.rung import Rung
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


@pytest.fixture(scope="session")
def few() -> Rung:
    """The smoke rung with one specimen of each split."""
    rung = load_benchmark("density").rung("density_smoke")
    samples = {"train": 1, "dev": 1, "test": 1}
    return dataclasses.replace(rung, samples=samples, named_by={**rung.named_by, "samples": samples})


@pytest.fixture(scope="session")
def made(few: Rung, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Its data set."""
    return generate(few, tmp_path_factory.mktemp("density") / "few")


@pytest.fixture
def scan(smoke: list[Sample]) -> NDArray[np.float32]:
    return np.asarray(smoke[0].arrays["scan"])
