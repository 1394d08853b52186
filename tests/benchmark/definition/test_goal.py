"""A goal says which values reach it, from either side."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.definition.goal import AT_LEAST, AT_MOST, Goal, read_goal, read_goals
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


METRIC = {"log_key": "key", "low": 0.0}


@given(st.sampled_from([AT_LEAST, AT_MOST]), st.dictionaries(st.sampled_from("abc"), st.floats(0.0, 9.0)))
def test_rungs_have_their_own_goal_or_that_of_every_rung(word: str, own: dict[str, float]) -> None:
    goal, goals = read_goals("here", {**METRIC, word: {"every_rung": 9.5, **own}}, "abc")
    assert goal == read_goal("here", {**METRIC, word: 9.5})
    assert goals == {name: read_goal("here", {**METRIC, word: target}) for name, target in own.items()}
    assert read_goals("here", {**METRIC, word: 9.5}, "abc") == (goal, {})


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ({AT_MOST: {"a": 1.0}}, "here.at_most: missing: every_rung"),
        ({AT_MOST: {}}, "here.at_most: missing: every_rung"),
        ({AT_MOST: {"every_rung": 1.0, "aa": 1.0}}, "here.at_most: there is no rung 'aa'"),
        ({AT_LEAST: {"every_rung": 1.0, "a": "0.5"}}, "here.at_least.a: the metric's target is not a number"),
        ({AT_LEAST: {"every_rung": 1.0, "a": -1.0}}, "here.at_least.a: the target cannot be reached"),
        ({AT_LEAST: {"every_rung": 1.0}, AT_MOST: 1.0}, "missing: at_least or at_most, one of the two"),
        ({AT_LEAST: {"every_rung": 1.0}, AT_MOST: {"every_rung": 1.0}}, "missing: at_least or at_most, one of the two"),
        ({AT_LEAST: [1.0]}, "here: the metric's target is not a number"),
    ],
)
def test_goals_of_rungs_that_cannot_be_read_are_refused_with_their_place(metric: dict[str, Any], words: str) -> None:
    with pytest.raises(StemdlError) as caught:
        read_goals("here", {**METRIC, **metric}, "a")
    assert words in str(caught.value)
