"""What the ledger says of runs that are not submitted: it can be, and is said alike of all runs of a set."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from statistics import median

from benchmark.events import keys
from benchmark.launch.load import LOAD
from benchmark.submission.ledger import LEDGER, Ledger, LedgerRun
from benchmark.validation.checks.ledger import CLOCKS_APART_SECONDS, OWN_TRAINER
from benchmark.validation.checks.ledger_order import FIRST_WAIT_SECONDS, TIMES_THE_WAIT, WAIT_SECONDS
from benchmark.validation.checks.placement import placements
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, Log, ResultSet, as_number
from benchmark.validation.told import ledger_of, run_of

TIMES_THE_EPOCH = 3
"""By how much the epochs of two runs of one configuration differ in length on one machine, at most."""
MINUTE, SHORTEST_SECONDS, LEAST_OF_THE_AVERAGE, REMEMBERED = 60.0, 10.0, 0.3, 0.7
STEP_SECONDS = 5.0
"""The kernel's load average of a minute nears the number of running programs, and forgets them, by e each minute; it
looks every 5 s. Less than three tenths of what one process of the run before has left is too little, and so is less
than seven tenths of what is left of an average that was read before, whatever ran since."""


@check("R4.12", "R4.2", of=ResultSet, ours_alone=True)
def ledger_runs_can_be(results: ResultSet) -> Iterator[Fault]:
    """A run that reached the target has a log, a seed, epochs and a time, which is not longer than it lasted, nor much
    shorter than in others; and no two runs took one seed."""
    ledger = ledger_of(results)
    file = f"{results.file}/{LEDGER}"
    if ledger is None:
        return
    reached = [run for run in ledger.runs if run.status == keys.SUCCESS]
    seeds: dict[int, LedgerRun] = {}
    for run in reached:
        told = {"log": run.log_sha256, "seed": run.seed, "epochs": run.epochs, "time to train": run.seconds}
        missing = [name for name, value in told.items() if value is None]
        if missing:
            yield Fault(
                "a run reached the target, and the ledger does not say all of it",
                file=file,
                line=run.end_line,
                expected=", ".join(told),
                found=f"no {', no '.join(missing)}",
            )
        lasted = _lasted(run)
        if lasted is not None and run.seconds is not None and run.seconds > lasted + CLOCKS_APART_SECONDS:
            yield Fault(
                "a run took longer on its own clock than in the ledger",
                file=file,
                line=run.end_line,
                expected=f"at most {lasted:.1f} s, from its start to its end",
                found=f"{run.seconds:g} s",
            )
        other = seeds.setdefault(run.seed, run) if run.seed is not None and not run.resumed else run
        if other is not run and not run.seed_given:
            yield Fault(
                "two runs in the ledger took one seed",
                file=file,
                line=run.end_line,
                expected=f"another than that of {shown(other.folder)}",
                found=shown(run.seed),
                rule="R4.2",
                severity=Severity.WARNING,
            )
    sent = [run for log in results.logs if (run := run_of(ledger, log)) is not None]
    if sent:
        yield from _unlike_the_submitted(file, reached, sent)


@check("R4.12", of=ResultSet, ours_alone=True)
def starts_say_the_same_things(results: ResultSet) -> Iterator[Fault]:
    """One code writes one form of a run's start: a field that some of its runs of a rung lack was taken out."""
    ledger = ledger_of(results)
    if ledger is None:
        return
    first: dict[tuple[str, str], LedgerRun] = {}
    for run in ledger.runs:
        other = first.setdefault((shown(run.source), shown(run.rung)), run)
        apart = (ledger.fields[run.line] ^ ledger.fields[other.line]) - {OWN_TRAINER}
        if apart:
            yield Fault(
                "two starts in the ledger that one code wrote do not have the same fields",
                file=f"{results.file}/{LEDGER}",
                line=run.line,
                expected=f"those of line {other.line}",
                found=", ".join(sorted(apart)[:6]),
                severity=Severity.WARNING,
                hint="lines that the software did not write",
            )
            return


