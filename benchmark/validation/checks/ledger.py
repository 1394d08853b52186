"""The ledger next to the logs: whole, with every submitted run, and what else was run with their configuration."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

from benchmark.events import keys
from benchmark.foundation.reading import Unreadable
from benchmark.foundation.source import digest_of
from benchmark.submission.ledger import LEDGER, LedgerRun
from benchmark.validation.checks.ledger_order import NUMBERED
from benchmark.validation.checks.settings import OF_THE_LAUNCH, same
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.packed import packed_sources
from benchmark.validation.registry import check
from benchmark.validation.subjects import WEAK, Log, ResultSet, as_count
from benchmark.validation.told import ledger_of, read_ledger_of, run_of

RESOLVED_LATER = {"comm", "device", "threads_per_rank", "torch_backend", "cycle_ms"}
"""Settings that may be `auto` or 0 in the ledger; the log has what the ranks then found."""
LEFT_OPEN = ("auto", 0)
OWN_TRAINER = "trainer"
"""Said by runs of a trainer of one's own alone."""
CLOCKS_APART_SECONDS, OTHER_TIMES_SECONDS = 2, 60
"""Seconds by which the clock of the node that keeps the ledger may differ from that of rank 0: more is a warning, and
more than a minute is not two clocks but another time."""
CLOCK_SET_BACK_SECONDS, TIMES_SET_BACK = 0.1, 3
"""By which the one clock that the lines of a set are written by may go back while it is kept right."""


@check("R4.12", of=ResultSet, ours_alone=True)
def ledger_is_whole(results: ResultSet) -> Iterator[Fault]:
    """It is there, and no line of it was changed, taken out or put in."""
    if not results.submitted or not results.logs:
        return
    if not os.path.lexists(results.folder / LEDGER) and not any(log.closed for log in results.logs):
        return
    file = f"{results.file}/{LEDGER}"
    try:
        ledger = read_ledger_of(results)
    except Unreadable as error:
        yield Fault(
            f"there is no ledger of all runs: {error}",
            file=file,
            expected=f"{LEDGER} next to the logs",
            hint="stemdl submit packs the one that lies next to the runs' folders",
        )
        return
    for line, text in sorted(ledger.faults + ledger.form):
        yield Fault(
            text,
            file=file,
            line=line,
            expected="as the software writes it, each line with the hash of the one before",
        )


