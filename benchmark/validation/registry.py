"""The list of checks. A check is a small function over one subject that yields its faults; none stops another."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from benchmark.validation.finding import Fault, Finding, Severity, printable
from benchmark.validation.limits import Limits

_CHECKS: dict[str, Check] = {}

BEYOND_ONE_SUBJECT = {
    "second_opinion": ("R9.4",),
    "runs_are_nowhere_else": ("R4.6",),
    "seeds_are_nowhere_else": ("R4.2",),
    "seeds_are_in_no_other_ledger": ("R4.2",),
    "scalings_take_turns": ("R5.5", "R5.4"),
    "instances_are_no_faster": ("R5.5",),
    "runs_were_not_recorded_before": ("R4.6", "R4.2"),
    "sets_do_not_follow_from_others": ("R4.6", "R4.2"),
}
"""What checks more than a function of one subject can, by name, with its rules."""
OF_WORDS = {"words_fit_rules_and_logs", "prose_keeps_to_the_rules", "prose_is_read_by_a_person"}
"""The checks of what is said in words: a rule that they alone are of is kept by nobody's saying otherwise, and is for
the reviewer to hold."""
OF_THE_UNREAD = "log_form"
"""The one check of a log that could not be read: of what nobody has read nothing else is said."""


@dataclass(frozen=True)
class Check:
    """A registered check.

    Attributes
    ----------
    name : the function's, which rules.md says behind "Checked by".
    rules : that its faults rest on; the first is that of a fault which names none.
    subject : class of what it looks at.
    ours_alone : whether it is not for benchmarks of other suites.
    """

    name: str
    rules: tuple[str, ...]
    subject: type
    ours_alone: bool
    function: Callable[[Any], Iterable[Fault]]


def check(*rules: str, of: type, ours_alone: bool = False) -> Callable[[Callable], Callable]:
    """Registers a function as the check of these rules."""

    def register(function: Callable[[Any], Iterable[Fault]]) -> Callable[[Any], Iterable[Fault]]:
        assert function.__name__ not in _CHECKS, function.__name__
        _CHECKS[function.__name__] = Check(function.__name__, rules, of, ours_alone, function)
        return function

    return register


@functools.cache
def all_checks() -> tuple[Check, ...]:
    """Every check of every family."""
    from benchmark.validation import checks

    for module in pkgutil.iter_modules(checks.__path__):
        importlib.import_module(f"{checks.__name__}.{module.name}")
    return tuple(_CHECKS.values())


def run_checks(subject: Any, limits: Limits) -> list[Finding]:
    """What all checks of a subject's class find. A check that breaks off is a finding too, and the others go on."""
    findings: list[Finding] = []
    unread = getattr(subject, "unread", False)
    for each in all_checks():
        if unread and each.name != OF_THE_UNREAD:
            continue
        if each.subject is type(subject) and (subject.ours or not each.ours_alone):
            findings += _findings(each, subject, limits)
    return findings


def _findings(each: Check, subject: Any, limits: Limits) -> Iterator[Finding]:
    faults = iter(each.function(subject))
    try:
        for last in islice(faults, limits.findings):
            yield as_finding(last, each.rules[0], subject.file)
        left = list(faults)
    except Exception as error:  # noqa: BLE001 - whatever a submission makes of a check, the rest is checked
        yield as_finding(
            Fault(
                f"the check {each.name} broke off",
                found=type(error).__name__,
                rule="R8.6",
                hint="this is a fault of the validator too: please report it",
            ),
            "R8.6",
            subject.file,
        )
        return
    if left:
        yield as_finding(
            Fault(f"and {len(left)} more of this kind", line=last.line, severity=max(fault.severity for fault in left)),
            last.rule or each.rules[0],
            last.file or subject.file,
        )


def as_finding(fault: Fault, rule: str, file: str) -> Finding:
    """The finding that a fault is, its texts made printable."""
    return Finding(
        rule=fault.rule or rule,
        severity=Severity(fault.severity),
        file=printable(fault.file or file, 400),
        line=fault.line,
        message=printable(fault.message, 400),
        expected=printable(fault.expected, 400),
        found=printable(fault.found, 400),
        hint=printable(fault.hint, 400),
    )
