"""The runs of one system and benchmark: how many, that they are different runs of one configuration, and comparable."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.definition.request import LOG
from benchmark.events import keys
from benchmark.metrics.spread import too_far_apart
from benchmark.validation.copies import as_fault, copies
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.standard import rungs_with_submissions
from benchmark.validation.subjects import RECORD, STRONG, Log, ResultSet
from benchmark.validation.trace import Trace

_LOG_NAME = re.compile(re.escape(LOG).replace(re.escape("{index}"), "(0|[1-9][0-9]*)"))

OF_EVERY_RUN = (
    keys.SUBMISSION_ORG,
    keys.SUBMISSION_PLATFORM,
    keys.SUBMISSION_DIVISION,
    keys.SUBMISSION_STATUS,
    keys.GLOBAL_BATCH_SIZE,
    keys.NUMBER_OF_NODES,
    keys.ACCELERATORS_PER_NODE,
    keys.TRAIN_SAMPLES,
    keys.EVAL_SAMPLES,
)
OF_EVERY_RUN_OF_OURS = (
    keys.CONFIG,
    keys.VERSIONS,
    keys.DEVICES,
    keys.SUBMISSION_GITHUB_COMMIT_VERSION,
    keys.DATA_MANIFEST_SHA256,
    keys.DATA_RECIPE_SHA256,
    keys.DATA_RECOGNISED,
    keys.CACHE_CLEAR,
    keys.OPT_NAME,
    keys.OPT_BASE_LR,
    keys.OPT_WEIGHT_DECAY,
    keys.OPT_LR_WARMUP_STEPS,
    keys.GRADIENT_ACCUMULATION_STEPS,
)


def index_of(path: Path) -> int | None:
    """The number in a log's name; None for another name."""
    match = _LOG_NAME.fullmatch(path.name)
    return int(match[1]) if match else None


@check("R1.6", of=ResultSet, ours_alone=True)
def target_rests_on_runs(results: ResultSet) -> Iterator[Fault]:
    """A submission is of a rung whose target recorded runs of the reference have reached."""
    if results.submitted and results.standard is not None and not results.standard.takes_submissions:
        yield Fault(
            "this rung takes no submissions: no recorded runs of the reference reach its target",
            found=results.benchmark,
            expected=" or ".join(rungs_with_submissions()),
        )


@check("R4.5", of=ResultSet)
def number_of_runs(results: ResultSet) -> Iterator[Fault]:
    """There are as many logs as the definition says: not one more in strong scaling, or the best would be picked from
    them."""
    if results.standard is None:
        return
    wanted, found = results.standard.runs, len(results.logs)
    if results.scaling == STRONG and results.pruned:
        yield Fault(
            "runs of strong scaling are left out: weak scaling alone may prune",
            found=", ".join(log.path.name for log in results.pruned[:12]),
            expected="no pruned_results",
            severity=Severity.ERROR if results.ours else Severity.WARNING,
        )
    if found < wanted or (results.scaling == STRONG and found > wanted):
        yield Fault(
            "the number of runs is not the one that a score is made of",
            found=f"{found} runs",
            expected=f"{wanted} runs" if results.scaling == STRONG else f"at least {wanted} runs",
            hint="of more runs, the window of consecutive ones with the median time is submitted"
            if found > wanted
            else "",
            severity=Severity.ERROR if results.submitted else Severity.WARNING,
        )
    if (
        results.submitted
        and results.scaling == STRONG
        and {index_of(log.path) for log in results.logs} != set(range(found))
    ):
        yield Fault(
            "the logs are not numbered from 0 on",
            found=", ".join(log.path.name for log in results.logs[:12]),
            expected=f"{LOG.format(index=0)} to {LOG.format(index=found - 1)}",
            severity=Severity.ERROR if results.ours else Severity.WARNING,
        )


@check("R4.5", "R1.4", of=ResultSet)
def enough_runs_reach(results: ResultSet) -> Iterator[Fault]:
    """Not more runs than the rules allow miss the target."""
    standard = results.standard
    if standard is None:
        return
    missed = [log for log in results.read if not _reached(log)]
    if len(missed) > standard.missed_runs:
        yield Fault(
            "too many runs miss the target",
            expected=f"at most {standard.missed_runs}",
            found=f"{len(missed)}: " + ", ".join(log.path.name for log in missed[:12]),
        )


