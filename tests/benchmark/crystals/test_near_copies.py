"""Recordings of one pattern are known as such whatever the dose, and other patterns are not."""

from __future__ import annotations

import numpy as np
import pytest
from counting import recounted

from benchmark.crystals import near_copies as near


@pytest.mark.parametrize("dose", [1e3, 1e5, 1e7])
def test_the_distance_of_noise_is_what_the_theory_says(dose: float) -> None:
    """Twenty recordings of one pattern: their mean squared distance, and none beyond the limit, any beam."""
    pattern = np.random.default_rng(0).exponential(size=(3, 32, 32)) ** 2
    pattern /= pattern.sum(axis=(1, 2), keepdims=True)
    described = [near.descriptor(recounted(pattern, dose, seed), dose) for seed in range(20)]
    squared = [float(((one - other) ** 2).sum()) for place, one in enumerate(described) for other in described[:place]]
    assert np.mean(squared) == pytest.approx(len(described[0]) / 2, rel=0.1)
    assert max(squared) < near.noise_distance(len(described[0])) ** 2
    other = near.descriptor(recounted(pattern * np.linspace(0.6, 1.4, 32), dose, 99), dose)
    assert np.linalg.norm(other - described[0]) > near.noise_distance(len(described[0]))


def test_patterns_without_a_description_are_left_out() -> None:
    good = near.descriptor(np.full((3, 8, 8), 1 / 64, np.float32), 1e6)
    assert good.shape == (192,) and np.isnan(near.descriptor(np.zeros((3, 8, 8), np.float32), 1e6)).all()
    table = np.stack([good, good, np.full_like(good, np.nan)])
    assert [pair[:2] for pair in near.near_copies(table, ["train", "test", "test"])] in ([(0, 1)], [(1, 0)])
    assert list(near.near_copies(table, ["train", "train", "test"])) == []
