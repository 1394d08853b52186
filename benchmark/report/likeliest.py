"""The part of a run's page that shows how often the right class was among the likeliest."""

from __future__ import annotations

from typing import Any

from benchmark.metrics.ranking import DEPTHS
from benchmark.report.answers import AnswerPart


def likeliest_part(title: str, said: str, metric: Any, tally: Any) -> AnswerPart:
    """The shares of each part of a split by the metric `ranking`: top-1, top-3, top-5 and macro-F1."""
    shares = metric.by_part(tally)
    counted = dict(zip(metric.parts, tally[:-1].reshape(len(metric.parts), -1)[:, len(DEPTHS)].tolist(), strict=True))
    columns = ("part", "samples", *next(iter(shares.values())))
    return AnswerPart(
        title, said, columns, tuple((part, counted[part], *each.values()) for part, each in shares.items())
    )