@check("R5.4", of=ResultSet, ours_alone=True)
def ledger_runs_take_turns(results: ResultSet) -> Iterator[Fault]:
    """Runs of the submitted configuration have the whole system, and so each begins when the one before has ended, be
    they submitted or not; instances of weak scaling are run at once, and so may those of a set be that were placed on
    several sets of cores."""
    ledger = ledger_of(results)
    if ledger is not None:
        yield from _of_one_command(ledger, f"{results.file}/{LEDGER}")
    cores = {frozenset((shown(each["host"]), shown(each["cpus"])) for each in placements(log)) for log in results.read}
    if ledger is None or len(cores) > 1:
        return
    of = {run.configuration for log in results.logs if (run := run_of(ledger, log)) is not None and run.instances == 1}
    times = sorted(
        (run.started_ms, run.ended_ms, run.line, shown(run.folder))
        for run in ledger.runs
        if run.configuration in of and run.started_ms is not None and run.ended_ms is not None
    )
    last = times[0] if times else (0, 0, 0, "")
    for each in times[1:]:
        if last[1] - each[0] > 1000 * CLOCKS_APART_SECONDS:
            yield Fault(
                "two runs of strong scaling overlap in the ledger",
                file=f"{results.file}/{LEDGER}",
                line=each[2],
                expected=f"a start when {last[3]} had ended",
                found=f"{each[3]}, {(last[1] - each[0]) / 1000:.1f} s before that",
                severity=Severity.WARNING,
                hint="a system that trains two models at once, or a run that was never made",
            )
            return
        last = max(last, each, key=lambda told: told[1])


def _of_one_command(ledger: Ledger, file: str) -> Iterator[Fault]:
    """One command makes the runs of a set one after another, and enters the end of one before the start of the next."""
    sets: dict[str, list[LedgerRun]] = {}
    for run in ledger.runs:
        if run.instances == 1 and "/" in run.folder:
            sets.setdefault(run.folder.rpartition("/")[0], []).append(run)
    pairs = (pair for runs in sets.values() for pair in itertools.pairwise(runs))
    early = [(run, later) for run, later in pairs if run.end_line is not None and later.line < run.end_line]
    if early:
        run, later = early[0]
        yield Fault(
            "a run of a set begins in the ledger before the one before it has ended",
            file=file,
            line=later.line,
            expected=f"a start below line {run.end_line}, the end of {shown(run.folder)}",
            found=f"{shown(later.folder)}, and {len(early) - 1} more such runs",
            severity=Severity.WARNING,
        )


@check("R7.5", of=ResultSet, ours_alone=True)
def load_averages_remember(results: ResultSet) -> Iterator[Fault]:
    """The load average of a minute, which the preflight reads, is not that of an idle machine just after a run."""
    ledger = ledger_of(results)
    for log in results.read if ledger is not None and results.scaling == STRONG else ():
        run, average = run_of(ledger, log), load_average(log)
        if run is None or average is None:
            continue
        hosts, measured_ms = _hosts(log), log.of(keys.PREFLIGHT)[0].time_ms
        for other in results.read:
            before = run_of(ledger, other)
            if before is None or before.ended_ms is None or _hosts(other) != hosts:
                continue
            earlier, since = load_average(other), (measured_ms - _preflight_ms(other)) / 1000
            if earlier is not None and 0 < since < 2 * MINUTE:
                remembered = earlier * math.exp(-(since + STEP_SECONDS) / MINUTE)
                if remembered > 0.1 and average < REMEMBERED * remembered:
                    yield Fault(
                        "the load average of the preflight has fallen faster than the kernel forgets",
                        file=log.file,
                        line=log.of(keys.PREFLIGHT)[0].line,
                        expected=f"at least {remembered:.2f}: {earlier:g} was read {since:.0f} s before, in "
                        f"{other.path.name}",
                        found=f"{average:g}",
                        severity=Severity.WARNING,
                    )
                    break
            gap, lasted = (measured_ms - before.ended_ms) / 1000, _lasted(before) or 0.0
            if not 0 < gap < MINUTE or lasted < SHORTEST_SECONDS:
                continue
            left = (1 - math.exp(-lasted / MINUTE)) * math.exp(-gap / MINUTE)
            if average < LEAST_OF_THE_AVERAGE * left:
                yield Fault(
                    "the load average of the preflight is that of a machine on which no run has just ended",
                    file=log.file,
                    line=log.of(keys.PREFLIGHT)[0].line,
                    expected=f"about {left:.2f} for each rank of {other.path.name}, which ended {gap:.0f} s before",
                    found=f"{average:g}",
                    severity=Severity.WARNING,
                    hint="a container may show no load average of its own",
                )


def _preflight_ms(log: Log) -> float:
    return next((float(event.time_ms) for event in log.of(keys.PREFLIGHT)), math.inf)


