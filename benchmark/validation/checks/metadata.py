"""What stands besides the values of a log and of its record: all of it has a meaning, and is held to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from benchmark.definition.finder import benchmark_of, readable
from benchmark.definition.request import LOG
from benchmark.events import keys
from benchmark.events.power_log import energy_covers, energy_joules
from benchmark.events.reader import Event
from benchmark.foundation.errors import StemdlError
from benchmark.submission.record_format import of_the_newest_format
from benchmark.submission.run_record import facts_of
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.standard import trainer_of
from benchmark.validation.subjects import STRONG, Log, ResultSet, Submission, as_count, as_number

PLACE = ("file", "lineno")
"""The metadata of each event: where in the trainer's source it was logged."""
OF_AN_EPOCH = (keys.EPOCH_NUM,)
BESIDE: Mapping[str, tuple[str, ...]] = {
    **{f"{name}_{edge}": OF_AN_EPOCH for name in (keys.EPOCH, keys.EVAL) for edge in ("start", "stop")},
    keys.EVAL_ACCURACY: (keys.EPOCH_NUM, keys.SAMPLES_COUNT),
    keys.F1_MACRO: (keys.EPOCH_NUM, keys.SAMPLES_COUNT),
    keys.TRACKED_STATS: (keys.EPOCH_NUM, keys.STEP_NUM),
    keys.STAGING_STOP: (keys.IN_MEMORY, keys.STAGED_BYTES),
    keys.RUN_STOP: (keys.STATUS, keys.INTERRUPTED),
    keys.TEST_F1_MACRO: (keys.SAMPLES_COUNT,),
    keys.RESUMED: (keys.STEP_NUM, keys.RANKS_BEFORE),
}
"""The metadata that the trainer puts besides its place, by key of the log; other keys have none."""
KINDS: Mapping[str, Callable[[Any], bool]] = {
    "lineno": lambda value: (as_count(value) or 0) > 0,
    keys.IN_MEMORY: lambda value: isinstance(value, bool),
    keys.STAGED_BYTES: lambda value: (as_count(value) if value is not None else None) is not None and value >= 0,
    keys.INTERRUPTED: lambda value: isinstance(value, bool),
    keys.STEP_NUM: lambda value: (as_count(value) or 0) > 0,
}
WITHIN: Mapping[str, tuple[str, ...]] = {
    keys.TRACKED_STATS: (keys.THROUGHPUT, "loss"),
    keys.PREFLIGHT: ("ok", "checks", "warnings", "failed", "figures"),
}
"""By key of the log, the fields of its value."""
READ_BY_OTHERS = {
    "scaling.json": "a factor for the score lies among the results",
    "package_checker_params": "options for the official checker lie among the results",
}
OF_A_RECORD = set(
    "format benchmark rung index metric reaches target low high ranks launcher energy_joules energy_covers log".split()
)
"""What a record has besides the figures that follow from the log."""


@check("R4.15", of=Log, ours_alone=True)
def metadata_are_known(log: Log) -> Iterator[Fault]:
    """Next to each value stands where it was logged, and what the trainer adds, with its type; an interval has no
    value."""
    severity = Severity.ERROR if log.closed else Severity.NOTE
    trainer, beside = trainer_of(log.standard), dict(BESIDE)
    if log.standard is not None:
        beside |= {log.goal.log_key: BESIDE[keys.EVAL_ACCURACY], log.goal.test_key: BESIDE[keys.TEST_F1_MACRO]}
    for event in log.events:
        odd = sorted(event.metadata.keys() - {*PLACE, *beside.get(event.key, ())}, key=str)
        if odd:
            yield Fault(
                f"{shown(event.key)} has metadata that nothing reads",
                line=event.line,
                expected=", ".join((*PLACE, *beside.get(event.key, ()))),
                found=shown({name: event.metadata[name] for name in odd[:4]}),
                severity=severity,
            )
        for name, value in event.metadata.items():
            if name in KINDS and not KINDS[name](value):
                yield Fault(
                    f"{name} of {shown(event.key)} is not a value that it may have",
                    line=event.line,
                    found=shown(value),
                    severity=severity,
                )
        if log.closed and not _is_of(trainer, event.metadata.get("file")):
            yield Fault(
                f"{shown(event.key)} was logged by other code than the reference",
                line=event.line,
                expected="a file of the trainer's package",
                found=shown(event.metadata.get("file")),
            )
        within = WITHIN.get(event.key)
        more = sorted(event.value.keys() - {*within}, key=str) if within and isinstance(event.value, dict) else []
        if more:
            yield Fault(
                f"the value of {shown(event.key)} has fields that nothing reads",
                line=event.line,
                expected=", ".join(within),
                found=shown(more[:8]),
                severity=severity,
            )
        name, _, edge = event.key.rpartition("_")
        if name in keys.INTERVALS and edge in ("start", "stop") and event.value is not None:
            yield Fault(
                f"{shown(event.key)} has a value",
                line=event.line,
                expected="null",
                found=shown(event.value),
                severity=severity,
            )


