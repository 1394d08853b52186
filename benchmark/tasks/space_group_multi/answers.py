"""The parts of a run's page that are of this task: groups that were taken for others, and what the rest came to."""

from __future__ import annotations

from typing import Any

from benchmark.definition.finder import ANSWERS, find_task
from benchmark.definition.sample import SampleSchema
from benchmark.metrics.several import Several
from benchmark.report.answers import AnswerPart


def answers(metric: Any, tally: Any, schema: SampleSchema) -> tuple[AnswerPart, ...]:
    """The confused groups of one split, and how well each other target was found."""
    assert isinstance(metric, Several)
    group = schema.targets[0].name
    shares, errors = metric.by_part(tally), metric.errors(tally)
    units = {each.name: each.unit for each in schema.targets}
    rows = [
        (name, counted, share, errors.get(name), units[name])
        for name, found in shares.items()
        for counted, share in found.items()
    ]
    rest = AnswerPart(
        "The other targets",
        "Of classes the share of samples that was right, of numbers the share that was close, and their mean error.",
        ("target", "counted", "share", "mean error", "unit"),
        tuple(rows),
    )
    parts_of = find_task("space_group").function(ANSWERS, "parts_of")
    return (rest, *parts_of(metric.of_first(tally), schema.classes[group]))
