"""`validate`: every check on every log, run and submission under a path, and one verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.definition.scored import RULESETS
from benchmark.foundation.errors import StemdlError
from benchmark.validation.copies import Trace, as_fault, copies
from benchmark.validation.finding import Fault, Finding, Severity, Verdict, decide
from benchmark.validation.limits import Limits
from benchmark.validation.registry import as_finding, run_checks
from benchmark.validation.second_opinion import CheckerQuestion, second_opinion
from benchmark.validation.subjects import Log, ResultSet
from benchmark.validation.tree import (
    logs_below,
    read_submission,
    result_sets,
    run_sets,
    submission_around,
    submissions_below,
    walk,
)

LOG, RUNS, SETS, SUBMISSION = "log", "runs", "sets", "submission"


@dataclass
class JudgedSet:
    """The runs of one system and benchmark: what was found in them, and what each learned."""

    folder: Path
    findings: list[Finding] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    whole: bool = False


@dataclass
class Judged:
    """One log, folder of runs, part of a submission, or submission: what was found in it.

    `logs` counts those that were read; `sets` are what it has of them; `ruleset` is the round of MLPerf HPC whose
    rules logs of its benchmarks among them were held to, "" without any.
    """

    path: str
    kind: str
    findings: list[Finding] = field(default_factory=list)
    divisions: list[object] = field(default_factory=list)
    logs: int = 0
    left_out: int = 0
    ruleset: str = ""
    sets: list[JudgedSet] = field(default_factory=list)

    def add(self, findings: Sequence[Finding], limits: Limits, of: JudgedSet | None = None) -> None:
        """More findings, `of` a set or of all; when there are very many they are counted and no longer kept, the first
        of them apart."""
        if of is not None:
            of.findings += [each for each in findings if each.severity is Severity.ERROR][: limits.findings]
        room = max(0, limits.findings_in_all - len(self.findings))
        if len(findings) > room and not self.left_out:
            self.findings.append(as_finding(Fault("there are more findings than are listed"), "R8.6", self.path))
        self.findings += findings[:room]
        self.left_out += len(findings[room:])

    @property
    def verdict(self) -> Verdict:
        """The verdict, by the findings."""
        return decide(self.findings, self.divisions)

    @property
    def whole(self) -> bool:
        """Whether the verdict is on whole sets of runs, and not on logs alone."""
        return bool(self.sets) and all(each.whole for each in self.sets)

    def to_dict(self) -> dict[str, Any]:
        """The judgement for JSON: what it is of and its verdict."""
        return {
            "path": self.path,
            "kind": self.kind,
            "logs": self.logs,
            "whole": self.whole,
            "ruleset": self.ruleset or None,
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True)
class Report:
    """All that was judged. INVALID where anything is; CLOSED where all is."""

    judged: tuple[Judged, ...]

    @property
    def findings(self) -> list[Finding]:
        """The gravest first, then by file and line."""
        found = [finding for each in self.judged for finding in each.findings]
        return sorted(found, key=lambda finding: (-finding.severity, finding.file, finding.line or 0))

    @property
    def verdict(self) -> Verdict:
        """The verdict on all that was judged."""
        verdicts = {each.verdict for each in self.judged}
        if Verdict.INVALID in verdicts or not verdicts:
            return Verdict.INVALID
        return Verdict.OPEN if Verdict.OPEN in verdicts else Verdict.CLOSED

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {
            "verdict": self.verdict.value,
            "findings": [finding.to_dict() for finding in self.findings],
            "judged": [each.to_dict() for each in self.judged],
        }


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
    for each, runs, findings in runs_are_nowhere_else(judged):
        each.add(findings, limits, runs)
    if official and questions:
        say(f"asking the official checkers about {sum(len(question.logs) for _, question in questions)} logs")
        answers = second_opinion([question for _, question in questions], limits)
        for (each, _), findings in zip(questions, answers, strict=True):
            each.add(findings, limits)
    return Report(tuple(judged))


def runs_are_nowhere_else(judged: Sequence[Judged]) -> Iterator[tuple[Judged, JudgedSet, list[Finding]]]:
    """No run of a set is in another set of what is judged, be it another system's, scaling's or submitter's (R4.6)."""
    sets = [(each, runs) for each in judged for runs in each.sets if runs.traces]
    owners = {trace.file: owner for owner in sets for trace in owner[1].traces}
    for benchmark in sorted({runs.traces[0].benchmark for _, runs in sets}):
        alike = [runs.traces for _, runs in sets if runs.traces[0].benchmark == benchmark]
        for copy in copies(alike) if len(alike) > 1 else ():
            yield *owners[copy.trace.file], [as_finding(as_fault(copy), "R4.6", copy.trace.file)]


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
    runs.whole = results.submitted or (results.standard is not None and len(results.logs) >= results.standard.runs)
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
        runs = JudgedSet(results.folder)
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