def _is_of(package: str, file: object) -> bool:
    path = PurePosixPath(file) if isinstance(file, str) else PurePosixPath()
    return len(path.parts) > 1 and path.parts[0] == package and path.suffix == ".py" and ".." not in path.parts


@check("R4.15", "R5.6", of=Log, ours_alone=True)
def record_says_no_more(log: Log) -> Iterator[Fault]:
    """What the record says beyond its log has a meaning too: of which benchmark, as which run, with which energy."""
    if log.record is None or log.record.values is None:
        return
    values = of_the_newest_format(log.record.values)
    of = benchmark_of(log.standard.name) if log.standard is not None else None
    metric = of.measured.shown if of is not None else values.get("metric")
    known = [of.name] if of is not None else sorted({each.name for each in readable().values()})
    file, index = log.record.file, as_count(values.get("index"))
    named = values["log"].get("name") if isinstance(values.get("log"), dict) else None
    for what, sound, expected, found in (
        ("benchmark", values.get("benchmark") in known, " or ".join(known), values.get("benchmark")),
        ("metric", values.get("metric") == metric, metric, values.get("metric")),
        ("index", index is not None and index >= 0, "a whole number from 0", values.get("index")),
        ("log.name", index is None or named == LOG.format(index=index), LOG.format(index=index), named),
    ):
        if not sound:
            yield Fault(f"{what} of the record cannot be", file=file, expected=expected, found=shown(found))
    if unknown := sorted(values.keys() - OF_A_RECORD - facts_of(log.timeline, log.goal.test_key).keys(), key=str):
        severity = Severity.ERROR if log.closed else Severity.NOTE
        yield Fault("the record says what nothing reads", file=file, found=shown(unknown[:8]), severity=severity)
    yield from _energy(log, values, file)


def _energy(log: Log, values: Mapping[str, Any], file: str) -> Iterator[Fault]:
    told, covers = values.get("energy_joules"), values.get("energy_covers")
    both = (log.timeline.run_start_ms, log.timeline.run_stop_ms)
    try:
        measured = energy_joules(log.path, both[1] - both[0]) if None not in both else None
        covered = energy_covers(log.path)
    except StemdlError as error:
        yield Fault(f"the power logs of the run cannot be read: {error.what}", file=file, rule="R5.6")
        return
    near = (as_number(told), measured) != (None, None) and None not in (as_number(told), measured)
    if not ((told is None and measured is None) or (near and math.isclose(told, measured, rel_tol=1e-9))):
        yield Fault(
            "the energy of the record is not that of power logs",
            file=file,
            expected="none: there are no power logs" if measured is None else f"{measured:g} joule",
            found=shown(told),
            rule="R5.6",
        )
    elif covers != covered:
        yield Fault(
            "what the energy covers is not what the power logs say",
            file=file,
            expected=shown(covered),
            found=shown(covers),
            rule="R5.6",
        )


@check("R4.15", of=ResultSet, ours_alone=True)
def records_are_in_order(results: ResultSet) -> Iterator[Fault]:
    """The runs of a set keep the order that their records number them in, and each number is one run's."""
    before: tuple[int, Log] | None = None
    for log in results.logs:
        values = (log.record.values if log.record is not None else None) or {}
        index = as_count(values.get("index"))
        if index is not None and before is not None and results.scaling == STRONG and index <= before[0]:
            yield Fault(
                "the records are not in the order of the runs",
                file=log.record.file,
                expected=f"an index above {before[0]}, of {before[1].path.name}",
                found=str(index),
            )
        before = (index, log) if index is not None else before


@check("R4.15", of=ResultSet, ours_alone=True)
def runs_say_the_same_things(results: ResultSet) -> Iterator[Fault]:
    """One trainer logs the same keys in each run, and records the same fields: what one run alone lacks was taken
    out."""
    logged = {
        log.file: {name for event in log.events if event.key != keys.RESUMED for name in (event.key, *_beside(event))}
        for log in results.read
    }
    kept = {log.record.file: {*log.record.values} for log in results.read if log.record and log.record.values}
    for told in (logged, kept):
        usual = {name for names in told.values() for name in names}
        for file, names in told.items():
            missing = sorted(
                name for name in usual - names if 2 * sum(name in each for each in told.values()) > len(told)
            )
            if missing:
                yield Fault(
                    f"{shown(missing[0])} is in the other runs, and is not in this one",
                    file=file,
                    expected=", ".join(map(shown, missing[:6])),
                    severity=Severity.WARNING,
                )


def _beside(event: Event) -> Iterator[str]:
    return (f"{name} of {event.key}" for name in event.metadata)


@check("R8.1", of=Submission)
def files_are_noted(submission: Submission) -> Iterator[Fault]:
    """Files among the results that other tools read: a factor for the score, and what a checker is asked to pass."""
    for entry in submission.entries if submission.ours else ():
        name = PurePosixPath(entry.file).name
        if entry.file.startswith("results/") and name in READ_BY_OTHERS:
            yield Fault(
                READ_BY_OTHERS[name],
                file=f"{submission.file}/{entry.file}",
                severity=Severity.WARNING,
                hint="a review committee puts it there, and no submitter",
            )