def _reached(log: Log) -> bool:
    """Whether a log says that its run ended with success."""
    return log.stop is not None and log.stop.metadata.get(keys.STATUS) == keys.SUCCESS


@check("R4.13", of=ResultSet, ours_alone=True)
def times_are_near(results: ResultSet) -> Iterator[Fault]:
    """The times of runs that were made one after another do not lie so far apart that their mean tells little."""
    timed = [
        (log.timeline.time_to_train_seconds, log.timeline.epochs or 0)
        for log in results.read
        if _reached(log) and log.timeline.time_to_train_seconds is not None
    ]
    found = too_far_apart(*zip(*timed, strict=True)) if timed and results.scaling == STRONG else None
    if found is not None:
        yield Fault(found, severity=Severity.WARNING, hint="look at what else the machine did, and make the set again")


@check("R4.10", of=ResultSet)
def one_configuration(results: ResultSet) -> Iterator[Fault]:
    """All runs of a set are of one system, source, configuration and data."""
    if not results.read:
        return
    first = results.read[0]
    for log in results.read[1:]:
        for key in OF_EVERY_RUN + (OF_EVERY_RUN_OF_OURS if results.ours else ()):
            values, others = ([event.value for event in each.of(key)][:1] for each in (log, first))
            if values != others:
                yield Fault(
                    f"{key} is not the same in all runs",
                    file=log.file,
                    line=log.of(key)[0].line if values else None,
                    found=_difference(values, others),
                    expected=f"as in {first.path.name}: {_difference(others, values)}",
                )


def _difference(values: list[Any], others: list[Any]) -> str:
    """A value as text; of an object only what is different in the other."""
    if not values:
        return "nothing"
    one, other = values[0], others[0] if others else None
    if isinstance(one, dict) and isinstance(other, dict):
        return shown({name: each for name, each in one.items() if name not in other or other[name] != each})
    return shown(one)


@check("R4.6", of=ResultSet)
def runs_are_different(results: ResultSet) -> Iterator[Fault]:
    """No run is there twice, not with other times, another seed or other digits either. Runs of strong scaling do not
    share their system."""
    traces = [Trace.of(log) for log in results.read + results.pruned]
    yield from map(as_fault, copies([traces]))
    spans = sorted(
        ((log.start.time_ms, log.stop.time_ms, log) for log in results.read if log.start and log.stop),
        key=lambda span: span[:2],
    )
    for (start, stop, log), (next_start, next_stop, other) in itertools.pairwise(spans):
        if results.scaling == STRONG and next_start < stop:
            same = (start, stop) == (next_start, next_stop)
            yield Fault(
                "two runs have one start and one stop" if same else "two runs were made at the same time",
                file=other.file,
                line=other.start.line,
                expected=f"a start after {stop}, when {log.path.name} stopped",
                found=str(next_start),
                severity=Severity.ERROR if same and results.ours else Severity.WARNING,
            )


@check("R8.1", of=ResultSet)
def logs_are_in_their_place(results: ResultSet) -> Iterator[Fault]:
    """A log lies in the folder of the benchmark that it is of."""
    if results.standard is None:
        yield Fault(
            "the folder is named by no benchmark",
            found=results.benchmark,
            hint="other tools pass over such a folder in silence",
        )
    for log in results.read + [log for log in results.pruned if not log.unread]:
        name = log.value(keys.SUBMISSION_BENCHMARK)
        if name != results.benchmark:
            yield Fault(
                "the log is of another benchmark than its folder",
                file=log.file,
                found=shown(name),
                expected=results.benchmark,
                line=log.of(keys.SUBMISSION_BENCHMARK)[0].line if name is not None else None,
            )


@check("R4.9", of=ResultSet, ours_alone=True)
def records_are_there(results: ResultSet) -> Iterator[Fault]:
    """Each log of a submission has its run's record next to it."""
    for log in results.logs:
        if log.record is None and log.events:
            yield Fault(
                "the run's record is missing",
                file=log.file,
                hint="it is the run.json of the run's folder",
                expected=f"{RECORD.format(index=index_of(log.path))} next to {log.path.name}",
                severity=Severity.ERROR if results.submitted else Severity.WARNING,
            )
