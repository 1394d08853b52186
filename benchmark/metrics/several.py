"""Macro-F1 of one class target, by which a run is judged, with the other targets counted too.

Of each further class it is counted how often it was right; of numbers how far they were off, and how many samples were
off by at most a twentieth of their numbers' mean size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics import macro_f1, mean_error
from benchmark.metrics.metric import Arrays, Metric

CLOSE = 0.05
"""Of the mean size of a sample's numbers: errors up to it are close."""
RIGHT, NEAR = "right", "within 5 %"


class Several:
    """Predictions of the first target as `MacroF1` has them; of other classes likewise; of numbers as `MeanError`."""

    def __init__(self, first: macro_f1.MacroF1, others: Sequence[str], schema: SampleSchema) -> None:
        self.first, self.others = first, tuple(others)
        self._numbers = {name: mean_error.MeanError(name) for name in others if name not in schema.classes}

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        """See `Metric.tally`: that of the first target, and before its last number two for each other target: of a
        class how many were right, and 0; of numbers the summed error and how many were close."""
        first = self.first.tally(predictions, targets)
        counted: list[int] = []
        for name in self.others:
            true, found = targets[name], predictions[name]
            if name in self._numbers:
                counted += [int(self._numbers[name].tally(predictions, targets)[0]), _close(found, true)]
            else:
                found = found.argmax(axis=1) if found.ndim == 2 else found
                counted += [int((found == true).sum()), 0]
        return np.concatenate([first[:-1], np.array(counted, dtype=np.int64), first[-1:]])

    def value(self, tally: NDArray[np.int64]) -> float:
        """The macro-F1 of the first target. Raises StemdlError where the tally counts no sample."""
        return self.first.value(self.of_first(tally))

    def of_first(self, tally: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first target's part of a tally."""
        return np.concatenate([tally[: -1 - 2 * len(self.others)], tally[-1:]])

    def by_part(self, tally: NDArray[np.int64]) -> dict[str, dict[str, float]]:
        """Of each other target the share of samples that were right, or close."""
        rows = self._rows(tally)
        return {
            name: {NEAR: row[1] / int(tally[-1])} if name in self._numbers else {RIGHT: row[0] / int(tally[-1])}
            for name, row in rows.items()
        }

    def errors(self, tally: NDArray[np.int64]) -> dict[str, float]:
        """Of each target of numbers the mean error, in its unit."""
        rows = self._rows(tally)
        return {
            name: each.value(np.array([rows[name][0], tally[-1]], dtype=np.int64))
            for name, each in self._numbers.items()
        }

    def _rows(self, tally: NDArray[np.int64]) -> dict[str, tuple[int, int]]:
        if not tally[-1]:
            raise StemdlError("a score of no samples does not exist", remedy="evaluate at least one sample")
        pairs = np.asarray(tally)[-1 - 2 * len(self.others) : -1].reshape(-1, 2).tolist()
        return {name: (int(one), int(other)) for name, (one, other) in zip(self.others, pairs, strict=True)}


def _close(found: NDArray[np.generic], true: NDArray[np.generic]) -> int:
    """How many samples' numbers are off by at most `CLOSE` of their size, each on average."""
    wide, size = (np.asarray(each, dtype=np.float64).reshape(len(true), -1) for each in (found - true, true))  # type: ignore[operator]
    with np.errstate(invalid="ignore"):
        return int((np.abs(wide).mean(axis=1) <= CLOSE * np.abs(size).mean(axis=1)).sum())


def make(schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """Over several fields, of which the first is a class. Raises StemdlError where it is not."""
    first, *others = fields
    judged = macro_f1.make(schema, [first])
    assert isinstance(judged, macro_f1.MacroF1)
    return Several(judged, others, schema)
