"""What a metric is: whole numbers that add up over batches and ranks, and one value of their sum.

Each rank counts its own samples; the tallies are summed over the ranks, and only then is a ratio taken. Sums of
integers do not depend on who counted what, so a value is the same to the last bit on 1 rank and on 1000.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from benchmark.definition.sample import SampleSchema
from benchmark.foundation.errors import StemdlError, nearest

METRICS = ("clustering", "macro_f1", "mean_error", "ranking", "several", "standardised_error")
"""The modules that have one each."""
Arrays = Mapping[str, NDArray[np.generic]]
"""The arrays of a batch, by the names of fields; the first axis counts samples."""


class Metric(Protocol):
    """One metric of one benchmark."""

    def tally(self, predictions: Arrays, targets: Arrays) -> NDArray[np.int64]:
        """The tally of a batch: one axis, of the same length for all batches. Tallies add up; the last number counts
        samples.

        Raises StemdlError for predictions that are not of their form, such as numbers that are not finite.
        """

    def value(self, tally: NDArray[np.int64]) -> float:
        """The metric's value for a sum of tallies. Raises StemdlError where it counts no sample."""


@runtime_checkable
class InParts(Metric, Protocol):
    """A metric that looks at parts of a split as well."""

    def by_part(self, tally: NDArray[np.int64]) -> dict[str, dict[str, float]]:
        """Further shares of a sum of tallies by their names, each from 0 to 1, for each part that it counts samples
        of."""


def make_metric(name: str, schema: SampleSchema, fields: Sequence[str]) -> Metric:
    """The metric of that name over the targets `fields`: what `make(schema, fields)` of its module returns.

    Raises StemdlError where there is no such metric, or the schema has no such targets.
    """
    module = f"benchmark.metrics.{name}"
    if name not in METRICS:
        raise StemdlError(f"there is no metric {name!r}", where="metric.name", remedy=nearest(name, METRICS))
    targets = [each.name for each in schema.targets]
    if stray := sorted(set(fields) - set(targets)):
        raise StemdlError(
            "the metric is of no target of the samples",
            where="metric.of",
            expected=f"of {', '.join(targets)}",
            found=", ".join(stray),
        )
    made: Metric = importlib.import_module(module).make(schema, fields)
    return made


def is_a_share(name: str) -> bool:
    """Whether the values of the metric of that name are numbers of samples by others, as its module says."""
    return name in METRICS and getattr(importlib.import_module(f"benchmark.metrics.{name}"), "A_SHARE", False)


def has_parts(name: str) -> bool:
    """Whether the metric of that name looks at parts of a split as well; false where nobody knows it."""
    if name not in METRICS:
        return False
    module = importlib.import_module(f"benchmark.metrics.{name}")
    made = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    return any(hasattr(each, "by_part") for each in made)


def can_be(name: str, value: float, samples: int) -> bool:
    """Whether counts of so many samples come to a value of the metric of that name, to the last bit; true where its
    module does not say."""
    said = getattr(importlib.import_module(f"benchmark.metrics.{name}"), "can_be", None) if name in METRICS else None
    return said is None or bool(said(value, samples))


def require_all_counted(tally: NDArray[np.int64], counted: int) -> None:
    """Raises StemdlError where a tally's own counts are not of as many samples as it says."""
    if counted != samples_in(tally):
        raise StemdlError("a tally does not count each sample once", expected=samples_in(tally), found=counted)


def samples_in(tally: NDArray[np.int64]) -> int:
    """How many samples a tally counts."""
    return int(tally[-1])
