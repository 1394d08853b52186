"""The last digits of times, which are any that there are where a clock gave them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmark.events import keys
from benchmark.submission.ledger import LEDGER
from benchmark.validation.chance import one_remainder
from benchmark.validation.checks.pace_of_set import lengths_of
from benchmark.validation.finding import Fault, Severity
from benchmark.validation.registry import check
from benchmark.validation.subjects import ResultSet
from benchmark.validation.told import ledger_of, run_of

COMPUTED = ("runs", "epochs", "evaluations", "initialisations", "stagings")
"""What takes as long as it takes; the others wait in steps of a launcher or a disk."""
MARKS = {
    "starts of the runs": keys.RUN_START,
    "stops of the runs": keys.RUN_STOP,
    "starts of epochs": keys.EPOCH_START,
    "stops of epochs": keys.EPOCH_STOP,
    "starts of initialisations": keys.INIT_START,
}


@check("R3.9", of=ResultSet, ours_alone=True)
def times_have_any_last_digits(results: ResultSet) -> Iterator[Fault]:
    """Lengths and times of a set do not all end in one digit, or on whole seconds, beyond what chance does."""
    logs = [log for log in results.read if log.closed and log.start and log.stop]
    if not logs:
        return
    told = {
        **{f"lengths of {what}": each for what, each in lengths_of(results, logs) if what in COMPUTED},
        **{what: [event.time_ms for log in logs for event in log.of(key)] for what, key in MARKS.items()},
    }
    for what, numbers in told.items():
        yield from _written(what, numbers, logs[0].file)


@check("R4.12", of=ResultSet, ours_alone=True)
def ledger_has_any_last_digits(results: ResultSet) -> Iterator[Fault]:
    """Nor do the times of the ledger, or the times to train of the runs in it that are not submitted."""
    ledger = ledger_of(results)
    if ledger is None:
        return
    sent = {run.line for log in results.logs if (run := run_of(ledger, log)) is not None}
    for what, numbers in (
        ("times", [ms for run in ledger.runs for ms in (run.started_ms, run.ended_ms) if ms is not None]),
        (
            "times to train without logs",
            [round(1000 * run.seconds) for run in ledger.runs if run.line not in sent and run.seconds is not None],
        ),
    ):
        yield from _written(f"{what} in the ledger", numbers, f"{results.file}/{LEDGER}")


def _written(what: str, numbers: Sequence[int], file: str) -> Iterator[Fault]:
    alike = one_remainder(numbers)
    if alike is not None:
        step, remainder, times = alike
        yield Fault(
            f"the {what} have digits that no clock gives",
            file=file,
            expected="any number of milliseconds, one as often as another",
            found=f"{times} of {len(set(numbers))} are a multiple of {step} ms"
            + (f" and {remainder}" * (remainder > 0)),
            severity=Severity.WARNING,
        )
