"""The part of a run's page that is of this task: how far the densities are from the true ones."""

from __future__ import annotations

from typing import Any

from benchmark.definition.sample import SampleSchema
from benchmark.metrics.metric import samples_in
from benchmark.report.answers import AnswerPart

SAID = (
    "The root mean square of the predicted density minus the true one, in standard deviations of each specimen's "
    "density: a picture that is 0 everywhere has 1. What it explains is 1 minus the square of that."
)


def answers(metric: Any, tally: Any, schema: SampleSchema) -> tuple[AnswerPart, ...]:
    """The error of one split."""
    error = metric.value(tally)
    row = (samples_in(tally), error, 1.0 - error**2)
    return (AnswerPart("Error of the density", SAID, ("specimens", "error", "explained"), (row,)),)
