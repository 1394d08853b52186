"""The bridge to MLCommons' own checker: our logs pass it unmodified, under rules that we keep as data."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmark.definition.finder import environment_elsewhere
from benchmark.definition.own_rung import is_rung_name
from benchmark.events import keys
from benchmark.foundation.errors import StemdlError
from benchmark.validation.limits import Limits
from benchmark.validation.rule_file import RULES, rule_file
from benchmark.validation.subjects import Log

MOST_BYTES = 2**24
"""The size at most of a log that the official checker is given: it keeps all of it, several times over."""


@dataclass(frozen=True)
class OfficialVerdict:
    """What the official checker said of one log: `output` is its text, `command` what a reader can type to see it.
    `passed` is None where it was not asked: it has rules for the known benchmarks alone."""

    passed: bool | None
    output: str
    command: tuple[str, ...]


def check_log(path: Path) -> OfficialVerdict:
    """Run `mlperf_logging.compliance_checker` on a log, in a process of its own; nothing else is written anywhere.

    Passed means both that it ended with 0 and that its last word was SUCCESS: other tools of the same package end
    with 0 whatever they find. A log that makes the checker itself break off has not passed. It is not asked about a
    log of a rung that nobody knows, such as a user's own.

    Raises StemdlError when there is no such log, or mlperf-logging is not installed.
    """
    if not path.is_file():
        raise StemdlError("there is no such log", where=path)
    if path.stat().st_size > MOST_BYTES:
        return OfficialVerdict(False, f"ERROR - the log has more than the {MOST_BYTES} bytes that it is given", ())
    if importlib.util.find_spec("mlperf_logging") is None:
        raise StemdlError("mlperf-logging is not installed", remedy="pip install mlperf-logging")
    log = Log.read(path, path.name, Limits())
    if log.standard is None and is_rung_name(log.value(keys.SUBMISSION_BENCHMARK)):
        return OfficialVerdict(None, "", ())
    command = (
        sys.executable,
        "-m",
        "mlperf_logging.compliance_checker",
        "--usage",
        "hpc",
        "--ruleset",
        "3.0.0",
        "--config",
        str(rule_file(log.standard)),
        "--werror",  # a key given twice with the same value is an error too
        "--log_output",
        os.devnull,  # or it leaves a file in the folder that it is called from
        str(path.resolve()),
    )
    # From the folder of the rules: "-m" looks there first, and a submission may not put its own checker in the way.
    done = subprocess.run(
        command,
        cwd=RULES.parent,
        env=environment_elsewhere(),
        text=True,
        errors="replace",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    verdicts = [line for line in done.stdout.splitlines() if line in ("INFO - SUCCESS", "ERROR - FAILED")]
    passed = done.returncode == 0 and verdicts[-1:] == ["INFO - SUCCESS"]
    return OfficialVerdict(passed, done.stdout, command)
