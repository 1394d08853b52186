"""By what chance honest runs agree: the formula against its sum, the share of false alarms, and what is not logged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.agreement import LEAST_CHANCE, chance_of, decimals_of, held_to, near_pairs, spread_of

SHARES = st.lists(st.floats(LEAST_CHANCE, 1.0), min_size=1, max_size=20)


@given(shares=SHARES)
def test_fisher_s_method_is_its_sum(shares):
    logs = -math.fsum(map(math.log, shares))
    by_hand = math.exp(-logs) * math.fsum(logs**i / math.factorial(i) for i in range(len(shares)))
    assert chance_of(np.array([shares]))[0] == pytest.approx(by_hand, rel=1e-9)


@given(shares=SHARES, silent=st.integers(1, 4))
def test_a_value_that_says_nothing_changes_nothing(shares, silent):
    told, both = (chance_of(np.array([[*shares, *more]]))[0] for more in ([], [math.nan] * silent))
    assert told == pytest.approx(both, rel=1e-12)
    assert chance_of(np.array([[math.nan] * silent]))[0] == 1.0


@pytest.mark.parametrize("values", [1, 3, 12])
def test_honest_runs_are_found_no_more_often_than_is_said(values):
    """Normal runs against the spread of normal runs: of 100,000 pairs, a share p at most is below p (and 4 sigma)."""
    generator = np.random.default_rng(18)
    runs = generator.normal(size=(2000, values))
    spread = spread_of(runs[:200])
    pairs = generator.normal(size=(2, 100_000, values))
    chances = chance_of(np.minimum(np.abs(pairs[0] - pairs[1]) / spread, 1.0))
    for chance in (1e-1, 1e-2, 1e-3):
        most = chance * len(chances) * 1.15  # the spread is of 200 runs, and so known to a few per cent
        assert np.count_nonzero(chances < chance) <= most + 4 * math.sqrt(most)


def test_the_spread_is_the_runs_own_unless_they_are_all_copies():
    own, recorded = np.array([0.1, 1e-5, math.nan, 0.2]), np.array([1.0, 1.0, 1.0])
    assert held_to(own, recorded).tolist() == [0.1, 1.0, 1.0, 0.2]
    assert np.isnan(spread_of(np.ones((5, 2)))).all() and np.isnan(spread_of(np.ones((1, 2)))).all()


def test_pairs_are_all_pairs_of_few_runs_and_near_ones_of_many():
    few = np.random.default_rng(0).normal(size=(20, 2))
    assert {frozenset(pair) for pair in zip(*map(list, near_pairs(few)), strict=True)} == {
        frozenset((a, b)) for a in range(20) for b in range(a)
    }
    many = np.arange(5000.0)[:, None]
    firsts, seconds = near_pairs(many)
    assert len(firsts) < 200 * 5000 and np.abs(many[firsts] - many[seconds]).max() < 200


@pytest.mark.parametrize(("values", "step"), [([0.5, 0.25, None], 0.01), ([1e-9], 0.0), ([], 0.0), ([3.0], 0.1)])
def test_the_step_of_written_values(values, step):
    assert decimals_of(values) == pytest.approx(step)