def _hosts(log: Log) -> set[str]:
    return {shown(place["host"]) for place in placements(log)}


def load_average(log: Log) -> float | None:
    """The load average of a minute that the preflight read; None where the log has none."""
    event = next(iter(log.of(keys.PREFLIGHT)), None)
    figures = event.value.get("figures") if event is not None and isinstance(event.value, dict) else None
    load = figures.get("load") if isinstance(figures, dict) else None
    return as_number(load.get(LOAD[2])) if isinstance(load, dict) else None


@check("R4.12", of=ResultSet, ours_alone=True)
def sets_have_one_configuration(results: ResultSet) -> Iterator[Fault]:
    """One command makes all runs of a set: the ledger does not say of one that it was made otherwise."""
    ledger = ledger_of(results)
    first: dict[str, LedgerRun] = {}
    for log in results.logs if ledger is not None else ():
        if (run := run_of(ledger, log)) is not None and "/" in run.folder:
            first.setdefault(run.folder.rpartition("/")[0], run)
    for run in ledger.runs if ledger is not None else ():
        other = first.get(run.folder.rpartition("/")[0], run)
        apart = [name for name, value in _made_by(run).items() if value != _made_by(other)[name]]
        if apart:
            yield Fault(
                "a run was made otherwise than the submitted ones of its set",
                file=f"{results.file}/{LEDGER}",
                line=run.line,
                expected=f"the {', '.join(apart)} of {shown(other.folder)}",
                found=shown(run.folder),
                severity=Severity.WARNING,
                hint="a set that was gone on with by another command, or a run that was put out of the count",
            )


def _made_by(run: LedgerRun) -> dict[str, object]:
    return {
        "rung": run.rung,
        "ranks": run.ranks,
        "instances": run.instances,
        "partition": run.partition,
        "configuration": run.configuration,
        "source": run.source,
        "commit": run.commit,
        "submitter and division": run.declared,
    }


def _unlike_the_submitted(file: str, reached: Sequence[LedgerRun], sent: Sequence[LedgerRun]) -> Iterator[Fault]:
    """Runs of the submitted sets, or of their configuration, of which the ledger has less time on the clock than from
    start to end, or epochs of another length."""
    folders = {run.folder.rpartition("/")[0] for run in sent} - {""}
    lines = {run.line for run in sent}  # of these runs_take_their_logs_time says so
    alike = [
        run
        for run in reached
        if run.line not in lines
        and (run.configuration == sent[0].configuration or run.folder.rpartition("/")[0] in folders)
    ]
    besides = [wait for run in sent if (wait := _beside_the_clock(run)) is not None]
    for run in alike if besides else ():
        wait, usual = _beside_the_clock(run), max(median(besides), 0.0)
        most = (FIRST_WAIT_SECONDS if run.index in (0, None) else WAIT_SECONDS) + TIMES_THE_WAIT * usual
        if wait is not None and wait > most:
            yield Fault(
                "a run took much less on its clock than from its start to its end",
                file=file,
                line=run.end_line,
                expected=f"about {usual:.1f} s less, as in the submitted runs",
                found=f"{wait:.1f} s less",
                severity=Severity.WARNING,
                hint="a time that was changed: it decides which runs count",
            )
    epochs = [each for run in sent if (each := _of_an_epoch(run)) is not None]
    for run in alike if epochs else ():
        own, usual = _of_an_epoch(run), median(epochs)
        if own is not None and not usual / TIMES_THE_EPOCH <= own <= usual * TIMES_THE_EPOCH:
            yield Fault(
                "a run of the submitted configuration has epochs of another length than the submitted ones",
                file=file,
                line=run.end_line,
                expected=f"about {usual:.3g} s for each, as in the submitted runs",
                found=f"{run.epochs} in {run.seconds:g} s",
                severity=Severity.WARNING,
                hint="epochs or a time that were changed, or a machine that was busy",
            )


def _of_an_epoch(run: LedgerRun) -> float | None:
    return run.seconds / run.epochs if run.seconds and run.epochs else None


def _lasted(run: LedgerRun) -> float | None:
    told = run.started_ms is not None and run.ended_ms is not None
    return (run.ended_ms - run.started_ms) / 1000 if told else None


def _beside_the_clock(run: LedgerRun) -> float | None:
    lasted = _lasted(run)
    return lasted - run.seconds if lasted is not None and run.seconds is not None else None
