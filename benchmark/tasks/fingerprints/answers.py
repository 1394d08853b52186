"""The part of a run's page that is of this task: how often the right structure was among the likeliest."""

from __future__ import annotations

from typing import Any

from benchmark.definition.sample import SampleSchema
from benchmark.report.answers import AnswerPart
from benchmark.report.likeliest import likeliest_part

SAID = "The share of fingerprints whose structure was among the likeliest one, three and five."


def answers(metric: Any, tally: Any, schema: SampleSchema) -> tuple[AnswerPart, ...]:
    """Top-1, top-3 and top-5 of one split."""
    return (likeliest_part("Right structures", SAID, metric, tally),)
