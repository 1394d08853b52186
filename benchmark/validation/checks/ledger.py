"""The ledger beside the logs: whole, with every submitted run, and what else was run with their configuration."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence

from benchmark.events import keys
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.foundation.source import digest_of
from benchmark.scoring.statistics import median_window
from benchmark.submission.ledger import LEDGER, Ledger, LedgerRun, parse_ledger
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.packed import packed_sources
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, WEAK, Log, ResultSet

MOST_BYTES = 16 * 2**20
RESOLVED_LATER = {"comm", "device", "threads_per_rank", "torch_backend", "cycle_ms"}
"""Settings that may be `auto` or 0 in the ledger; the log has what the ranks then found."""
MOST_NAMED = 8


@check("R4.12", of=ResultSet, ours_alone=True)
def ledger_is_whole(results: ResultSet) -> Iterator[Fault]:
    """It is there, and no line of it was changed, taken out or put in."""
    if not results.submitted or not results.logs:
        return
    if not os.path.lexists(results.folder / LEDGER) and not any(log.closed for log in results.logs):
        return
    file = f"{results.file}/{LEDGER}"
    try:
        ledger = _read(results)
    except Unreadable as error:
        yield Fault(
            f"there is no ledger of all runs: {error}",
            file=file,
            expected=f"{LEDGER} beside the logs",
            hint="stemdl submit packs the one that lies beside the runs' folders",
        )
        return
    for line, text in ledger.faults:
        yield Fault(text, file=file, line=line, expected="each line with the hash of the one before it")


@check("R4.12", "R4.2", "R5.5", of=ResultSet, ours_alone=True)
def runs_stand_in_the_ledger(results: ResultSet) -> Iterator[Fault]:
    """Each log's run is in it, and it says of the run what the log says."""
    ledger = _ledger(results)
    for log in results.logs + results.pruned if ledger is not None else ():
        run = _run_of(ledger, log)
        if run is None:
            yield Fault(
                "the ledger does not have the run of this log", file=log.file, expected="an end with the log's SHA-256"
            )
            continue
        file = f"{results.file}/{LEDGER}"
        if run.seed_given:
            yield Fault(
                "the seed of a submitted run was given by hand",
                file=file,
                line=run.line,
                rule="R4.2",
                found=shown(run.seed),
                expected="a fresh one from the operating system",
            )
        if (run.instances > 1) != (results.scaling == WEAK):
            yield Fault(
                "instances trained at once are weak scaling, and runs one after another are strong",
                file=file,
                line=run.line,
                found=f"{results.scaling}, of {run.instances} at once",
                rule="R5.5",
            )
        for what, told, logged in _said_twice(run, log):
            if told != logged:
                yield Fault(
                    f"{what} of a run in the ledger is not what {log.path.name} says",
                    file=file,
                    line=run.line,
                    expected=shown(logged),
                    found=shown(told),
                )


