"""How well clusters that were found without labels are classes: accuracy under the best pairing of the two.

Clusters have numbers, and no names. Each is paired with one class, no two with the same, so that as many samples as can
be lie in the cluster of their class (Hungarian method): of integers over the whole split, so that the value is exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError
from benchmark.metrics.confusion import Confusion
from benchmark.metrics.metric import Arrays, Metric, require_all_counted

A_SHARE = True
"""The value is a number of samples by another."""


class Clustering:
    """Predictions are cluster numbers (n,), from 0 to the number of classes; or scores (n, classes) of clusters, of
    which the largest counts."""

    def __init__(self, field: str, classes: int) -> None:
        self._field, self._classes = field, classes

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        found = np.asarray(predictions[self._field])
        if found.ndim == 2:
            if not np.isfinite(found.astype(np.float64)).all():
                raise StemdlError(f"scores of {self._field} are not finite")
            found = found.argmax(axis=1)
        counts = Confusion.of(targets[self._field], found, self._classes).counts
        return np.append(counts.reshape(-1), counts.sum())

    def value(self, tally: NDArray[np.int64]) -> float:
        """The share of samples in the cluster that their class is paired with."""
        counts = self._counts(tally)
        classes, clusters = self.pairs(tally)
        return int(counts[classes, clusters].sum()) / int(counts.sum())

    def by_part(self, tally: NDArray[np.int64]) -> dict[str, dict[str, float]]:
        """Two figures that others quote, of the whole split; an index worse than chance is 0."""
        shares = {
            "adjusted Rand index": max(0.0, self.adjusted_rand_index(tally)),
            "normalised mutual information": min(1.0, self.normalised_mutual_information(tally)),
        }
        return {"all": shares}

    def pairs(self, tally: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Classes, and the cluster that each is paired with. Raises StemdlError where no sample is counted."""
        from scipy.optimize import linear_sum_assignment

        classes, clusters = linear_sum_assignment(self._counts(tally), maximize=True)
        return classes, clusters

    def adjusted_rand_index(self, tally: NDArray[np.int64]) -> float:
        """How often clusters and classes agree on whether two samples belong together, less chance: 0 on
        average for clusters at random, 1 for the classes (Hubert & Arabie 1985)."""
        counts = self._counts(tally)
        rows, columns, cells = (
            sum(math.comb(int(each), 2) for each in some)
            for some in (counts.sum(axis=1), counts.sum(axis=0), counts.ravel())
        )
        pairs = math.comb(int(counts.sum()), 2)
        expected, most = rows * columns, (rows + columns) * pairs
        return 1.0 if most == 2 * expected else 2 * (cells * pairs - expected) / (most - 2 * expected)

    def normalised_mutual_information(self, tally: NDArray[np.int64]) -> float:
        """What clusters say of classes, by the mean of both entropies: from 0 to 1."""
        counts = self._counts(tally)
        shares = counts / counts.sum()
        of_class, of_cluster = (_entropy(shares.sum(axis=axis)) for axis in (1, 0))
        if not of_class + of_cluster:
            return 1.0
        return max(0.0, 2.0 * (of_class + of_cluster - _entropy(shares.ravel())) / (of_class + of_cluster))

    def _counts(self, tally: NDArray[np.int64]) -> NDArray[np.int64]:
        counts = np.asarray(tally[:-1]).reshape(self._classes, self._classes)
        if not counts.any():
            raise StemdlError("a score of no samples does not exist", remedy="evaluate at least one sample")
        require_all_counted(tally, int(counts.sum()))
        return counts


def _entropy(shares: NDArray[np.float64]) -> float:
    return -math.fsum(float(share) * math.log(share) for share in shares if share > 0.0)


def make(schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """Over the one field. Raises StemdlError where it is not a class."""
    if len(fields) != 1 or fields[0] not in schema.classes:
        raise StemdlError("clustering is of one target that is a class", where="metric.of", found=", ".join(fields))
    return Clustering(fields[0], len(schema.classes[fields[0]]))
