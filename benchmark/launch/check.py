"""What a check of the machine found, and how it is reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class CheckResult:
    """What one check found; `remedy` is what to do about it, empty where nothing is to be done. One that is ok and
    has a remedy is a warning."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Name, ok, detail and remedy, for JSON."""
        return asdict(self)


def judged(name: str, ok: bool, detail: str, remedy: str) -> CheckResult:
    """A check that has a remedy only when it failed."""
    return CheckResult(name, ok, detail, "" if ok else remedy)


def check_lines(checks: Sequence[CheckResult]) -> list[str]:
    """One line for each check, and one more where something is to be done."""
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        verdict = "FAILED" if not check.ok else "warn  " if check.remedy else "ok    "
        lines.append(f"{verdict}  {check.name.ljust(width)}  {check.detail}")
        if check.remedy:
            lines.append(f"{'':8}{'':{width}}  what to do: {check.remedy}")
    return lines
