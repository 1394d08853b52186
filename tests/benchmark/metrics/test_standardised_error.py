"""The error in standard deviations: what it is worth, what cannot game it, and that no order of summing shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from benchmark.definition.sample import Field, SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import Arrays, make_metric
from benchmark.metrics.standardised_error import MOST_ERROR, standardised

SCHEMA = SampleSchema((Field("x", (2,)),), (Field("rho", (6, 6)), Field("t", ()), Field("class", (), "int64")))
METRIC = make_metric("standardised_error", SCHEMA, ["rho"])


def _pictures(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(3.0, 2.0, size=(count, 6, 6)).astype(np.float32)


def _value(found: np.ndarray, true: np.ndarray) -> float:
    arrays: tuple[Arrays, Arrays] = ({"rho": found}, {"rho": true})
    return METRIC.value(METRIC.tally(*arrays))


def test_it_is_the_root_of_the_mean_square_error_of_z_scores() -> None:
    true, found = _pictures(7, 0), _pictures(7, 1)
    z = (true - true.mean(axis=(1, 2), keepdims=True)) / true.std(axis=(1, 2), keepdims=True)
    assert _value(found, true) == pytest.approx(math.sqrt(((found - z) ** 2).mean()), rel=1e-6)


def test_nothing_known_is_1_and_all_known_is_0() -> None:
    true = _pictures(5, 2)
    assert _value(np.zeros_like(true), true) == pytest.approx(1.0, abs=1e-6)
    assert _value(standardised(true), true) == 0.0


def test_units_of_the_target_do_not_matter_and_those_of_the_prediction_do() -> None:
    true, z = _pictures(5, 3), standardised(_pictures(5, 3)) * 0.9
    assert _value(z, 40.0 * true + 7.0) == pytest.approx(_value(z, true), rel=1e-5)
    assert _value(2.0 * z, true) > 5.0 * _value(z, true)
    assert _value(z + 1.0, true) > 5.0 * _value(z, true)


def test_a_wrong_picture_of_the_right_norm_is_wrong() -> None:
    """What the published code's own metric, which compares norms, gives 0 for."""
    z = standardised(_pictures(5, 4))
    assert _value(z[:, ::-1], z) > 1.0
    assert _value(-z, z) == pytest.approx(2.0, rel=1e-6)


@given(some.lists(some.integers(1, 4), min_size=1, max_size=5), some.integers(0, 99))
def test_any_batches_in_any_order_give_the_same_bits(sizes: list[int], seed: int) -> None:
    true, found = _pictures(sum(sizes), seed), _pictures(sum(sizes), seed + 1)
    whole = METRIC.tally({"rho": found}, {"rho": true})
    ends = np.cumsum(sizes)
    parts = [
        METRIC.tally({"rho": found[end - size : end]}, {"rho": true[end - size : end]})
        for size, end in zip(sizes, ends, strict=True)
    ]
    assert np.array_equal(sum(reversed(parts)), whole)


def test_what_is_not_finite_counts_as_wrong_as_can_be_and_no_contrast_as_0() -> None:
    true = _pictures(1, 5)
    for bad in (np.nan, np.inf, 1e30):
        assert _value(np.full_like(true, bad), true) == math.sqrt(MOST_ERROR)
    assert _value(np.zeros((1, 6, 6)), np.full((1, 6, 6), 4.0)) == 0.0


def test_what_is_no_picture_is_refused() -> None:
    for of in (["t"], ["class"], ["rho", "t"]):
        with pytest.raises(StemdlError, match="one target of many numbers"):
            make_metric("standardised_error", SCHEMA, of)
    with pytest.raises(StemdlError, match="another shape"):
        METRIC.tally({"rho": np.zeros((1, 36))}, {"rho": _pictures(1, 6)})
    with pytest.raises(StemdlError, match="at least one sample"):
        METRIC.value(np.zeros(2, dtype=np.int64))
