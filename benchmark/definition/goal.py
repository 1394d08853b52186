"""The goal of a benchmark: the one place where a value of its metric is held against a target."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.foundation.errors import StemdlError, nearest

AT_LEAST, AT_MOST = "at_least", "at_most"
_REACHES = {AT_LEAST: operator.ge, AT_MOST: operator.le}
EVERY_RUNG = "every_rung"
"""The key, besides names of rungs, of what holds for all that are not named."""


@dataclass(frozen=True)
class Goal:
    """The metric's key in a log, and the value that stops the clock, reached from below or from above.

    Attributes
    ----------
    log_key : of the values over the dev split. test_key : of the value over the test split, off the clock.
    reaches : `at_least` where more is better, `at_most` where less is.
    low, high : what the metric's values lie within, both included; None where a side has no bound.

    Raises StemdlError for another word than these two, and a target that is not finite or lies outside the bounds.
    """

    log_key: str
    reaches: str
    target: float
    low: float | None = None
    high: float | None = None
    test_key: str = "test_value"

    def __post_init__(self) -> None:
        if self.reaches not in _REACHES:
            raise StemdlError(
                f"a goal is not reached {self.reaches!r}",
                expected=" or ".join(_REACHES),
                remedy=nearest(self.reaches, _REACHES),
            )
        if not self.possible(self.target):
            raise StemdlError("the target cannot be reached", expected=self.range, found=self.target)

    @property
    def range(self) -> str:
        """The values that the metric can take, in words."""
        low = "" if self.low is None else f"from {self.low:g}"
        high = "" if self.high is None else f"to {self.high:g}"
        return f"{low} {high}".strip() or "a finite number"

    @property
    def wanted(self) -> str:
        """What is to be reached, in words: `at least 0.9`."""
        return f"{self.reaches.replace('_', ' ')} {self.target:g}"

    def reached_by(self, value: float) -> bool:
        """Whether an evaluation with this value stops the clock."""
        return bool(_REACHES[self.reaches](value, self.target))

    def possible(self, value: float) -> bool:
        """Whether the metric can have this value: finite, and within the bounds."""
        return (
            math.isfinite(value)
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
        )

    def best(self, values: Iterable[float]) -> float:
        """The value nearest to the far side of the goal. Raises ValueError where there are none."""
        return (max if self.reaches == AT_LEAST else min)(values)

    def distance(self, value: float) -> float:
        """How much a value falls short of the target; 0 or less where it reaches it."""
        return self.target - value if self.reaches == AT_LEAST else value - self.target


GOAL_KEYS = ("log_key", AT_LEAST, AT_MOST, "low", "high", "test_key")
"""That say the goal among a metric's in a definition."""


def read_goal(where: str, metric: Mapping[str, Any]) -> Goal:
    """The goal that a definition's metric says: its `log_key`, `at_least` or `at_most`, `low` and `high` where its
    values are bounded, and `test_key` where it has one. Raises StemdlError with `where`."""
    reached = [word for word in (AT_LEAST, AT_MOST) if word in metric]
    if len(reached) != 1:
        raise StemdlError(f"missing: {AT_LEAST} or {AT_MOST}, one of the two", where=where)
    numbers = {"target": metric[reached[0]]} | {side: metric[side] for side in ("low", "high") if side in metric}
    for name, value in numbers.items():
        if type(value) not in (int, float) or not math.isfinite(value):
            raise StemdlError(f"the metric's {name} is not a number", where=where, found=value)
    if not isinstance(log_key := metric.get("log_key"), str):
        raise StemdlError("missing: log_key", where=where)
    if not isinstance(test_key := metric.get("test_key", Goal.test_key), str):
        raise StemdlError("the metric's test_key is not a word", where=where, found=test_key)
    try:
        return Goal(log_key, reached[0], **{name: float(value) for name, value in numbers.items()}, test_key=test_key)
    except StemdlError as error:
        raise StemdlError(error.what, where=where, expected=error.expected, found=error.found) from error


def read_goals(where: str, metric: Mapping[str, Any], rungs: Iterable[str]) -> tuple[Goal, dict[str, Goal]]:
    """The goal of a benchmark's rungs, and by name those of rungs that have their own: a target may be a number, or a
    mapping of `every_rung` and names of rungs to numbers. Raises StemdlError with `where`, for unknown names too."""
    word = AT_MOST if isinstance(metric.get(AT_MOST), Mapping) else AT_LEAST
    if not isinstance(targets := metric.get(word), Mapping):
        return read_goal(where, metric), {}
    known = (EVERY_RUNG, *rungs)
    for name in targets:
        if name not in known:
            raise StemdlError(f"there is no rung {name!r}", where=f"{where}.{word}", remedy=nearest(str(name), known))
    if EVERY_RUNG not in targets:
        raise StemdlError(f"missing: {EVERY_RUNG}", where=f"{where}.{word}")
    goals = {name: read_goal(f"{where}.{word}.{name}", {**metric, word: target}) for name, target in targets.items()}
    return goals.pop(EVERY_RUNG), goals
