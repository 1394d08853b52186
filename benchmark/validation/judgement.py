"""What was judged: sets of runs, submissions and all of them, with what was found in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmark.validation.finding import Fault, Finding, Severity, Verdict, decide
from benchmark.validation.limits import Limits
from benchmark.validation.registry import as_finding
from benchmark.validation.trace import Trace

LOG, RUNS, SETS, SUBMISSION = "log", "runs", "sets", "submission"
VALID = "VALID"


@dataclass
class JudgedSet:
    """The runs of one system and benchmark: what was found in them, and what each learned. Those in no submission have
    no `system_id` and no `scaling`. `ledger_seeds` has the seeds of the set's ledger, with the SHA-256 of the logs of
    the runs that took each, as far as they have one."""

    folder: Path
    system_id: str = ""
    scaling: str = ""
    findings: list[Finding] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    ledger_seeds: dict[int, set[str | None]] = field(default_factory=dict)


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
        """Whether all that a submission has was judged, and not logs, or sets, without what lies around them."""
        return self.kind == SUBMISSION and bool(self.sets)

    @property
    def word(self) -> str:
        """The verdict in a word: CLOSED and OPEN are said of whole submissions alone, since a part can be good and the
        submission not."""
        return self.verdict.value if self.whole or self.verdict is Verdict.INVALID else VALID

    def to_dict(self) -> dict[str, Any]:
        """The judgement for JSON: what it is of and its verdict."""
        return {
            "path": self.path,
            "kind": self.kind,
            "logs": self.logs,
            "whole": self.whole,
            "ruleset": self.ruleset or None,
            "verdict": self.word,
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

    @property
    def word(self) -> str:
        """The verdict in a word: VALID where a part of a submission, or logs alone, were judged."""
        parts = any(not each.whole for each in self.judged)
        return VALID if parts and self.verdict is not Verdict.INVALID else self.verdict.value

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {
            "verdict": self.word,
            "findings": [finding.to_dict() for finding in self.findings],
            "judged": [each.to_dict() for each in self.judged],
        }