@check("R4.12", "R4.2", "R4.4", "R5.5", of=ResultSet, ours_alone=True)
def runs_stand_in_the_ledger(results: ResultSet) -> Iterator[Fault]:
    """Each log's run is in it, and it says of the run what the log says."""
    ledger = ledger_of(results)
    folders: dict[str, Log] = {}
    for log in results.logs + results.pruned if ledger is not None else ():
        run = run_of(ledger, log)
        if log.unread:
            continue
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
        if run.resumed:
            yield Fault("the run was resumed", file=file, line=run.line, rule="R4.4", expected="a run in one piece")
        other = folders.setdefault(run.folder, log)
        if other is not log:
            yield Fault(
                "two submitted runs were made in one folder",
                file=file,
                line=run.line,
                found=shown(run.folder),
                expected=f"another folder than that of {other.path.name}",
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
            if not same(told, logged):
                yield Fault(
                    f"{what} of a run in the ledger is not what {log.path.name} says",
                    file=file,
                    line=run.line,
                    expected=shown(logged),
                    found=shown(told),
                )


@check("R4.12", of=ResultSet, ours_alone=True)
def ledger_brackets_the_logs(results: ResultSet) -> Iterator[Fault]:
    """A run's log lies between the times of its start and its end in the ledger, whose lines follow each other."""
    ledger = ledger_of(results)
    if ledger is None:
        return
    file = f"{results.file}/{LEDGER}"
    written = [(run.line, run.started_ms, run) for run in ledger.runs] + [
        (run.end_line, run.ended_ms, run) for run in ledger.runs
    ]
    told = [(line, ms, run) for line, ms, run in written if line is not None and ms is not None]
    back: list[int] = []
    for (_, above, before), (line, ms, run) in itertools.pairwise(sorted(told, key=lambda each: each[0])):
        one_clock = run.instances == 1 and _set_of(run) == _set_of(before)  # one process writes these, one by one
        apart = CLOCK_SET_BACK_SECONDS if one_clock else CLOCKS_APART_SECONDS
        yield from _late(above - ms, "a line of the ledger is older than the one above it", file, line, apart)
        back += [line] if one_clock and above > ms else []
    if len(back) >= TIMES_SET_BACK:
        yield Fault(
            "lines of the ledger are older than those above them, again and again",
            file=file,
            line=back[0],
            expected="times that rise: one clock is set back once",
            found=f"{len(back)} lines",
            severity=Severity.WARNING,
        )
    for log in results.logs + results.pruned:
        run = run_of(ledger, log)
        if run is None or run.started_ms is None or run.ended_ms is None or not log.events:
            continue
        first, last = log.events[0].time_ms, max(event.time_ms for event in log.events)
        of = f"{log.path.name}, in the time of the ledger"
        apart = CLOCK_SET_BACK_SECONDS if _of_one_node(results) else CLOCKS_APART_SECONDS
        yield from _late(run.started_ms - first, f"the log begins before its run: {of}", file, run.line, apart)
        yield from _late(last - run.ended_ms, f"the log ends after its run: {of}", file, run.line, apart)
        longer = last - first - (run.ended_ms - run.started_ms)  # which no two clocks make, however far apart
        yield from _late(longer, f"the log is longer than its run: {of}", file, run.line, CLOCK_SET_BACK_SECONDS)


def _of_one_node(results: ResultSet) -> bool:
    """Whether the system has one node, whose clock both the ledger and the log are by."""
    values = results.system.values if results.system is not None else None
    return str((values or {}).get("number_of_nodes", "")).strip() == "1"


def _set_of(run: LedgerRun) -> str:
    return run.folder.rpartition("/")[0] or run.folder


def _late(ms: int, message: str, file: str, line: int, apart_seconds: float = CLOCKS_APART_SECONDS) -> Iterator[Fault]:
    """What clocks that are so far apart do not explain."""
    if ms > 1000 * apart_seconds:
        yield Fault(
            message,
            file=file,
            line=line,
            found=f"by {ms / 1000:.1f} s",
            severity=Severity.ERROR if ms > 1000 * OTHER_TIMES_SECONDS else Severity.WARNING,
        )


@check("R8.2", of=ResultSet, ours_alone=True)
def packed_code_ran(results: ResultSet) -> Iterator[Fault]:
    """Where a submission holds the source of a package that the ledger has the hash of, it is what ran."""
    ledger = ledger_of(results)
    if ledger is None:
        return
    ran = [run for log in results.logs if (run := run_of(ledger, log)) is not None]
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
    yield "the number of epochs", run.epochs, log.timeline.epochs
    yield "the partition", run.partition, log.value(keys.DATA_PARTITION) or ""
    yield "whether it was resumed", run.resumed, bool(log.of(keys.RESUMED))
    if (numbered := NUMBERED.fullmatch(run.folder.rpartition("/")[2])) is not None:
        yield "the index", run.index, int(numbered[1])
    recorded = as_count((log.record.values or {}).get("index")) if log.record is not None else None
    if recorded is not None and run.index is not None:
        yield "the index, in its record,", run.index, recorded
    for name in sorted({*run.settings, *settings} - OF_THE_LAUNCH - {OWN_TRAINER}):
        told, logged = run.settings.get(name), settings.get(name)
        resolved = name in RESOLVED_LATER and (told in LEFT_OPEN or (name == "device" and _names_one(told, logged)))
        if not resolved or name not in settings:
            yield f"{name}", told, logged
    yield OWN_TRAINER, run.trainer, settings.get(OWN_TRAINER)


def _names_one(kind: object, device: object) -> bool:
    """Whether a device, such as cuda:0, is of a kind."""
    return isinstance(kind, str) and isinstance(device, str) and device.partition(":")[0] == kind
