"""Mean error of one target of numbers, summed as whole numbers so that no order of summing shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import Arrays, Metric

STEPS_PER_UNIT = 2**32
"""Steps per unit, to which a sample's error is rounded before it is summed."""
MOST_ERROR = 2.0**10
"""A sample's error at most; larger ones count as this, so that 2^20 samples and more fit an int64."""


class MeanError:
    """The mean over samples of the mean absolute difference within each, at least 0.

    Predictions have the shape of the target. A sample whose prediction is not finite counts with `MOST_ERROR`.
    """

    def __init__(self, field: str) -> None:
        self._field = field

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        found, true = (np.asarray(each[self._field], dtype=np.float64) for each in (predictions, targets))
        if found.shape != true.shape:
            raise StemdlError(
                f"predictions of {self._field} have another shape", expected=true.shape, found=found.shape
            )
        with np.errstate(invalid="ignore", over="ignore"):
            errors = np.abs(found - true).reshape(len(true), math.prod(true.shape[1:])).mean(axis=1)
        errors = np.minimum(np.nan_to_num(errors, nan=MOST_ERROR, posinf=MOST_ERROR), MOST_ERROR)
        steps = np.rint(errors * STEPS_PER_UNIT).astype(np.int64)
        return np.array([steps.sum(), len(steps)], dtype=np.int64)

    def value(self, tally: NDArray[np.int64]) -> float:
        """The mean error of a sample, from 0; less is better. Raises as `Metric.value` does."""
        if not tally[-1]:
            raise StemdlError("a score of no samples does not exist", remedy="evaluate at least one sample")
        return int(tally[0]) / STEPS_PER_UNIT / int(tally[-1])


def can_be(value: float, samples: int) -> bool:
    """Whether a whole number of steps, summed over so many samples, comes to a value, to the last bit."""
    if not 0 <= value <= MOST_ERROR:
        return False
    nearest = round(value * STEPS_PER_UNIT * samples)
    near = range(max(0, nearest - 4), nearest + 5)
    return any(steps / STEPS_PER_UNIT / samples == value for steps in near)


def make(schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """Over the one field. Raises StemdlError where it is a class."""
    if len(fields) != 1 or fields[0] in schema.classes:
        raise StemdlError("mean_error is of one target of numbers", where="metric.of", found=", ".join(fields))
    return MeanError(fields[0])
