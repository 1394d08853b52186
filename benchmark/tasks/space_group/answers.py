"""The part of a run's page that is of this task: space groups that were taken for others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmark.data.manifest import Manifest
from benchmark.definition.sample import SampleSchema
from benchmark.metrics.confusion import Confusion
from benchmark.report.answers import AnswerPart
from benchmark.report.confused import confused_parts, most_confused
from benchmark.report.drawing import inlined

PAIRS_SHOWN = 4


def answers(metric: Any, tally: Any, schema: SampleSchema) -> tuple[AnswerPart, ...]:
    """The confusion matrix, each group's figures and the most confused pairs of one split."""
    (labels,) = schema.classes.values()
    return parts_of(tally, labels)


def parts_of(tally: Any, labels: Sequence[str]) -> tuple[AnswerPart, ...]:
    """The same, of the tally of a `MacroF1` over space groups."""
    return confused_parts(_counts(tally, labels), list(map(_named, labels)))


def examples(metric: Any, tally: Any, schema: SampleSchema, manifest: Manifest, split: str) -> tuple[AnswerPart, ...]:
    """The most confused pairs of one split with patterns of both groups side by side, from the data that the run
    answered about. Raises StemdlError where these lack a group."""
    from benchmark.tasks.space_group.exploring.stacks import pairs_side_by_side

    (labels,) = schema.classes.values()
    pairs = [(int(labels[row]), int(labels[column])) for row, column in most_confused(_counts(tally, labels))]
    if not pairs:
        return ()
    figure, shown = pairs_side_by_side(manifest, pairs[:PAIRS_SHOWN], split)
    return (
        AnswerPart(
            "Most confused, side by side",
            "In each row the group on the left was taken for the one on the right: patterns of the first material of "
            "each in this split, whether or not it was confused itself; the logarithm of intensity.",
            (),
            (),
            inlined(figure, "; ".join(shown)),
        ),
    )


def _counts(tally: Any, labels: Sequence[str]) -> Confusion:
    return Confusion(tally[:-1].reshape(len(labels), len(labels)))


def _named(label: str) -> str:
    """A space group's number and short symbol; a label that is not a number stays as it is."""
    import gemmi

    group = gemmi.find_spacegroup_by_number(int(label)) if label.isdecimal() else None
    if group is None:
        return label
    symbol = group.short_name()
    return f"{label} {'R' + symbol[1:] if group.ext == 'H' else symbol}"  # H: in hexagonal axes
