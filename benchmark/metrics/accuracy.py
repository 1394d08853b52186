"""Accuracy of one class target: the share of samples whose class is the likeliest of those predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.confusion import Confusion
from benchmark.metrics.metric import Arrays, Metric


class Accuracy:
    """Predictions are class indices (n,), or scores (n, classes) of which the largest counts."""

    def __init__(self, field: str, classes: int) -> None:
        self._field, self._classes = field, classes

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        found = predictions[self._field]
        if found.ndim == 2:
            found = found.argmax(axis=1)
        counts = Confusion.of(targets[self._field], found, self._classes).counts
        return np.array([counts.trace(), counts.sum()], dtype=np.int64)

    def value(self, tally: NDArray[np.int64]) -> float:
        right, samples = map(int, tally)
        if not samples:
            raise StemdlError("accuracy of no sample")
        return right / samples


def make(schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """Over the one field. Raises StemdlError where it is not a class."""
    if len(fields) != 1 or fields[0] not in schema.classes:
        raise StemdlError("accuracy is of one target that is a class", where="metric.of", found=", ".join(fields))
    return Accuracy(fields[0], len(schema.classes[fields[0]]))
