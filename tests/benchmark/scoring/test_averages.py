"""The olympic mean against the official one, the median window against its definition, the bootstrap against facts."""

from __future__ import annotations

import itertools
import statistics
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.scoring.averages import bootstrap_interval, median_window, olympic_mean

minutes = st.integers(1, 10**9).map(lambda ms: ms / 60 / 1000)


@settings(deadline=None)
@given(st.lists(minutes, max_size=12), st.integers(0, 1))
def test_the_olympic_mean_has_the_bits_of_the_official_one(values, missing):
    from mlperf_logging.result_summarizer.result_summarizer import _compute_olympic_average

    ours, theirs = olympic_mean(values, missing), _compute_olympic_average(list(values), missing, 1)
    if sys.version_info >= (3, 12) and ours is not None:  # its sum() rounds differently there
        ours, theirs = round(ours, 9), round(theirs, 9)
    assert ours == theirs


def test_by_hand():
    assert olympic_mean([5.0, 1.0, 2.0, 4.0, 90.0]) == pytest.approx(11 / 3)
    assert olympic_mean([5.0, 1.0, 2.0, 4.0], missing=1) == pytest.approx(11 / 3)  # the missing one is the slowest
    assert olympic_mean([5.0, 1.0, 2.0], missing=2) is None
    assert olympic_mean([5.0, 1.0]) is None


def test_more_runs_count_by_their_median_window():
    # windows of three: means are their medians 2, 3, 4, 9, 8; the median of those is 4, of the window 3, 4, 9
    assert median_window([1.0, 2.0, 3.0, 4.0, 9.0, 10.0, 8.0][:7], 3) == range(2, 5)
    # of four windows (2, 3, 4, 9) the slower middle one
    assert median_window([1.0, 2.0, 3.0, 4.0, 9.0, 10.0], 3) == range(2, 5)
    assert median_window([1.0, 2.0], 3) is None
    assert median_window([1.0, 2.0, 3.0], 3) == range(3)


def test_a_window_with_two_missing_runs_is_slower_than_any():
    # the windows' means: none, none, 5, 5, 6
    assert median_window([1.0, None, None, 1.0, 5.0, 6.0, 7.0], 3) == range(4, 7)
    assert median_window([None, None, 1.0, None, None], 3) == range(1, 4)  # none of the three has a mean


@given(st.lists(st.none() | minutes, min_size=3, max_size=9), st.integers(3, 5))
def test_the_window_splits_the_others_in_halves(values, runs):
    means = [
        olympic_mean([value for value in window if value is not None], window.count(None))
        for window in (values[start : start + runs] for start in range(len(values) - runs + 1))
    ]
    slowness = [float("inf") if mean is None else mean for mean in means]
    window = median_window(values, runs)
    if window is None:
        assert len(values) < runs
    else:
        assert slowness[window.start] == statistics.median_high(slowness) and len(window) == runs


@given(st.lists(minutes, min_size=3, max_size=10))
def test_the_interval_lies_between_the_extremes_and_is_the_same_each_time(values):
    low, high = bootstrap_interval(values)
    assert min(values) * (1 - 1e-12) <= low <= high <= max(values) * (1 + 1e-12)
    assert bootstrap_interval(values) == (low, high)
    assert bootstrap_interval(values[:2]) is None


def test_the_interval_is_that_of_all_resamples_of_few_runs():
    values = [1.0, 2.0, 4.0, 8.0]
    means = sorted(olympic_mean(each) for each in itertools.product(values, repeat=4))
    low, high = bootstrap_interval(values)
    assert sum(mean < low for mean in means) <= 0.035 * len(means) and low < statistics.median(means)
    assert sum(mean > high for mean in means) <= 0.035 * len(means) and high > statistics.median(means)
