"""`validate`: every check on every log, run and submission under a path, and one verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmark.definition.scored import RULESETS
from benchmark.foundation.errors import StemdlError
from benchmark.validation.across import found_across
from benchmark.validation.finding import Fault, Finding, Severity
from benchmark.validation.judgement import LOG, RUNS, SETS, SUBMISSION, Judged, JudgedSet, Report
from benchmark.validation.limits import Limits
from benchmark.validation.registry import as_finding, run_checks
from benchmark.validation.second_opinion import CheckerQuestion, second_opinion
from benchmark.validation.subjects import Log, ResultSet
from benchmark.validation.told import ledger_of
from benchmark.validation.trace import Trace
from benchmark.validation.tree import (
    logs_below,
    read_submission,
    result_sets,
    run_sets,
    submission_around,
    submissions_below,
    walk,
)


def validate(
    paths: Sequence[Path],
    *,
    limits: Limits = Limits(),
    official: bool = True,
    ruleset: str = RULESETS[-1],
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Judge what lies under each path, and read nothing outside.

    Parameters
    ----------
    official : ask MLCommons' own checkers too; where they disagree with us is a finding (R9.4).
    ruleset : the round of MLPerf HPC by whose rules logs of its benchmarks are judged.
    say : told what is being judged.

    Raises StemdlError where a path does not exist. Whatever exists has a verdict.
    """
    judged: list[Judged] = []
    questions: list[tuple[Judged, CheckerQuestion]] = []
    for path in paths:
        if not os.path.lexists(path):
            raise StemdlError(
                "there is nothing here",
                where=path,
                expected="a log, a run or a submission",
                remedy="stemdl list says which runs there are",
            )
        for each, asked in _under(path, limits, ruleset):
            say(f"{each.path}: {each.logs} log{'s' if each.logs != 1 else ''}, {len(each.findings)} findings")
            judged.append(each)
            questions += [(each, question) for question in asked]
    for each, runs, findings in list(found_across(judged)):
        each.add(findings, limits, runs)
    if official and questions:
        say(f"asking the official checkers about {sum(len(question.logs) for _, question in questions)} logs")
        answers = second_opinion([question for _, question in questions], limits)
        for (each, _), findings in zip(questions, answers, strict=True):
            each.add(findings, limits)
    return Report(tuple(judged))


def _under(path: Path, limits: Limits, ruleset: str) -> Iterator[tuple[Judged, list[CheckerQuestion]]]:
    name = str(path)
    if not path.is_dir():
        log = Log.read(path, name, limits)
        log.ruleset = ruleset
        judged, heard = Judged(name, LOG), _Heard(limits)
        heard(log)
        yield judged, [CheckerQuestion.about_log(log, heard.of(log, judged, JudgedSet(path.parent)), limits)]
        return
    entries, overflow = walk(path, limits)
    begins = submissions_below(path, entries)
    if not begins and (around := submission_around(path)) is not None:
        yield _judge_submission(*around, limits, ruleset, within=path)
        return
    for begin in begins:
        yield _judge_submission(path / begin if begin else path, f"{name}/{begin}" if begin else name, limits, ruleset)
    if begins:
        return
    judged = Judged(name, RUNS)
    if overflow:
        judged.add([as_finding(Fault(overflow), "R8.6", name)], limits)
    heard = _Heard(limits)
    logs = list(logs_below(path, name, entries, limits, heard, ruleset))
    questions = []
    for results in run_sets(logs):
        runs = JudgedSet(results.folder)
        for log in results.logs:
            questions.append(CheckerQuestion.about_log(log, heard.of(log, judged, runs), limits))
        _judge_set(results, judged, runs, limits)
    if not questions and not overflow:
        judged.add(
            [
                as_finding(
                    Fault(
                        "there is no log here",
                        expected="result_<i>.txt in a run's folder, or a submission's results/ and systems/",
                    ),
                    "R8.1",
                    name,
                )
            ],
            limits,
        )
    yield judged, questions


class _Heard:
    """What was found in each log when it was read whole."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.findings: dict[str, tuple[Log, list[Finding]]] = {}

    def __call__(self, log: Log) -> None:
        self.findings[log.file] = log, run_checks(log, self.limits)

    def of(self, log: Log, judged: Judged, runs: JudgedSet) -> int:
        """Says of a log what was found in it, and of one that is not kept that; returns the number of errors."""
        whole, findings = self.findings.pop(log.file, (None, []))
        if whole is not log:
            findings = findings + run_checks(log, self.limits)
        judged.add(findings, self.limits, runs)
        judged.divisions += [] if log.unread else [log.division]
        judged.logs += 1
        judged.ruleset = judged.ruleset if log.ours else log.ruleset
        return _errors(findings)


def _judge_set(results: ResultSet, judged: Judged, runs: JudgedSet, limits: Limits) -> list[Finding]:
    findings = run_checks(results, limits) if results.submitted or len(results.logs) > 1 else []
    judged.add(findings, limits, runs)
    runs.traces = [Trace.of(log) for log in results.read + results.pruned]
    for run in ledger.runs if (ledger := ledger_of(results)) is not None else ():
        if run.seed is not None:
            runs.ledger_seeds.setdefault(run.seed, set()).add(run.log_sha256)
    judged.sets.append(runs)
    return findings


def _judge_submission(
    folder: Path, name: str, limits: Limits, ruleset: str, within: Path | None = None
) -> tuple[Judged, list[CheckerQuestion]]:
    """A submission; of one `within` it, its sets alone."""
    submission = read_submission(folder, name, limits)
    judged = Judged(name if within is None else str(within), SUBMISSION if within is None else SETS)
    questions, heard = [], _Heard(limits)
    for results in result_sets(submission, limits, heard, within, ruleset):
        runs = JudgedSet(results.folder, results.system_id, results.scaling)
        errors = sum(heard.of(log, judged, runs) for log in results.logs)
        errors += _errors(_judge_set(results, judged, runs, limits))
        questions.append(CheckerQuestion.about_set(results, errors, limits))
        submission.sets.append(_without_events(results))
    if within is None:
        judged.add(run_checks(submission, limits), limits)
    return judged, questions


def _errors(findings: list[Finding]) -> int:
    return sum(1 for finding in findings if finding.severity is Severity.ERROR)


def _without_events(results: ResultSet) -> ResultSet:
    """What a submission's checks need of a set: not its logs, which may be large."""
    results.logs, results.pruned = [], []
    return results
