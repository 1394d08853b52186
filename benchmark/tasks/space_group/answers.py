"""The part of a run's page that is of this task: space groups that were taken for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.definition.sample import SampleSchema
from benchmark.metrics.confusion import Confusion
from benchmark.report.answers import AnswerPart
from benchmark.report.confused import confused_parts


def answers(metric: Any, tally: Any, schema: SampleSchema) -> tuple[AnswerPart, ...]:
    """The confusion matrix, each group's figures and the most confused pairs of one split."""
    (labels,) = schema.classes.values()
    return parts_of(tally, labels)


def parts_of(tally: Any, labels: Sequence[str]) -> tuple[AnswerPart, ...]:
    """The same, of the tally of a `MacroF1` over space groups."""
    counts = Confusion(tally[:-1].reshape(len(labels), len(labels)))
    return confused_parts(counts, list(map(_named, labels)))


def _named(label: str) -> str:
    """A space group's number and short symbol; a label that is not a number stays as it is."""
    import gemmi

    group = gemmi.find_spacegroup_by_number(int(label)) if label.isdecimal() else None
    if group is None:
        return label
    symbol = group.short_name()
    return f"{label} {'R' + symbol[1:] if group.ext == 'H' else symbol}"  # H: in hexagonal axes
