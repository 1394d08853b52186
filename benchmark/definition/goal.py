"""The goal of a benchmark: the one place where a value of its metric is held against a target."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.foundation.errors import StemdlError, nearest

AT_LEAST, AT_MOST = "at_least", "at_most"
_REACHES = {AT_LEAST: operator.ge, AT_MOST: operator.le}


@dataclass(frozen=True)
class Goal:
    """The metric's key in a log, and the value that stops the clock, reached from below or from above.

    Attributes
    ----------
    reaches : `at_least` where more is better, `at_most` where less is.
    low, high : what the metric's values lie within, both included; None where a side has no bound.

    Raises StemdlError for another word than these two, and a target that is not finite or lies outside the bounds.
    """

    log_key: str
    reaches: str
    target: float
    low: float | None = None
    high: float | None = None

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
        return _REACHES[self.reaches](value, self.target)

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
