"""The order of the runs in the ledger, which is that of the logs, and their numbers, of which none is missing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from benchmark.submission.ledger import LEDGER
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, ResultSet
from benchmark.validation.told import ledger_of, run_of

NUMBERED = re.compile("(?:run|instance)_([0-9]{1,9})")
"""The folder of a run within its set."""
MOST_SHOWN = 8


@check("R4.12", of=ResultSet, ours_alone=True)
def logs_keep_the_ledgers_order(results: ResultSet) -> Iterator[Fault]:
    """The logs of strong scaling are numbered as their runs were made."""
    ledger = ledger_of(results)
    if ledger is None or results.scaling != STRONG:
        return
    ran = [(log, run) for log in results.logs if (run := run_of(ledger, log)) is not None]
    for (before, above), (log, run) in itertools.pairwise(ran):
        if run.line < above.line:
            yield Fault(
                "the logs are not in the order of their runs",
                file=log.file,
                expected=f"a run that began after that of {before.path.name}, line {above.line} of {LEDGER}",
                found=f"line {run.line}",
                severity=Severity.WARNING,
            )


@check("R4.12", of=ResultSet, ours_alone=True)
def no_run_is_missing_from_its_set(results: ResultSet) -> Iterator[Fault]:
    """The software numbers the runs of a set from 0 and enters each: a number that no line has was taken out."""
    ledger = ledger_of(results)
    if ledger is None:
        return
    entered: dict[str, set[int]] = {}
    for run in ledger.runs:
        folder, _, name = run.folder.rpartition("/")
        if (numbered := NUMBERED.fullmatch(name)) is not None:
            entered.setdefault(folder, set()).add(int(numbered[1]))
    sent = {run.folder.rpartition("/")[0] for log in results.logs if (run := run_of(ledger, log)) is not None}
    for folder in sorted(sent & entered.keys()):
        last = max(entered[folder])
        missing = list(itertools.islice((n for n in range(last) if n not in entered[folder]), MOST_SHOWN))
        if missing:
            yield Fault(
                f"the ledger does not have all runs of the set {shown(folder)}",
                file=f"{results.file}/{LEDGER}",
                expected=f"runs 0 to {last}, each entered before it began",
                found=f"none of number {', '.join(map(str, missing))}",
                severity=Severity.WARNING,
                hint="a ledger that was begun again, or lines that were taken out: the submitter says which",
            )
