"""What a preflight says before the clock: its warnings, and the load of the machine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.launch.load import LOAD
from benchmark.validation.checks.hardware import LOAD_CHECK
from benchmark.validation.checks.ledger_runs import load_average
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, Log, ResultSet, as_number

WARNINGS = "warnings"
FEWEST_ALIKE, FEWEST_IN_STEPS = 4, 5
"""Load averages, of two decimals, that are one number, or rise by one step, once in 1,000,000 sets."""
LEAST_AVERAGE = 0.1
"""Machines that do nothing often have one average, near nought."""


@check("R7.5", of=Log, ours_alone=True)
def preflight_passes_warnings_on(log: Log) -> Iterator[Fault]:
    """The release that measures the load has its numbers, and a list of warnings, empty where there were none."""
    for event in log.of(keys.PREFLIGHT)[:1] if log.closed else ():
        value = event.value if isinstance(event.value, dict) else {}
        names, told = value.get("checks"), value.get(WARNINGS)
        if isinstance(names, list) and LOAD_CHECK in names:
            if not isinstance(told, list) or not all(isinstance(each, str) for each in told):
                yield Fault(
                    "the preflight does not pass on what it warned of",
                    line=event.line,
                    expected=f"{WARNINGS}, a list of texts, as a release writes that measures the load",
                    found=shown(told) if WARNINGS in value else f"no {WARNINGS}",
                    severity=Severity.WARNING,
                )
            figures = value.get("figures")
            load = figures.get("load") if isinstance(figures, dict) else None
            if isinstance(load, dict) and any(as_number(load.get(name)) is None for name in LOAD):
                yield Fault(
                    "the preflight does not say the whole load of the machine",
                    line=event.line,
                    expected=f"numbers: {', '.join(LOAD)}",
                    found=shown(load),
                    severity=Severity.WARNING,
                )


@check("R7.5", of=ResultSet, ours_alone=True)
def load_averages_vary(results: ResultSet) -> Iterator[Fault]:
    """The load averages of runs one after another are not one number, but a whole one, nor do they rise by one step."""
    told = [average for log in results.read if log.closed and (average := load_average(log)) is not None]
    if results.scaling != STRONG or len(told) < FEWEST_ALIKE:
        return
    steps = [b - a for a, b in itertools.pairwise(told)]
    one = max(told) == min(told) > LEAST_AVERAGE and told[0] % 1 > 0
    in_steps = len(told) >= FEWEST_IN_STEPS and abs(steps[0]) > 0 and max(steps) - min(steps) < 1e-6
    if one or in_steps:
        yield Fault(
            "the load averages of the preflights are one number"
            if one
            else "the load averages rise or fall by one step",
            file=results.file,
            found=shown(told[:8]),
            expected="those of a machine at several times",
            severity=Severity.WARNING,
        )
