"""A goal says which values reach it, from either side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.goal import AT_LEAST, AT_MOST, Goal
from benchmark.foundation.errors import StemdlError

VALUES = st.floats(-1e6, 1e6)


@given(VALUES, VALUES)
def test_a_goal_and_its_mirror_image_agree(target: float, value: float) -> None:
    up, down = Goal("key", AT_LEAST, target), Goal("key", AT_MOST, -target)
    assert up.reached_by(value) == down.reached_by(-value) == (up.distance(value) <= 0.0)
    assert up.distance(value) == down.distance(-value)


@given(st.lists(VALUES, min_size=1), VALUES)
def test_the_best_value_reaches_a_goal_that_any_reaches(values: list[float], target: float) -> None:
    for reaches in (AT_LEAST, AT_MOST):
        goal = Goal("key", reaches, target)
        assert goal.reached_by(goal.best(values)) == any(map(goal.reached_by, values))


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.0, 1.0, "from 0 to 1"), (0.0, None, "from 0"), (None, 1.0, "to 1"), (None, None, "a finite number")],
)
def test_values_outside_the_bounds_are_not_possible(low: float | None, high: float | None, words: str) -> None:
    goal = Goal("key", AT_MOST, 0.5, low, high)
    assert goal.range == words and goal.wanted == "at most 0.5" and goal.possible(0.5)
    assert goal.possible(-1.0) == (low is None) and goal.possible(2.0) == (high is None)
    assert not any(map(goal.possible, (float("nan"), float("inf"), float("-inf"))))


@pytest.mark.parametrize(("reaches", "target"), [("atleast", 0.5), (AT_LEAST, 1.5), (AT_LEAST, float("nan"))])
def test_a_goal_that_cannot_be_is_refused(reaches: str, target: float) -> None:
    with pytest.raises(StemdlError):
        Goal("key", reaches, target, 0.0, 1.0)
