"""How often the right class is among the likeliest: top-1, which is accuracy and the value, top-3 and top-5; macro-F1.

A target named `part` says which part of its split a sample is of, where a schema has one: the first of its classes is
what the value is of, and the others are counted as well.
"""

from __future__ import annotations

import math
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

A_SHARE = True
"""The value is a number of samples by another."""


class Ranking:
    """Predictions are scores (n, classes), larger for likelier classes, of which equal ones rank in the classes' order;
    or class indices (n,), which count as the only likely one."""

    def __init__(self, field: str, classes: int, parts: Sequence[str]) -> None:
        self._field, self._classes, self.parts = field, classes, tuple(parts)
        self._parts = range(len(self.parts))

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        found, true = np.asarray(predictions[self._field]), np.asarray(targets[self._field]).astype(np.int64)
        ranks = self._ranks(found, true)
        likeliest = (found if found.ndim == 1 else found.argmax(axis=1)).astype(np.int64)
        part = np.asarray(targets[PART]) if PART in targets else np.zeros(len(ranks), dtype=np.int64)
        counts = [self._counts(*(values[part == each] for values in (ranks, likeliest, true))) for each in self._parts]
        return np.append(np.concatenate(counts), len(ranks))

    def _counts(self, ranks: NDArray[Any], likeliest: NDArray[Any], true: NDArray[Any]) -> NDArray[np.int64]:
        """(4 + 3 classes,) of a part: how many are at each depth; how many there are; of each class how many are right,
        how many were predicted and how many there are."""
        depths = [int((ranks < depth).sum()) for depth in DEPTHS]
        by_class = [np.bincount(each, minlength=self._classes) for each in (true[ranks == 0], likeliest, true)]
        return np.concatenate([[*depths, len(ranks)], *by_class]).astype(np.int64)

    def value(self, tally: NDArray[np.int64]) -> float:
        """Top-1 of the first part."""
        hits, *_, samples = map(int, tally[: len(DEPTHS) + 1])
        if not samples:
            raise StemdlError("a score of no samples does not exist", remedy="evaluate at least one sample")
        return hits / samples

    def by_part(self, tally: NDArray[np.int64]) -> dict[str, dict[str, float]]:
        """The shares of each part's samples whose class is among the likeliest 1, 3 and 5, as top-1, top-3 and top-5,
        and the macro-F1 over the classes that it has samples of; parts without samples are left out."""
        rows = np.asarray(tally[:-1]).reshape(len(self.parts), -1)
        return {part: self._shares(row) for part, row in zip(self.parts, rows, strict=True) if row[len(DEPTHS)]}

    def _shares(self, row: NDArray[np.int64]) -> dict[str, float]:
        depths, (right, predicted, there) = row[: len(DEPTHS) + 1].tolist(), row[len(DEPTHS) + 1 :].reshape(3, -1)
        f1 = 2.0 * right / np.maximum(predicted + there, 1)
        shares = {f"top-{depth}": hits / depths[-1] for depth, hits in zip(DEPTHS, depths, strict=False)}
        return {**shares, "macro-F1": math.fsum(f1[there > 0].tolist()) / int((there > 0).sum())}

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
        right = found[np.arange(len(true)), true][:, None]
        before = np.arange(self._classes) < true[:, None]
        ranks: NDArray[np.int64] = ((found > right) | ((found == right) & before)).sum(axis=1)
        return ranks


def make(schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """Over the one field. Raises StemdlError where it is not a class."""
    if len(fields) != 1 or fields[0] not in schema.classes:
        raise StemdlError("ranking is of one target that is a class", where="metric.of", found=", ".join(fields))
    return Ranking(fields[0], len(schema.classes[fields[0]]), schema.classes.get(PART, ("all",)))
