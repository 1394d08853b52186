"""Scores that stand: a set of our own rungs has one only where the checks find no error in how it was run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from benchmark.definition.scored import RULESETS
from benchmark.scoring.reference_points import CODE
from benchmark.scoring.score import Score, score_paths
from benchmark.validation.finding import Finding, Severity
from benchmark.validation.limits import Limits
from benchmark.validation.registry import run_checks
from benchmark.validation.standard import standards
from benchmark.validation.subjects import Log, ResultSet
from benchmark.validation.validate import validate

OF_A_SCORE = re.compile(r"R[1-5]\.|R8\.6$")
"""Rules that a score rests on: task, data, clock, runs and divisions, and that all of it could be read. How a set is
packed and its system described (sections 7 and 8) changes no time."""
MOST_TOLD = 8
"""Rules, each with the first error under it."""


def judged_scores(
    paths: Iterable[Path],
    ruleset: str = RULESETS[-1],
    statistics_of: str = CODE,
    envelope: str = CODE,
    limits: Limits = Limits(),
) -> Iterator[Score]:
    """The rows of `score_paths`, those of our rungs without a figure where their set breaks a rule that a score rests
    on, and with what it breaks among the warnings. Raises as `score_paths` does."""
    paths = list(paths)
    rows = list(score_paths(paths, ruleset, statistics_of, envelope))
    found = _found(paths, limits) if any(map(_ours, rows)) else {}
    for row in rows:
        yield _judged(row, found.get(_place(row.folder), None), limits) if _ours(row) else row


def _ours(row: Score) -> bool:
    standard = standards().get(row.benchmark or "")
    return standard is not None and standard.ours


def _place(folder: Path) -> str:
    return os.path.abspath(folder)


def _found(paths: list[Path], limits: Limits) -> dict[str, list[Finding]]:
    """The errors of each set, by its folder."""
    found: dict[str, list[Finding]] = {}
    for judged in validate(paths, official=False, limits=limits).judged:
        for runs in judged.sets:
            found.setdefault(_place(runs.folder), []).extend(runs.findings)
    return found


def _judged(row: Score, found: list[Finding] | None, limits: Limits) -> Score:
    if found is None:  # a layout that is scored and not validated
        logs = [Log.read(path, path.name, limits) for path in row.logs]
        results = ResultSet(row.folder, str(row.folder), "", row.scaling, row.benchmark or "", logs, [], None, False)
        found = [each for subject in (*logs, results) for each in run_checks(subject, limits)]
    told: dict[str, str] = {}
    for each in found:
        if each.severity is Severity.ERROR and OF_A_SCORE.match(each.rule):
            where = Path(each.file).name if each.line is None else f"{Path(each.file).name}, line {each.line}"
            told.setdefault(each.rule, f"{where}: {each.message} ({each.rule}): the set has no score")
    if not told:
        return row
    more = [f"and {len(told) - MOST_TOLD} more rules are broken: stemdl validate"] if len(told) > MOST_TOLD else []
    return replace(
        row,
        score_minutes=None,
        total_minutes=None,
        models_per_hour=None,
        warnings=(*row.warnings, *list(told.values())[:MOST_TOLD], *more),
    )
