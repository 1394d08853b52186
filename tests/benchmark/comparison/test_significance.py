"""The statistics of a comparison against known answers: rates of false and missed calls, scipy, exact small cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from benchmark.comparison.significance import ALPHA, holm, least_p, p_value, ratio_interval

PAIRS = 1000
times = st.lists(st.floats(0.1, 1e4), min_size=1, max_size=6)


def drawn(spread: float, ratio: float, runs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """So many pairs of sets whose times vary by `spread` (CV), the second's being `ratio` times the first's."""
    draw = np.random.default_rng(seed)
    first, second = draw.lognormal(0.0, spread, (2, PAIRS, runs))
    return 10 * first, 10 * ratio * second


@pytest.mark.parametrize(("runs", "spread"), [(5, 0.02), (5, 0.15), (8, 0.05)])
def test_a_set_against_itself_is_called_different_as_seldom_as_stated(runs: int, spread: float) -> None:
    called = np.mean([p_value(*pair) < ALPHA for pair in zip(*drawn(spread, 1.0, runs, 1), strict=True)])
    assert 0.015 < called <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / PAIRS)


def test_epochs_that_tie_do_not_raise_the_rate_of_false_calls() -> None:
    draw = np.random.default_rng(2)
    epochs = draw.integers(3, 5, (2, PAIRS, 5))
    called = np.mean([p_value(*pair) < ALPHA for pair in zip(*(4.0 * epochs), strict=True)])
    assert called <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / PAIRS)


@pytest.mark.parametrize(
    ("runs", "spread", "power"), [(5, 0.01, 1.0), (5, 0.02, 0.85), (5, 0.05, 0.21), (8, 0.02, 1.0), (8, 0.03, 0.84)]
)
def test_five_percent_are_found_with_the_stated_power(runs: int, spread: float, power: float) -> None:
    """docs/comparing.md has these figures."""
    found = np.mean([p_value(*pair) < ALPHA for pair in zip(*drawn(spread, 1.05, runs, 3), strict=True)])
    assert found == pytest.approx(power, abs=0.04)


def test_the_interval_of_the_ratio_holds_the_true_one_as_often_as_stated() -> None:
    pairs = list(zip(*drawn(0.05, 1.05, 5, 4), strict=True))[:300]
    held = np.mean([low <= 1.05 <= high for low, high in (ratio_interval(*pair) for pair in pairs)])
    assert 0.92 <= held < 1.0


def test_small_cases_by_hand() -> None:
    assert p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(2 / 252)
    assert p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, math.inf]) == pytest.approx(2 / 252)
    assert p_value([1, 1, 1], [1, 1, 1]) == 1.0
    assert p_value([1.0], [2.0]) == 1.0
    assert least_p(5, 5) == pytest.approx(2 / 252) and least_p(3, 3) == pytest.approx(0.1) and least_p(1, 1) == 1.0
    many = list(range(20)), list(range(10, 30))
    assert p_value(*many) == pytest.approx(mannwhitneyu(*many, method="asymptotic").pvalue)
    with pytest.raises(ValueError, match="without runs"):
        p_value([], [1.0])


@given(times, times)
def test_it_is_scipys_exact_test_where_that_one_holds(first: list[float], second: list[float]) -> None:
    p = p_value(first, second)
    assert p == pytest.approx(p_value(second, first)) and 0 < p <= 1
    if len({*first, *second}) == len(first) + len(second):
        assert p >= least_p(len(first), len(second)) - 1e-12
        assert p == pytest.approx(min(1.0, mannwhitneyu(first, second, method="exact").pvalue), abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferronis_and_keeps_the_order(values: list[float]) -> None:
    corrected = holm(values)
    for value, after in zip(values, corrected, strict=True):
        assert min(1.0, value) <= after <= min(1.0, len(values) * value) + 1e-12
    in_order = [after for _, after in sorted(zip(values, corrected, strict=True))]
    assert in_order == sorted(in_order)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06]) and holm([]) == []


def test_the_ratio_of_sets_of_which_a_run_has_no_time() -> None:
    assert ratio_interval([1.0, 2.0], [1.0, 2.0, 3.0]) is None
    low, high = ratio_interval([10.0, 10.1, 10.2, 10.3, 10.4], [20.0, 20.1, 20.2, 20.3, math.inf])
    assert 1.9 < low < 2.0 and math.isinf(high)
    assert ratio_interval([math.inf] * 3, [math.inf] * 3) is None
    assert ratio_interval([1.0] * 5, [2.0] * 5) == (2.0, 2.0)
