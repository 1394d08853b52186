"""What a submitter tried besides the submitted set: how many ways of tuning, and at what cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from benchmark.submission.ledger import LEDGER, LedgerRun
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, ResultSet
from benchmark.validation.told import ledger_of, run_of

MOST_TRIALS = 20
"""Ways of tuning that a closed submission may have tried besides its own: as many as AlgoPerf's external tuning draws
for a study (Dahl et al. 2023, Benchmarking Neural Network Training Algorithms)."""


@check("R4.17", of=ResultSet, ours_alone=True)
def search_is_told(results: ResultSet) -> Iterator[Fault]:
    """The ledger's runs of the rung that were tuned otherwise than the submitted ones are reported with the hours that
    they took; a closed submission has at most 20 such ways of tuning."""
    tried = tried_otherwise(results)
    if not tried or results.standard is None or results.scaling != STRONG:
        return
    ways = len({_tuning(run, results.standard.tunable) for run in tried})
    many = ways > MOST_TRIALS and any(log.closed for log in results.logs)
    yield Fault(
        "more was tuned than a closed submission may" if many else "runs were tuned otherwise",
        file=f"{results.file}/{LEDGER}",
        line=tried[0].line,
        expected=f"at most {MOST_TRIALS} ways of tuning besides the submitted one" if many else "",
        found=f"{ways} in {len(tried)} runs, which lasted {sum(map(_hours, tried)):.2g} hours",
        severity=Severity.WARNING if many else Severity.NOTE,
        hint="the submitter says why" if many else "",
    )


def tried_otherwise(results: ResultSet) -> list[LedgerRun]:
    """The ledger's runs of the rung that were tuned otherwise than the first of the submitted ones."""
    ledger, standard = ledger_of(results), results.standard
    first = next((run for log in results.logs if ledger and (run := run_of(ledger, log)) is not None), None)
    if ledger is None or first is None or standard is None:
        return []
    tunable = standard.tunable
    return [run for run in ledger.runs if run.rung == first.rung and _tuning(run, tunable) != _tuning(first, tunable)]


def _tuning(run: LedgerRun, tunable: Sequence[str]) -> tuple[Any, ...]:
    values = (run.settings.get(name) for name in tunable)
    return tuple(value if isinstance(value, (bool, int, float, str)) else None for value in values)


def _hours(run: LedgerRun) -> float:
    """By the ledger's two lines; 0 where it does not have the end."""
    if run.started_ms is None or run.ended_ms is None:
        return 0.0
    return max(0, run.ended_ms - run.started_ms) / 3.6e6
