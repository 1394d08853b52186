"""The order of the runs in the ledger, which is that of the logs, and their numbers, of which none is missing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from statistics import median

from benchmark.submission.ledger import LEDGER, LedgerRun
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, ResultSet, as_count
from benchmark.validation.told import ledger_of, run_of

NUMBERED = re.compile("(?:run|instance)_([0-9]{1,9})")
"""The folder of a run within its set."""
MOST_SHOWN = 8
FEWEST_WAITS = 3
TIMES_BESIDE = 1.5
TIMES_THE_WAIT, WAIT_SECONDS, FIRST_WAIT_SECONDS = 5, 5.0, 600.0
"""How much longer than half of the others of its set a run waits for its log's first line, or after its last: so many
times, and seconds. The first run of a set finds nothing in the caches, and may take minutes to begin."""
LONGEST_START_SECONDS, LONGEST_END_SECONDS, OF_A_RANK_SECONDS = 300.0, 5.0, 0.1
"""What all runs of a set may wait for their logs, and how long they may last after them, and longer for each rank. The
reference ends within two seconds of its log on two cores, and thousands of ranks begin and end within minutes."""
LONGEST_GAP_SECONDS, LONGEST_GAP_SHARE = 1.0, 0.05
"""From the end of a run to the start of the next of its set the software takes milliseconds. A reader asks where it is
longer than both: seconds, and a share of the shorter of the two runs."""


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


@check("R4.12", of=ResultSet, ours_alone=True)
def runs_follow_each_other(results: ResultSet) -> Iterator[Fault]:
    """The software begins a run of a set when the one before has ended: in a gap another may have been made, or a run
    may have been made shorter than it was."""
    ledger = ledger_of(results)
    if ledger is None or results.scaling != STRONG:
        return
    sent = {run.folder.rpartition("/")[0] for log in results.logs if (run := run_of(ledger, log)) is not None}
    sets: dict[str, list[LedgerRun]] = {}
    for run in ledger.runs:
        if run.instances == 1:
            sets.setdefault(run.folder.rpartition("/")[0], []).append(run)
    # runs that were begun one by one are of no set
    pairs = [pair for folder in sorted(sent - {""}) for pair in itertools.pairwise(sets.get(folder, []))]
    for run, later in pairs:
        times = (run.started_ms, run.ended_ms, later.started_ms, later.ended_ms)
        if None in times:
            continue
        began, ended, next_began, next_ended = (each / 1000 for each in times if each is not None)
        gap, shorter = next_began - ended, min(ended - began, next_ended - next_began)
        if gap > max(LONGEST_GAP_SECONDS, LONGEST_GAP_SHARE * shorter):
            yield Fault(
                f"{gap:.1f} s lie between two runs of a set",
                file=f"{results.file}/{LEDGER}",
                line=later.line,
                expected="a run that begins when the one before has ended",
                found=f"{shown(run.folder)}, then {shown(later.folder)}",
                severity=Severity.WARNING,
                hint="a set that was interrupted and gone on with, a run that was left out, or one made shorter",
            )


@check("R4.12", of=ResultSet, ours_alone=True)
def launches_are_whole(results: ResultSet) -> Iterator[Fault]:
    """Of instances that were started at once the ledger has as many as each of them says, also where they are not the
    runs that are submitted: a run that stands alone was none of several; and these were run at once."""
    ledger = ledger_of(results)
    launches: dict[tuple[str, int], list[LedgerRun]] = {}
    for run in ledger.runs if ledger is not None else ():
        if run.instances > 1:
            launches.setdefault((run.folder.rpartition("/")[0], run.instances), []).append(run)
    for (folder, instances), runs in launches.items():
        indices = {run.index for run in runs}
        if results.scaling == STRONG and indices != set(range(instances)):
            yield Fault(
                f"the ledger does not have all instances of {shown(folder)}",
                file=f"{results.file}/{LEDGER}",
                expected=f"{instances} that were started at once",
                found=f"{len(indices)}",
                severity=Severity.WARNING,
            )
        began = [run.started_ms for run in runs if run.started_ms is not None]
        ended = [run.ended_ms for run in runs if run.ended and run.ended_ms is not None]
        if ended and max(began) >= min(ended):
            yield Fault(
                f"the instances of {shown(folder)} were not run at once",
                file=f"{results.file}/{LEDGER}",
                line=runs[0].line,
                expected="each begun before the first has ended",
                found=f"one begun {(max(began) - min(ended)) / 1000:.1f} s after",
                severity=Severity.WARNING,
                hint="runs one after another are strong scaling, and count as such",
            )


@check("R4.12", of=ResultSet, ours_alone=True)
def runs_take_their_logs_time(results: ResultSet) -> Iterator[Fault]:
    """From a run's line in the ledger to the first of its log, and from the last to its end, all runs of a set take
    about as long: in a longer time another run may have been made."""
    ledger = ledger_of(results)
    if ledger is None:
        return
    waits: list[tuple[int, bool, float, float]] = []
    for log in results.logs:
        run = run_of(ledger, log)
        if run is not None and log.events and run.started_ms is not None and run.ended_ms is not None:
            before = log.events[0].time_ms - run.started_ms
            after = run.ended_ms - max(event.time_ms for event in log.events)
            waits.append((run.line, run.index == 0, before / 1000, after / 1000))
    if len(waits) < FEWEST_WAITS:
        return
    ranks = as_count(results.read[0].settings().get("ranks")) or 1
    for place, what, of_all in (
        (2, "before its log begins", "began long before"),
        (3, "after its log has ended", "ended long after"),
    ):
        usual = median(each[place] for each in waits)
        at_most = LONGEST_START_SECONDS if place == 2 else LONGEST_END_SECONDS + OF_A_RANK_SECONDS * ranks
        if usual > at_most:
            yield Fault(
                f"the runs of the set {of_all} their logs",
                file=f"{results.file}/{LEDGER}",
                line=waits[0][0],
                expected=f"at most {at_most:.1f} s",
                found=f"{usual:.1f} s by the median",
                severity=Severity.WARNING,
                hint="time that no log has: slow to start or end, or a log whose clock was slow",
            )
        for wait in waits:
            least = FIRST_WAIT_SECONDS if wait[1] and place == 2 else WAIT_SECONDS
            if wait[place] > least + TIMES_THE_WAIT * max(usual, 0.0):
                yield Fault(
                    f"a run lasted much longer {what} than the others of its set",
                    file=f"{results.file}/{LEDGER}",
                    line=wait[0],
                    expected=f"about {usual:.1f} s",
                    found=f"{wait[place]:.1f} s",
                    severity=Severity.WARNING,
                    hint="a machine that was waited for, or a run that is not told",
                )


@check("R4.12", of=ResultSet, ours_alone=True)
def times_fit_their_lines(results: ResultSet) -> Iterator[Fault]:
    """Between its lines in the ledger a run that is not submitted, and not the first of its set, spends not much more
    than its time to train, as little as the submitted runs of its configuration do."""
    ledger = ledger_of(results)
    sent = [run for log in results.logs if ledger is not None and (run := run_of(ledger, log)) is not None]
    beside = [each for run in sent if (each := _beside_its_time(run)) is not None]
    if ledger is None or len(beside) < FEWEST_WAITS or results.scaling != STRONG:
        return
    most = max(beside)
    for run in ledger.runs:
        own = _beside_its_time(run)
        alike = run.configuration in {each.configuration for each in sent} and run.line not in {
            each.line for each in sent
        }
        if own is not None and alike and run.index and own > TIMES_BESIDE * most and own > most + WAIT_SECONDS:
            yield Fault(
                "a run that is not submitted lasted longer than its time to train leaves",
                file=f"{results.file}/{LEDGER}",
                line=run.end_line,
                expected=f"at most {most:.1f} s before and after it, as in the submitted runs",
                found=f"{own:.1f} s",
                severity=Severity.WARNING,
                hint="a time to train that was made shorter, so that other runs count",
            )
            return


def _beside_its_time(run: LedgerRun) -> float | None:
    """Seconds from a run's line to its end that are not its time to train; None where it did not reach the target."""
    if run.started_ms is None or run.ended_ms is None or run.seconds is None:
        return None
    return (run.ended_ms - run.started_ms) / 1000 - run.seconds
