"""What MLCommons' own checkers say of the same logs; where they and we differ, a reader should know (R9.4)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.definition.finder import environment_elsewhere
from benchmark.events import keys
from benchmark.foundation.progress import counted, progress
from benchmark.validation.finding import Fault, Finding, Severity
from benchmark.validation.limits import Limits
from benchmark.validation.registry import as_finding
from benchmark.validation.rule_file import RULES, rule_file
from benchmark.validation.subjects import Log, ResultSet

RULE = "R9.4"
NAMES_RULE_FILES = {
    keys.SUBMISSION_DIVISION: {keys.CLOSED, keys.OPEN},
    "scheduler_type": {"multistep", "cosine_annealing"},
}
"""Keys whose value the official checker makes the name of a rule file from, whose code it then runs: a log that says
`../../../home/me/evil` there has it run code of the submission. Only logs with these values are given to it."""


@dataclass(frozen=True)
class CheckerQuestion:
    """What the official checkers are asked.

    Attributes
    ----------
    file : what is asked about, for the reader. errors : how many we found in it.
    logs : paths. rules : a rule file of ours, or "" for the official ones.
    seeds, rcp_folder, system : whether the seeds are compared; the folder whose convergence is tested and the
        description that is checked, or "".
    tolerated : logs that may fail.
    unasked : why nothing is asked, or "".
    """

    file: str
    errors: int
    ours: bool
    logs: tuple[str, ...]
    rules: str
    seeds: bool = False
    rcp_folder: str = ""
    system: str = ""
    tolerated: int = 0
    unasked: str = ""

    @classmethod
    def about_log(cls, log: Log, errors: int, limits: Limits) -> CheckerQuestion:
        """One log alone."""
        return cls(
            log.file,
            errors,
            log.ours,
            (str(log.path.absolute()),),
            str(rule_file(log.standard)) if log.ours else "",
            unasked=_unasked([log], limits),
        )

    @classmethod
    def about_set(cls, results: ResultSet, errors: int, limits: Limits) -> CheckerQuestion:
        """The runs of a system and benchmark: their logs, seeds, convergence and the system."""
        closed = all(log.closed for log in results.logs)
        system = results.system if results.system is not None and results.system.values is not None else None
        return cls(
            results.file,
            errors,
            results.ours,
            tuple(str(log.path.absolute()) for log in results.logs),
            str(rule_file(results.standard)) if results.ours else "",
            seeds=closed,
            rcp_folder=str(results.folder.absolute()) if closed and not results.ours else "",
            system=str(system.path.absolute()) if system else "",
            tolerated=results.standard.missed_runs if results.standard else 0,
            unasked=_unasked(results.logs, limits),
        )


def _unasked(logs: Sequence[Log], limits: Limits) -> str:
    """Why the official checkers are not given these logs."""
    for log in logs:
        if not log.events or log.standard is None:
            return f"{log.path.name} holds nothing that they could read"
        if os.lstat(log.path).st_size > limits.official_log_bytes:
            return f"{log.path.name} is too large for them"
        for key, harmless in NAMES_RULE_FILES.items():
            if any(not isinstance(event.value, str) or event.value not in harmless for event in log.of(key)):
                return f"{log.path.name} has a {key} that they would take for the name of a rule file"
        if log.standard is not None and {
            event.value for event in log.of(keys.SUBMISSION_BENCHMARK) if isinstance(event.value, str)
        } != {log.standard.name}:
            return f"{log.path.name} is of several benchmarks"
        if any(fault.severity is Severity.ERROR for fault in log.faults):
            return f"{log.path.name} has lines that cannot be read"
    return "" if logs else "there are no logs"


def second_opinion(questions: Sequence[CheckerQuestion], limits: Limits) -> list[list[Finding]]:
    """The findings that the answer to each question gives. Asks in one process for all, which ends when the limits
    are reached; what it has not answered by then is reported."""
    asked = [question for question in questions if not question.unasked]
    if importlib.util.find_spec("mlperf_logging") is None:
        why = "mlperf-logging is not installed: pip install mlperf-logging"
        return [[_note(question, f"the official checkers were not asked: {why}")] for question in questions]
    answers = dict(zip(map(id, asked), objections(asked, limits) if asked else [], strict=False))
    return [_findings(question, answers.get(id(question))) for question in questions]


def objections(questions: Sequence[CheckerQuestion], limits: Limits) -> list[list[dict[str, str]]]:
    """What the official checkers object to in each question's files: the tool, the file and what it said. In the
    questions' order, of as many as there was time for."""
    root = str(Path(__file__).resolve().parents[2])
    environment = environment_elsewhere() | {
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [
        sys.executable,
        "-m",
        "benchmark.validation.official_worker",
        str(limits.official_seconds),
        str(limits.official_bytes),
    ]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as asked:
        asked.writelines(json.dumps(asdict(each)) + "\n" for each in questions)
        asked.seek(0)
        # From the folder of the rules: "-m" looks there first, and a submission may not put its own checker in the way.
        process = subprocess.Popen(
            command,
            cwd=RULES.parent,
            env=environment,
            text=True,
            stdin=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    limit = threading.Timer(limits.official_seconds, process.kill)
    limit.start()
    title = "Asking the official checkers"
    with process, progress(title, len(questions), "sets of logs", last=False) as advance:
        try:
            answers = (json.loads(line) for line in process.stdout if line.endswith("\n"))  # one may be cut off
            return list(counted(answers, advance))
        finally:
            limit.cancel()
            process.kill()  # where we are interrupted; else it has ended


def _findings(question: CheckerQuestion, answer: list[dict[str, str]] | None) -> list[Finding]:
    if question.unasked:
        return [_note(question, f"the official checkers were not asked: {question.unasked}")]
    if answer is None:
        return [_note(question, "the official checkers did not answer in time", Severity.WARNING)]
    failed_logs = [each for each in answer if each["tool"] == "compliance_checker"]
    failed = [each for each in answer if each["tool"] != "compliance_checker"]
    if len(failed_logs) > question.tolerated:
        failed = failed_logs + failed
    if failed and not question.errors:
        first = failed[0]
        return [
            as_finding(
                Fault(
                    f"the official {first['tool']} objects to {len(failed)} of these files, and we do not",
                    found=f"{Path(first['file']).name}: {first['said']}",
                    expected="the same verdict",
                    severity=Severity.ERROR if question.ours else Severity.WARNING,
                ),
                RULE,
                question.file,
            )
        ]
    if question.errors and not failed:
        return [_note(question, f"the official checkers pass this; we found {question.errors} errors")]
    return []


def _note(question: CheckerQuestion, message: str, severity: Severity = Severity.NOTE) -> Finding:
    return as_finding(Fault(message, severity=severity), RULE, question.file)
