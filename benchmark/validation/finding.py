"""What a check finds, as data, and what all findings together decide."""

from __future__ import annotations

import enum
import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.foundation.text import LONGEST_SHOWN, printable

TO_BE_READ = "to be read by a person"
"""How a note ends on words of which the software cannot tell the meaning."""
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


class Severity(enum.IntEnum):
    """Only an error makes a submission invalid."""

    NOTE = 0
    WARNING = 1
    ERROR = 2


class Verdict(enum.Enum):
    """The verdict on a submission: valid in the division that it declares, or in none."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    INVALID = "INVALID"


@dataclass(frozen=True)
class Fault:
    """What a check yields; the registry adds the rule and the file where the check leaves them to it.

    Attributes
    ----------
    line : from 1, or None where the whole file is meant. file : None for the subject's own.
    expected, found, hint : texts for a reader; empty where there is nothing to say.
    rule : None for the first of the check's rules.
    """

    message: str
    line: int | None = None
    expected: str = ""
    found: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR
    rule: str | None = None
    file: str | None = None


@dataclass(frozen=True)
class Finding:
    """A broken rule, and where. All texts are printable: what was foreign in them is escaped and cut short."""

    rule: str
    severity: Severity
    file: str
    line: int | None
    message: str
    expected: str
    found: str
    hint: str

    def to_dict(self) -> dict[str, Any]:
        """The finding for JSON, the severity as a word."""
        return {**asdict(self), "severity": self.severity.name.lower()}


def decide(findings: Iterable[Finding], divisions: Iterable[object]) -> Verdict:
    """INVALID with any error or without any submission; else CLOSED where all declare `closed`, OPEN otherwise."""
    declared = set(map(str, divisions))
    if not declared or any(finding.severity is Severity.ERROR for finding in findings):
        return Verdict.INVALID
    return Verdict.CLOSED if declared == {"closed"} else Verdict.OPEN


def alike(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Findings that say the same of files of one folder, whatever numbers they name, together; in the order of the
    first of each."""
    groups: dict[tuple, list[Finding]] = {}
    for finding in findings:
        kind = _NUMBER.sub("0", finding.message)
        said = (finding.rule, finding.severity, kind, Path(finding.file).parent)
        groups.setdefault(said, []).append(finding)
    return list(groups.values())


def shown(value: Any) -> str:
    """A foreign value as one short printable text, as JSON where it can be."""
    if isinstance(value, (dict, list)) and len(value) > LONGEST_SHOWN:
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    try:
        text = json.dumps(value[: 2 * LONGEST_SHOWN] if isinstance(value, str) else value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    return printable(text)
