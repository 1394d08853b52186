"""Whether a closed submission converges as the reference does, and not sooner."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.scoring.reference_points import MISSING, read_points
from benchmark.submission.ledger import LEDGER
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet, as_count, as_number
from benchmark.validation.told import ledger_of, run_of

FEWEST_RUNS = 3  # the fastest and the slowest are dropped
LEAST_SHARE = 0.65
"""Of the mean epochs of recorded runs, in which none reaches the target: of 50 of five batch sizes the quickest took
0.69 of it."""


@check("R4.11", of=ResultSet)
def converges_as_the_reference(results: ResultSet) -> Iterator[Fault]:
    """The epochs to the target are not significantly fewer than the reference's at this batch size."""
    standard = results.standard
    runs = results.read
    if standard is None or len(runs) < len(results.logs) or not runs or not all(log.closed for log in runs):
        return
    if standard.reference_points is None:
        yield Fault(
            "no reference runs are recorded for this benchmark: its convergence is not tested", severity=Severity.NOTE
        )
        return
    sizes = {as_count(log.value(keys.GLOBAL_BATCH_SIZE)) for log in runs}
    size = sizes.pop() if len(sizes) == 1 else None
    if size is None or len(runs) < FEWEST_RUNS:
        return  # R4.5 and R4.10 say so
    points = read_points(standard.reference_points, standard.runs, benchmark=standard.name)
    verdict = points.test(size, [_epochs_to_target(log) for log in runs])
    if verdict.match == MISSING:
        yield Fault(
            "the reference's convergence at this batch size is not known",
            found=f"batch size {size}",
            expected="a batch size up to the largest that reference runs are recorded for",
            severity=Severity.ERROR if results.ours else Severity.WARNING,
            hint="record runs of the reference at this batch size: stemdl rcp" if results.ours else "",
        )
    elif not verdict.passed and verdict.point is not None:
        yield Fault(
            "the runs converge sooner than the reference can",
            found=f"{verdict.mean:.4g} {standard.epoch_unit} in the mean",
            expected=f"at least {verdict.point.fewest:.4g}; the reference needs {verdict.point.mean:.4g}",
            hint="this batch size converges as fast only with another algorithm, or with luck",
        )


@check("R4.11", of=ResultSet, ours_alone=True)
def other_runs_converge_as_the_reference(results: ResultSet) -> Iterator[Fault]:
    """No run of the submitted configuration that is not submitted took far fewer epochs, by the ledger, than any of the
    reference's."""
    standard, ledger = results.standard, ledger_of(results)
    if standard is None or standard.reference_points is None or ledger is None or not results.logs:
        return
    sent = [run for log in results.logs if log.closed and (run := run_of(ledger, log)) is not None]
    size = as_count(results.logs[0].value(keys.GLOBAL_BATCH_SIZE))
    if not sent or size is None:
        return
    points = read_points(standard.reference_points, standard.runs, benchmark=standard.name)
    for run in ledger.runs:
        if run in sent or run.configuration != sent[0].configuration or not run.epochs or run.status != keys.SUCCESS:
            continue
        point = points.test(size, [run.epochs] * FEWEST_RUNS).point
        if point is not None and run.epochs <= LEAST_SHARE * point.mean:
            yield Fault(
                "a run that is not submitted converged sooner than the reference can",
                file=f"{results.file}/{LEDGER}",
                line=run.end_line,
                found=f"{run.epochs:g} {standard.epoch_unit}",
                expected=f"about {point.mean:.4g}, as the reference needs",
                severity=Severity.WARNING,
            )


def _epochs_to_target(log: Log) -> float:
    """epoch_num of the last evaluation before run_stop, as the official checker rounds it; infinite without success."""
    if log.stop is None or log.stop.metadata.get(keys.STATUS) != keys.SUCCESS:
        return math.inf
    last = next((event for event in reversed(log.metrics) if event.line < log.stop.line), None)
    epoch = as_number(last.metadata.get(keys.EPOCH_NUM)) if last is not None else None
    return math.inf if epoch is None else round(epoch, 3)
