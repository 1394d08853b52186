"""Macro-F1 and accuracy from a matrix of whole numbers, so that the ranks' shares add up to one exact answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.foundation.errors import StemdlError


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each class was taken for which: `counts[true, predicted]`, int64, shape (classes, classes).

    Each rank counts its own samples; the matrices are summed over the ranks, and only then is a ratio taken. Sums of
    integers do not depend on who counted what, so every score is the same to the last bit at 1 rank or at 1000.
    The counts are read-only. Raises StemdlError when they are not a square of whole numbers from 0.
    """

    counts: np.ndarray

    def __post_init__(self) -> None:
        given = np.asarray(self.counts)
        if given.ndim != 2 or given.shape[0] != given.shape[1] or given.dtype.kind not in "iu" or (given < 0).any():
            raise StemdlError(
                "these are not confusion counts",
                expected="a square matrix of whole numbers from 0",
                found=f"shape {given.shape}, {given.dtype}"
                + (f", least {given.min()}" if given.size and given.dtype.kind in "iuf" else ""),
            )
        counts = given.astype(np.int64)
        counts.flags.writeable = False
        object.__setattr__(self, "counts", counts)

    @classmethod
    def zeros(cls, classes: int) -> Confusion:
        """No sample seen yet."""
        return cls(np.zeros((classes, classes), dtype=np.int64))

    @classmethod
    def of(cls, labels: Any, predictions: Any, classes: int) -> Confusion:
        """Count samples from two equally long sequences of class numbers in [0, classes).

        Raises StemdlError when the lengths differ, or a number is not whole or outside the range.
        """
        true, predicted = (_class_numbers(*each, classes) for each in (("label", labels), ("prediction", predictions)))
        if true.shape != predicted.shape:
            raise StemdlError("labels and predictions differ in number", expected=true.size, found=predicted.size)
        return cls(np.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes))

    def __add__(self, other: Confusion) -> Confusion:
        if self.counts.shape != other.counts.shape:
            raise StemdlError("the numbers of classes differ", expected=self.classes, found=other.classes)
        return Confusion(self.counts + other.counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Confusion) and np.array_equal(self.counts, other.counts)

    __hash__ = None  # type: ignore[assignment]

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.counts)

    @property
    def samples(self) -> int:
        """How many samples were counted."""
        return int(self.counts.sum())

    @property
    def present(self) -> tuple[int, ...]:
        """The classes that have at least one true sample, rising."""
        return tuple(np.flatnonzero(self.counts.sum(axis=1)).tolist())

    def accuracy(self) -> float:
        """Share of samples whose class was found, in [0, 1]. Raises StemdlError when there is no sample."""
        return int(self.counts.trace()) / self._some_samples()

    def per_class_f1(self) -> tuple[float | None, ...]:
        """F1 of each class, in [0, 1]; None for a class without a true sample.

        F1 = 2 TP / (2 TP + FP + FN); the denominator is the class's row sum (TP + FN) plus its column sum (TP + FP).
        """
        rows, columns = self.counts.sum(axis=1).tolist(), self.counts.sum(axis=0).tolist()
        hits = self.counts.diagonal().tolist()
        return tuple(
            2 * hit / (row + column) if row else None for hit, row, column in zip(hits, rows, columns, strict=True)
        )

    def macro_f1(self) -> float:
        """Unweighted mean F1 of the classes present, in [0, 1]. Raises StemdlError when there is no sample.

        An absent class has no F1 to average; predicting one still costs the true class its recall. Equals
        `sklearn.metrics.f1_score(labels=present, average="macro", zero_division=0)`. `math.fsum` rounds once, so the
        order of the classes does not matter either.
        """
        self._some_samples()
        scores = [score for score in self.per_class_f1() if score is not None]
        return math.fsum(scores) / len(scores)

    def _some_samples(self) -> int:
        if not self.samples:
            raise StemdlError("a score of no samples does not exist", remedy="evaluate at least one sample")
        return self.samples


def _class_numbers(name: str, given: Any, classes: int) -> np.ndarray:
    """Class numbers as a flat int64 array. Raises StemdlError naming the first that is outside [0, classes)."""
    numbers = np.asarray(given)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise StemdlError(
            f"a {name} must be a class number",
            expected="a flat sequence of whole numbers",
            found=f"shape {numbers.shape}, {numbers.dtype}",
        )
    if (outside := np.flatnonzero((numbers < 0) | (numbers >= classes))).size:
        raise StemdlError(
            f"a {name} is outside the classes",
            where=f"sample {outside[0]}",
            expected=f"0 to {classes - 1}",
            found=numbers[outside[0]],
        )
    return numbers.astype(np.int64)
