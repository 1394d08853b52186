"""Macro-F1 of one class target: the unweighted mean of the F1 of the classes that the evaluated split holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.confusion import Confusion
from benchmark.metrics.metric import Arrays, Metric, require_all_counted


class MacroF1:
    """Predictions are class indices (n,), or scores (n, classes) of which the largest counts."""

    def __init__(self, field: str, classes: int) -> None:
        self._field, self._classes = field, classes

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        """See `Metric.tally`: the confusion matrix row by row, then the number of samples, (classes^2 + 1,)."""
        found = predictions[self._field]
        if found.ndim == 2:
            found = found.argmax(axis=1)
        counts = Confusion.of(targets[self._field], found, self._classes).counts
        return np.append(counts.reshape(-1), counts.sum())

    def value(self, tally: NDArray[np.int64]) -> float:
        """The macro-F1, in [0, 1]. Raises StemdlError where the tally counts no sample."""
        counts = Confusion(tally[:-1].reshape(self._classes, self._classes))
        require_all_counted(tally, counts.samples)
        return counts.macro_f1()


def make(schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """Over the one field. Raises StemdlError where it is not a class."""
    if len(fields) != 1 or fields[0] not in schema.classes:
        raise StemdlError("macro_f1 is of one target that is a class", where="metric.of", found=", ".join(fields))
    return MacroF1(fields[0], len(schema.classes[fields[0]]))
