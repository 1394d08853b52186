"""What a submission says of itself that only others can say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from benchmark.validation.checks.scripts import readmes
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet

_REVIEWED = re.compile(r"\b(verified|certified|approved|endorsed|audited)\b.{0,20}\bml(commons|perf)\b", re.IGNORECASE)


@check("R6.1", of=ResultSet, ours_alone=True)
def no_review_is_claimed(results: ResultSet) -> Iterator[Fault]:
    """No field of the description and no README says that somebody else has verified the result: the review does."""
    values = (results.system.values if results.system is not None else None) or {}
    told = [(results.system.file, str(text)) for text in values.values()] if results.system is not None else []
    for file, text in (*told, *((file, text) for _, file, text in (readmes(results) if results.read else ()))):
        if claim := _REVIEWED.search(text[:100_000]):
            yield Fault(
                "the submission says of itself that it was reviewed",
                file=file,
                expected="what the system is, or how the runs are made",
                found=shown(claim[0]),
                severity=Severity.WARNING,
            )
