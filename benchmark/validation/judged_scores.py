"""Scores that stand: a set of our own rungs has one only where the checks find no error in how it was run, and is
compared and ranked only there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.definition.scored import RULESETS
from benchmark.foundation.errors import StemdlError
from benchmark.scoring.log_folders import find_log_folders
from benchmark.scoring.reference_points import CODE
from benchmark.scoring.score import Score, score_paths
from benchmark.submission.run_record import RUN
from benchmark.validation.copies import Copy, copies
from benchmark.validation.finding import Finding, Severity
from benchmark.validation.limits import Limits
from benchmark.validation.registry import run_checks
from benchmark.validation.standard import standards
from benchmark.validation.subjects import Log, ResultSet
from benchmark.validation.trace import Trace
from benchmark.validation.validate import RUNS, validate

OF_A_SCORE = re.compile(r"R[1-5]\.|R8\.6$")
"""Rules that a score rests on: task, data, clock, runs and divisions, and that all of it could be read. How a set is
packed and its system described (sections 7 and 8) changes no time."""
OF_A_SUBMISSION = re.compile(r"(?!R1\.6$)" + OF_A_SCORE.pattern)
"""The same of a submission that is compared: of a rung that takes none it may be."""
OF_RUNS = re.compile(r"R1\.2$|R3\.(6|7|9|11)$|R4\.(6|9|12|15|16)$|R8\.6$")
"""Rules without which a log does not say what a run did. Runs for oneself may be on other data and with given seeds,
few of them, and ended early; they are compared all the same."""
MOST_TOLD = 8
"""Rules, each with the first error under it."""
UNRECORDED = "no record lies next to these logs: nothing holds them to their runs"


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


def held_to_rules(row: Score, limits: Limits = Limits()) -> tuple[Score, tuple[str, ...], list[Trace]]:
    """A row that is compared or ranked, without a figure where its runs break a rule that their times rest on; what
    they break; and what of each run is compared with others.

    Runs that no record lies next to are held to nothing, which is among the warnings; runs of other suites as little.
    Of a set whose runs are not all in the row, the others' logs are left out.
    """
    if not _ours(row):
        return row, (), []
    if not any(os.path.lexists(path) for log in row.logs for path in (log.with_suffix(".json"), log.parent / RUN)):
        return replace(row, warnings=(*row.warnings, UNRECORDED)), (), []
    told: tuple[str, ...] = ()
    traces: list[Trace] = []
    others = [log for each in find_log_folders([row.folder]) for log in each.logs if log not in row.logs]
    for judged in validate([row.folder], official=False, limits=limits).judged:
        rules = OF_RUNS if judged.kind == RUNS else OF_A_SUBMISSION
        for runs in judged.sets:
            if _place(runs.folder) == _place(row.folder):
                told += _errors((each for each in runs.findings if not _is_of(Path(each.file), others)), rules)
                traces += [each for each in runs.traces if not _is_of(each.path, others)]
    return (_without_figure(row, told) if told else row), told, traces


def _is_of(path: Path, logs: Sequence[Path]) -> bool:
    """Whether a file is one of these logs, or the record of one, by its name and its folder's."""
    return any(path.parent.name == log.parent.name and (path.stem == log.stem or path.name == RUN) for log in logs)


def require_kept(paths: Iterable[Path]) -> list[Path]:
    """Raises StemdlError where runs that others are to be held to break a rule that their times rest on, or where one
    of them is there twice. Returns the folders of the runs that no record lies next to, of which no more is known."""
    sets: list[list[Trace]] = []
    found: list[Copy] = []
    unrecorded: list[Path] = []
    for row in score_paths(paths):
        row, told, traces = held_to_rules(row)
        unrecorded += [row.folder] if UNRECORDED in row.warnings else []
        if not traces:  # they were not judged, so that R4.6 has not looked for copies among them
            traces = [Trace.of(Log.read(path, str(path), Limits())) for path in row.logs]
            found += copies([traces])
        sets.append(traces)
        if told:
            raise StemdlError(
                "these runs break rules that their times rest on",
                where=row.folder,
                found="; ".join(told[:MOST_TOLD]),
                remedy="stemdl validate shows all that is wrong",
            )
    found += copies(sets) if len(sets) > 1 else ()
    twin = next((each for each in found if each.severity is Severity.ERROR), None)
    if twin is not None:
        raise StemdlError("a run is there twice", where=twin.trace.path, found=f"{twin.how} {twin.twin.path}")
    return unrecorded


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
    told = _errors(found, OF_A_SCORE)
    return _without_figure(row, told) if told else row


def _errors(found: Iterable[Finding], rules: re.Pattern[str]) -> tuple[str, ...]:
    """The first error under each of the rules that is broken, in the order in which they were found."""
    told: dict[str, str] = {}
    for each in found:
        if each.severity is Severity.ERROR and rules.match(each.rule):
            where = Path(each.file).name if each.line is None else f"{Path(each.file).name}, line {each.line}"
            told.setdefault(each.rule, f"{where}: {each.message} ({each.rule})")
    return tuple(told.values())


def _without_figure(row: Score, told: tuple[str, ...]) -> Score:
    more = [f"and {len(told) - MOST_TOLD} more rules are broken: stemdl validate"] if len(told) > MOST_TOLD else []
    return replace(
        row,
        score_minutes=None,
        total_minutes=None,
        models_per_hour=None,
        warnings=(*row.warnings, *(f"{each}: the set has no score" for each in told[:MOST_TOLD]), *more),
    )
