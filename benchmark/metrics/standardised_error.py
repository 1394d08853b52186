"""How far predictions are from one target's pictures, each in its own standard deviations about its own mean.

    error^2 = mean over samples of mean over pixels of (prediction - (target - mean) / deviation)^2

A target of z-scores has mean 0 and variance 1: the picture that is 0 everywhere has error 1, whatever the units of the
target. A prediction is taken as it is: no scale or offset is fitted to it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import Arrays, Metric

STEPS_PER_UNIT = 2**32
"""Steps per unit, to which a sample's mean square error is rounded before it is summed."""
MOST_ERROR = 2.0**10
"""A sample's error at most; larger ones count as this, so that 2^20 samples and more fit an int64."""


def standardised(pictures: NDArray[np.generic]) -> NDArray[np.float64]:
    """Pictures (n, ...) each less its mean, by its standard deviation; one without contrast is 0."""
    flat = np.asarray(pictures, dtype=np.float64).reshape(len(pictures), -1)
    centred = flat - flat.mean(axis=1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True))
    scores: NDArray[np.float64] = centred / np.where(deviation > 0.0, deviation, 1.0)
    return scores.reshape(np.shape(pictures))


class StandardisedError:
    """Predictions have the shape of the target. A sample whose prediction is not finite counts with `MOST_ERROR`."""

    def __init__(self, field: str) -> None:
        self._field = field

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        found = np.asarray(predictions[self._field], dtype=np.float64)
        true = standardised(targets[self._field])
        if found.shape != true.shape:
            raise StemdlError(
                f"predictions of {self._field} have another shape", expected=true.shape, found=found.shape
            )
        with np.errstate(invalid="ignore", over="ignore"):
            errors = ((found - true) ** 2).reshape(len(true), -1).mean(axis=1)
        errors = np.minimum(np.nan_to_num(errors, nan=MOST_ERROR, posinf=MOST_ERROR), MOST_ERROR)
        return np.array([np.rint(errors * STEPS_PER_UNIT).astype(np.int64).sum(), len(errors)], dtype=np.int64)

    def value(self, tally: NDArray[np.int64]) -> float:
        """The root of the samples' mean square error, from 0; less is better. Raises as `Metric.value` does."""
        if not tally[-1]:
            raise StemdlError("a score of no samples does not exist", remedy="evaluate at least one sample")
        return math.sqrt(int(tally[0]) / STEPS_PER_UNIT / int(tally[-1]))


def can_be(value: float, samples: int) -> bool:
    """Whether a whole number of steps, summed over so many samples, comes to a value, to the last bit."""
    if not 0 <= value * value <= MOST_ERROR:
        return False
    nearest = round(value * value * STEPS_PER_UNIT * samples)
    near = range(max(0, nearest - 4), nearest + 5)
    return any(math.sqrt(steps / STEPS_PER_UNIT / samples) == value for steps in near)


def make(schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """Over the one field. Raises StemdlError where it is not a picture of numbers."""
    shapes = {each.name: each.shape for each in schema.targets}
    if len(fields) != 1 or fields[0] in schema.classes or not shapes[fields[0]]:
        raise StemdlError(
            "standardised_error is of one target of many numbers", where="metric.of", found=", ".join(fields)
        )
    return StandardisedError(fields[0])
