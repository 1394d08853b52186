"""`validate`: every check on every log, run and submission under a path, and one verdict."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.validation.finding import Fault, Finding, Severity, Verdict, decide
from benchmark.validation.limits import Limits
from benchmark.validation.registry import as_finding, run_checks
from benchmark.validation.second_opinion import Question, second_opinion
from benchmark.validation.subjects import Log, ResultSet
from benchmark.validation.tree import logs_below, read_submission, result_sets, run_sets, submissions_below, walk

LOG, RUNS, SUBMISSION = "log", "runs", "submission"


@dataclass
class Judged:
    """One log, folder of runs, or submission: what was found in it. `logs` counts those that were read."""

    path: str
    kind: str
    findings: list[Finding] = field(default_factory=list)
    divisions: list[object] = field(default_factory=list)
    logs: int = 0
    left_out: int = 0

    def add(self, findings: Sequence[Finding], limits: Limits) -> None:
        """More findings; when there are very many they are counted and no longer kept, the first of them apart."""
        room = max(0, limits.findings_in_all - len(self.findings))
        if len(findings) > room and not self.left_out:
            self.findings.append(as_finding(Fault("there are more findings than are listed"), "R8.6", self.path))
        self.findings += findings[:room]
        self.left_out += len(findings[room:])

    @property
    def verdict(self) -> Verdict:
        return decide(self.findings, self.divisions)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: what it is and its verdict."""
        return {"path": self.path, "kind": self.kind, "logs": self.logs, "verdict": self.verdict.value}


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
        verdicts = {each.verdict for each in self.judged}
        if Verdict.INVALID in verdicts or not verdicts:
            return Verdict.INVALID
        return Verdict.OPEN if Verdict.OPEN in verdicts else Verdict.CLOSED

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
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
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Judge what lies under each path, and read nothing outside.

    Parameters
    ----------
    official : ask MLCommons' own checkers too; where they disagree with us is a finding (R9.4).
    say : told what is being judged.

    Raises StemdlError where a path does not exist. Whatever exists has a verdict.
    """
    judged: list[Judged] = []
    questions: list[tuple[Judged, Question]] = []
    for path in paths:
        if not os.path.lexists(path):
            raise StemdlError(
                "there is nothing here",
                where=path,
                expected="a log, a run or a submission",
                remedy="stemdl list says which runs there are",
            )
        for each, asked in _under(path, limits):
            say(f"{each.path}: {each.logs} log{'s' if each.logs != 1 else ''}, {len(each.findings)} findings")
            judged.append(each)
            questions += [(each, question) for question in asked]
    if official and questions:
        say(f"asking the official checkers about {sum(len(question.logs) for _, question in questions)} logs")
        answers = second_opinion([question for _, question in questions], limits)
        for (each, _), findings in zip(questions, answers, strict=True):
            each.add(findings, limits)
    return Report(tuple(judged))


def _under(path: Path, limits: Limits) -> Iterator[tuple[Judged, list[Question]]]:
    name = str(path)
    if not path.is_dir():
        log = Log.read(path, name, limits)
        judged = Judged(name, LOG)
        yield judged, [_judge_log(log, judged, limits)]
        return
    entries, overflow = walk(path, limits)
    begins = submissions_below(path, entries)
    for begin in begins:
        yield _judge_submission(path / begin if begin else path, f"{name}/{begin}" if begin else name, limits)
    if begins:
        return
    judged = Judged(name, RUNS)
    if overflow:
        judged.add([as_finding(Fault(overflow), "R8.6", name)], limits)
    logs = list(logs_below(path, name, entries, limits))
    questions = [_judge_log(log, judged, limits) for log in logs]
    for results in run_sets(logs):
        judged.add(run_checks(results, limits), limits)
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


def _judge_log(log: Log, judged: Judged, limits: Limits) -> Question:
    findings = run_checks(log, limits)
    judged.add(findings, limits)
    judged.divisions.append(log.division)
    judged.logs += 1
    return Question.about_log(log, _errors(findings), limits)


def _judge_submission(folder: Path, name: str, limits: Limits) -> tuple[Judged, list[Question]]:
    submission = read_submission(folder, name, limits)
    judged = Judged(name, SUBMISSION)
    questions = []
    for results in result_sets(submission, limits):
        errors = 0
        for log in results.logs:
            findings = run_checks(log, limits)
            errors += _errors(findings)
            judged.add(findings, limits)
            judged.divisions.append(log.division)
        judged.logs += len(results.logs)
        own = run_checks(results, limits)
        judged.add(own, limits)
        questions.append(Question.about_set(results, errors + _errors(own), limits))
        submission.sets.append(_without_events(results))
    judged.add(run_checks(submission, limits), limits)
    return judged, questions


def _errors(findings: list[Finding]) -> int:
    return sum(1 for finding in findings if finding.severity is Severity.ERROR)


def _without_events(results: ResultSet) -> ResultSet:
    """What a submission's checks need of a set: not its logs, which may be large."""
    results.logs, results.pruned = [], []
    return results
