"""How often the right class is among the likeliest: top-1, which is accuracy and the value, top-3 and top-5.

A target named `part` says which part of its split a sample is of, where a schema has one: the first of its classes is
what the value is of, and the others are counted as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.metric import Arrays, Metric

PART = "part"
DEPTHS = (1, 3, 5)
"""How many of the likeliest classes are looked at."""


class Ranking:
    """Predictions are scores (n, classes), larger for likelier classes, of which equal ones rank in the classes' order;
    or class indices (n,), which count as the only likely one."""

    def __init__(self, field: str, classes: int, parts: Sequence[str]) -> None:
        self._field, self._classes, self.parts = field, classes, tuple(parts)

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        ranks = self._ranks(np.asarray(predictions[self._field]), np.asarray(targets[self._field]))
        part = np.asarray(targets[PART]) if PART in targets else np.zeros(len(ranks), dtype=np.int64)
        counts = [
            [*(int((ranks[part == each] < depth).sum()) for depth in DEPTHS), int((part == each).sum())]
            for each in range(len(self.parts))
        ]
        return np.append(np.array(counts, dtype=np.int64).ravel(), len(ranks))

    def value(self, tally: NDArray[np.int64]) -> float:
        """Top-1 of the first part."""
        hits, *_, samples = map(int, tally[: len(DEPTHS) + 1])
        if not samples:
            raise StemdlError("a score of no samples does not exist", remedy="evaluate at least one sample")
        return hits / samples

    def by_part(self, tally: NDArray[np.int64]) -> dict[str, dict[int, float]]:
        """By part the share of its samples whose class is among the likeliest 1, 3 and 5; parts without samples are
        left out."""
        rows = np.asarray(tally[:-1]).reshape(len(self.parts), len(DEPTHS) + 1).tolist()
        return {
            part: {depth: hits / row[-1] for depth, hits in zip(DEPTHS, row, strict=False)}
            for part, row in zip(self.parts, rows, strict=True)
            if row[-1]
        }

    def _ranks(self, found: NDArray[Any], true: NDArray[Any]) -> NDArray[np.int64]:
        """(n,) how many classes are likelier than the right one."""
        if found.ndim == 1:
            if found.dtype.kind not in "iu" or not ((found >= 0) & (found < self._classes)).all():
                raise StemdlError("a prediction is not a class", expected=f"0 to {self._classes - 1}")
            return np.where(found == true, 0, self._classes)
        if found.shape != (len(true), self._classes):
            raise StemdlError(
                f"scores of {self._field} have another shape", expected=(len(true), self._classes), found=found.shape
            )
        if not np.isfinite(found.astype(np.float64)).all():
            raise StemdlError(f"scores of {self._field} are not finite")
        rows, own = np.arange(len(true)), true.astype(np.int64)
        right = found[rows, own][:, None]
        before = np.arange(self._classes) < own[:, None]
        ranks: NDArray[np.int64] = ((found > right) | ((found == right) & before)).sum(axis=1)
        return ranks


def make(schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """Over the one field. Raises StemdlError where it is not a class."""
    if len(fields) != 1 or fields[0] not in schema.classes:
        raise StemdlError("ranking is of one target that is a class", where="metric.of", found=", ".join(fields))
    return Ranking(fields[0], len(schema.classes[fields[0]]), schema.classes.get(PART, ("all",)))
