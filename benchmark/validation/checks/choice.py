"""Which of the ledger's runs are submitted: those that the rules choose, and what the others were is said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from benchmark.events import keys
from benchmark.scoring.averages import median_window
from benchmark.submission.ledger import LABELS, LEDGER, LedgerRun
from benchmark.validation.checks.ledger import LEFT_OPEN
from benchmark.validation.checks.settings import same
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, ResultSet, as_number
from benchmark.validation.told import ledger_of, names_of, run_of

NEAR_SHARE = 0.05
"""A tuned number that differs by less changes a result no more than another seed does."""
NOTHING = object()
STANDARD = "standard"
"""The partition that is the usual split, by another way."""
_SEVERAL = r"(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|forty|fifty|hundred|many|all)"
_RUNS = r"(?:runs?|sets?|seeds?|tries|attempts)"
_CHOSEN = re.compile(
    rf"(?<![a-z])(?:best|fastest|quickest|top|chosen|selected|picked)[-_ .]*(?:{_SEVERAL}[-_ .]*)?"
    rf"(?:{_RUNS}(?![a-z])|(?:{_RUNS}[-_ .]*)?(?:of|from|among)[-_ .]*{_SEVERAL}(?![a-z]))"
    r"|(?<![a-z])luck(?:y|iest)(?![a-z])|cherry[-_ .]?pick",
    re.IGNORECASE,
)
"""A folder that says of its runs that they were chosen; `best_learning_rate` was tuned."""


@check("R4.12", "R4.5", of=ResultSet, ours_alone=True)
def all_runs_are_told(results: ResultSet) -> Iterator[Fault]:
    """The runs that the rules choose of all made with the submitted configuration are submitted, and the others
    are named to the reader."""
    ledger = ledger_of(results)
    if ledger is None or results.standard is None or not results.logs:
        return
    submitted = [run for log in results.logs + results.pruned if (run := run_of(ledger, log)) is not None]
    if len(submitted) != len(results.logs) + len(results.pruned):
        return  # runs_stand_in_the_ledger says which are missing
    file, first = f"{results.file}/{LEDGER}", submitted[0]
    alike = ledger.alike(first)
    lines, sent = {run.line for run in alike}, {run.line for run in submitted}
    others = [run for run in ledger.runs if run.configuration == first.configuration and run.line not in lines]
    counted = [run for run in alike if run.counts]
    left_out = [run for run in counted if run.line not in sent]
    renamed = [run for run in ledger.runs if run.rung != first.rung and run.manifest_sha256 == first.manifest_sha256]
    yield from _chosen(results, counted, submitted)
    severity = Severity.NOTE if results.scaling == STRONG else Severity.WARNING
    for runs, message, grave in (
        (left_out, "more runs were made with this configuration than are submitted", severity),
        (
            [run for run in alike if not run.counts and not run.seed_given and not run.resumed],
            "runs with this configuration did not finish",
            Severity.WARNING,
        ),
        (
            [run for run in alike if run.ended and (run.seed_given or run.resumed) and run.line not in sent],
            "runs with this configuration finished, and count for nothing as resumed or of a given seed",
            Severity.WARNING,
        ),
        (
            [run for run in others if run.source != first.source],
            "runs with this configuration were made by other code",
            Severity.WARNING,
        ),
        (
            [run for run in others if run.source == first.source],
            "runs with this configuration were made for another submitter or division",
            Severity.WARNING,
        ),
        (renamed, "runs on the data of this rung are said to be of another", Severity.WARNING),
    ):
        if runs:
            yield Fault(
                message,
                file=file,
                line=runs[0].line,
                found=f"{len(runs)}: {names_of(runs)}",
                severity=grave,
                hint="the submitter says why" if grave is Severity.WARNING else "",
            )


def _chosen(results: ResultSet, counted: Sequence[LedgerRun], submitted: Sequence[LedgerRun]) -> Iterator[Fault]:
    """The submitted window is the one with the median time where there are more runs than a score is made of."""
    assert results.standard is not None
    sent = {run.line for run in submitted}
    seconds = [run.seconds if run.status == keys.SUCCESS else None for run in counted]
    window = median_window(seconds, results.standard.runs)
    if results.scaling != STRONG or window is None or all(run.line in sent for run in counted):
        return
    chosen = [counted[place] for place in window]
    if any(run.line not in sent for run in chosen):
        yield Fault(
            f"{len(counted)} runs were made with this configuration, and others of them count",
            file=f"{results.file}/{LEDGER}",
            line=chosen[0].line,
            expected=names_of(chosen),
            found=names_of(submitted),
            rule="R4.5",
            hint="the window of consecutive runs with the median time is submitted: stemdl submit takes it "
            "from all runs that it is given",
        )


@check("R4.12", of=ResultSet, ours_alone=True)
def no_set_is_chosen_by_luck(results: ResultSet) -> Iterator[Fault]:
    """Runs that the ledger has with other settings trained by other settings: where these change no result, one set
    out of several may have been taken for its luck."""
    ledger = ledger_of(results)
    standard = results.standard
    first = next((run for log in results.logs if ledger and (run := run_of(ledger, log)) is not None), None)
    if ledger is None or first is None or standard is None:
        return
    near: dict[str, list[LedgerRun]] = {}
    for run in ledger.runs:
        size = (run.rung, run.ranks, run.instances, run.partition)
        if (
            run.ended
            and run.configuration != first.configuration
            and size
            == (
                first.rung,
                first.ranks,
                first.instances,
                first.partition,
            )
        ):
            apart = _apart(run, first, standard.free, results.logs[0].settings())
            if apart is not None:
                near.setdefault(", ".join(sorted(apart)), []).append(run)
    for names, runs in near.items():
        yield Fault(
            f"runs were made with another {names}, which changes no result",
            file=f"{results.file}/{LEDGER}",
            line=runs[0].line,
            found=f"{len(runs)}: {names_of(runs)}",
            severity=Severity.WARNING,
            hint="the submitter says why these runs are not the submitted ones: the best of several sets is luck",
        )


@check("R4.12", of=ResultSet, ours_alone=True)
def no_partition_hides_runs(results: ResultSet) -> Iterator[Fault]:
    """The ledger has no finished runs that differ from the submitted ones in the partition alone: by the usual split,
    or as many by one partition as a set has."""
    ledger = ledger_of(results)
    standard = results.standard
    first = next((run for log in results.logs if ledger and (run := run_of(ledger, log)) is not None), None)
    if ledger is None or first is None or standard is None:
        return
    by_partition: dict[str, list[LedgerRun]] = {}
    for run in ledger.runs:
        alike = (run.rung, run.ranks, run.instances) == (first.rung, first.ranks, first.instances)
        if run.ended and alike and run.partition != first.partition:
            if _apart(run, first, standard.free, results.logs[0].settings()) is not None:
                by_partition.setdefault(run.partition, []).append(run)
    for partition, runs in by_partition.items():
        if partition.partition("/")[0] == STANDARD or len(runs) >= standard.runs:
            yield Fault(
                f"runs like the submitted ones finished on the partition {shown(partition)}",
                file=f"{results.file}/{LEDGER}",
                line=runs[0].line,
                found=f"{len(runs)}: {names_of(runs)}",
                severity=Severity.WARNING,
                hint="the submitter says why these runs do not count",
            )


@check("R4.12", of=ResultSet, ours_alone=True)
def no_folder_says_that_runs_were_chosen(results: ResultSet) -> Iterator[Fault]:
    """The folders of the submitted runs do not say that they are the best of several."""
    ledger = ledger_of(results)
    for run in [run_of(ledger, log) for log in results.logs] if ledger is not None else ():
        if run is not None and (said := _CHOSEN.search(run.folder)):
            yield Fault(
                "the folder of a run says that it was chosen from several",
                file=f"{results.file}/{LEDGER}",
                line=run.line,
                found=shown(said[0]),
                expected="all runs, of which the median window is submitted (R4.5)",
                severity=Severity.WARNING,
            )
            return


def _apart(run: LedgerRun, other: LedgerRun, free: Sequence[str], found: Mapping[str, object]) -> set[str] | None:
    """The settings in which two runs differ, where none of them changes a result; None where one does. What one left
    open and the other said is what the ranks `found`, or another."""
    apart = {"manifest of the data"} if run.manifest_sha256 != other.manifest_sha256 else set()
    for name in {*run.settings, *other.settings} - LABELS:
        one, two = run.settings.get(name, NOTHING), other.settings.get(name, NOTHING)
        if same(one, two):
            continue
        if name not in free and not _found(one, two, found.get(name)) and not _near(as_number(one), as_number(two)):
            return None
        apart.add(name)
    return apart


def _found(one: object, two: object, value: object) -> bool:
    return (one in LEFT_OPEN and same(two, value)) or (two in LEFT_OPEN and same(one, value))


def _near(one: float | None, two: float | None) -> bool:
    return one is not None and two is not None and abs(one - two) <= NEAR_SHARE * max(abs(one), abs(two))
