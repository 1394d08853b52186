"""What is kept of a data set that is looked over: percentiles, a sample of its stacks, reduced patterns."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.tasks.space_group.exploring.overview import RadialHistogram, Reservoir, reduced_to


def test_radial_percentiles_are_numpy_s() -> None:
    generator = np.random.default_rng(0)
    patterns = (10.0 ** generator.uniform(-6, -1, size=(3, 64, 64))).astype(np.float32)
    histogram = RadialHistogram(64)
    histogram.add(patterns)
    y, x = np.indices((64, 64)) - 31.5
    ring = (np.hypot(x, y) >= 20) & (np.hypot(x, y) < 21)
    for percent in (50.0, 90.0, 99.0):
        assert histogram.percentile(percent)[20] == pytest.approx(np.percentile(patterns[:, ring], percent), rel=0.12)
    histogram.counts[:] = 0
    histogram.add(np.where(np.hypot(x, y) > 10, 0.0, 0.1).astype(np.float32)[None])
    assert histogram.percentile(50.0)[20] == 0.0 and histogram.percentile(50.0)[3] == pytest.approx(0.1, rel=0.03)


def test_a_reservoir_keeps_each_item_as_likely_as_any_other() -> None:
    kept = np.zeros(40)
    reservoirs = [Reservoir(10) for _ in range(400)]
    for seed, reservoir in enumerate(reservoirs):
        reservoir._generator = np.random.default_rng(seed)
        for item in range(40):
            reservoir.offer(item)
        assert len(set(reservoir.items)) == 10
        kept[reservoir.items] += 1
    assert abs(kept - 100).max() < 5 * np.sqrt(400 * 0.25 * 0.75)


def test_reduced_patterns_keep_their_intensity() -> None:
    patterns = np.random.default_rng(0).random((3, 50, 50), dtype=np.float32)
    small = reduced_to(patterns, 16)
    assert small.shape == (3, 16, 16)
    np.testing.assert_allclose(small.sum(axis=(1, 2)), patterns.sum(axis=(1, 2)), rtol=1e-5)
    assert reduced_to(patterns, 64).shape == (3, 50, 50)
