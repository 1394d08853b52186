"""The spread of a set's times: when it is warned of, and what is said to vary."""

from __future__ import annotations

import math
import re
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.spread import MOST_SPREAD, coefficient_of_variation, outlying, too_far_apart
from benchmark.validation.rulebook import read_rules


def test_the_coefficient_is_the_sample_deviation_by_the_mean():
    assert coefficient_of_variation([1.0, 3.0]) == pytest.approx(2**0.5 / 2)
    assert coefficient_of_variation([1.0]) is None and coefficient_of_variation([]) is None
    assert coefficient_of_variation([-1.0, 1.0]) is None


def test_the_rule_states_the_bound():
    assert re.search(r"more than (\d+) %", read_rules()["R4.13"].text)[1] == f"{MOST_SPREAD * 100:g}"


@pytest.mark.parametrize(
    ("times", "epochs", "said"),
    [
        (
            [10, 10, 10, 30, 30],
            [3, 3, 3, 3, 3],
            "by 61% (CV), more than 20% (R4.13): seconds per epoch by 61%, epochs by 0%",
        ),
        (
            [12, 12, 24, 24, 24],
            [1, 1, 2, 2, 2],
            "by 34% (CV), more than 20% (R4.13): seconds per epoch by 0%, epochs by 34%",
        ),
        ([10, 10, 10, 30, 30], [3, 3, 3, 3], "by 61% (CV), more than 20% (R4.13)"),
        ([10, 10, 10, 30, 30], [3, 3, 3, 3, math.inf], "by 61% (CV), more than 20% (R4.13)"),
        ([13.131, 13.862, 13.8, 13.511, 13.465], [3] * 5, None),  # the recorded set of the reference
        ([3, 4, 3, 3, 4], [3, 4, 3, 3, 4], None),  # an epoch more is not the machine's fault
        ([3, 4], [3, 4], None),
        ([5], [3], None),
        ([], [], None),
    ],
)
def test_a_set_is_warned_of_by_its_own_figures(times: list, epochs: list, said: str | None):
    assert too_far_apart(times, epochs) == (None if said is None else f"the times of the runs vary {said}")


@given(st.lists(st.floats(1.0, 1e4), min_size=3, max_size=10))
def test_the_bound_is_the_only_question(times: list[float]):
    assert (too_far_apart(times, []) is None) == (statistics.stdev(times) / statistics.fmean(times) <= MOST_SPREAD)


@pytest.mark.parametrize(
    ("times", "places"),
    [
        ([10.0, 10.1, 10.2, 10.3, 14.0], {4}),
        ([10.0, 10.1, 6.0, 10.3, 14.0], {2, 4}),
        ([10.0, 10.0, 10.0, 10.0, 10.3], set()),  # nearly alike: no deviation is below 1 % of the median
        ([10.0, 10.0, 10.0, 10.0, 10.4], {4}),
        ([10.0, 12.0, 14.0, 16.0, 18.0], set()),
        ([10.0, 20.0], set()),
        ([], set()),
    ],
)
def test_a_run_far_from_the_median_stands_out(times, places):
    assert set(outlying(times)) == places


@given(st.lists(st.floats(1.0, 1e6), min_size=3, max_size=20), st.floats(0.01, 100.0))
def test_what_stands_out_does_not_depend_on_the_unit_and_is_not_most(times, unit):
    found = outlying(times)
    assert len(found) <= len(times) / 2
    for place, deviations in outlying([unit * each for each in times]).items():
        assert place in found or abs(abs(deviations) - 3.5) < 1e-6
