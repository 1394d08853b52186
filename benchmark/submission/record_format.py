"""The forms that a run's record has had. The first knew one metric, of which more was better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMAT = 2
_RENAMED = {"eval_f1": "evaluations", "test_f1": "test"}
_UNSAID = {"metric": "macro-F1", "reaches": "at_least", "low": 0.0, "high": 1.0}
"""Of the first form, which did not say so."""


def of_the_newest_format(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of any format in the newest one. The first has no word of its format."""
    if "format" in record:
        return dict(record)
    return _UNSAID | {_RENAMED.get(name, name): value for name, value in record.items()} | {"format": FORMAT}