@check("R4.12", "R4.5", of=ResultSet, ours_alone=True)
def all_runs_are_told(results: ResultSet) -> Iterator[Fault]:
    """Of all runs made with the submitted configuration those are submitted that the rules choose, and the others
    are named to the reader."""
    ledger = _ledger(results)
    if ledger is None or results.standard is None or not results.logs:
        return
    submitted = [run for log in results.logs + results.pruned if (run := _run_of(ledger, log)) is not None]
    if len(submitted) != len(results.logs) + len(results.pruned):
        return  # the check above says which are missing
    file = f"{results.file}/{LEDGER}"
    alike = ledger.alike(submitted[0])
    others = [run for run in ledger.runs if run.configuration == submitted[0].configuration and run not in alike]
    counted = [run for run in alike if run.counts]
    left_out = [run for run in counted if run not in submitted]
    window = median_window(
        [run.seconds if run.status == keys.SUCCESS else None for run in counted], results.standard.runs
    )
    if results.scaling == STRONG and window is not None:
        chosen = [counted[place] for place in window]
        if left_out and any(run not in submitted for run in chosen):
            yield Fault(
                f"{len(counted)} runs were made with this configuration, and others of them count",
                file=file,
                line=chosen[0].line,
                expected=_names(chosen),
                found=_names(submitted),
                rule="R4.5",
                hint="the window of consecutive runs with the median time is submitted: stemdl submit takes it "
                "from all runs that it is given",
            )
    severity = Severity.NOTE if results.scaling == STRONG else Severity.WARNING
    for runs, message, grave in (
        (left_out, "more runs were made with this configuration than are submitted", severity),
        (
            [run for run in alike if not run.counts and not run.seed_given and not run.resumed],
            "runs with this configuration did not come to their end",
            Severity.WARNING,
        ),
        (
            [run for run in others if run.source != submitted[0].source],
            "runs with this configuration were made by other code",
            Severity.NOTE,
        ),
        (
            [run for run in others if run.source == submitted[0].source],
            "runs with this configuration were made for another submitter or division",
            Severity.WARNING,
        ),
    ):
        if runs:
            yield Fault(
                message,
                file=file,
                line=runs[0].line,
                found=f"{len(runs)}: {_names(runs)}",
                severity=grave,
                hint="the submitter says why" if grave is Severity.WARNING else "",
            )


@check("R8.2", of=ResultSet, ours_alone=True)
def packed_code_ran(results: ResultSet) -> Iterator[Fault]:
    """Where a submission holds the source of a package that the ledger has the hash of, it is what ran."""
    ledger = _ledger(results)
    if ledger is None:
        return
    ran = [run for log in results.logs if (run := _run_of(ledger, log)) is not None]
    submission = results.folder.parents[3]
    packed: dict[str, dict[str, str]] = {}
    for (implementation, package), files in packed_sources(submission, results.benchmark).items():
        packed.setdefault(package, {})[digest_of(files)] = implementation
    for package, hashes in packed.items():
        told = {shown(run.source[package]).strip('"') for run in ran if package in run.source}
        if told - hashes.keys():
            yield Fault(
                f"the source of {package} that is packed is not what ran",
                expected=", ".join(sorted(told)),
                file=f"{results.file}/{LEDGER}",
                line=ran[0].line,
                found=", ".join(f"{sha256} ({name})" for sha256, name in sorted(hashes.items())),
            )


def _read(results: ResultSet) -> Ledger:
    return parse_ledger(read_bytes(results.folder / LEDGER, MOST_BYTES))


def _ledger(results: ResultSet) -> Ledger | None:
    """None where there is none to hold the runs against, which `ledger_is_whole` says."""
    try:
        return _read(results) if results.submitted else None
    except Unreadable:
        return None


def _run_of(ledger: Ledger, log: Log) -> LedgerRun | None:
    try:
        return ledger.run_of(hashlib.sha256(read_bytes(log.path, MOST_BYTES)).hexdigest())
    except Unreadable:
        return None


def _said_twice(run: LedgerRun, log: Log) -> Iterator[tuple[str, object, object]]:
    """What, as the ledger says it, and as the log does."""
    settings = log.settings()
    yield "the status", run.status, log.timeline.status
    yield "the time to train", run.seconds, log.timeline.time_to_train_seconds
    yield "the seed", run.seed, log.timeline.seed
    yield "the rung", run.rung, log.value(keys.SUBMISSION_BENCHMARK)
    yield "the number of ranks", run.ranks, settings.get("ranks")
    yield "the data's manifest", run.manifest_sha256, log.value(keys.DATA_MANIFEST_SHA256)
    yield "the commit", run.commit, log.value(keys.SUBMISSION_GITHUB_COMMIT_VERSION)
    for name in sorted(run.settings.keys() - RESOLVED_LATER):
        yield f"{name}", run.settings[name], settings.get(name)


def _names(runs: Sequence[LedgerRun]) -> str:
    more = f" and {len(runs) - MOST_NAMED} more" if len(runs) > MOST_NAMED else ""
    return ", ".join(f"{run.folder} ({run.status})" for run in runs[:MOST_NAMED]) + more
