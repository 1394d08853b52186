"""The form of a log: its lines, the keys that must be there and what they may hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from benchmark.definition.finder import benchmark_of
from benchmark.events import keys
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.metrics.metric import has_parts
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.limits import Limits
from benchmark.validation.log_scan import OTHER_TEXT
from benchmark.validation.registry import check
from benchmark.validation.standard import standards
from benchmark.validation.subjects import Log, as_count, as_number

OF_AN_EVENT = ("namespace", "time_ms", "event_type", "key", "value", "metadata")
OF_METADATA = ("file", "lineno")
"""The order in which `mllog` writes the fields."""
PREFIX = f"{keys.PREFIX} ".encode()
STATUSES = ("cloud", "onprem", "preview", "research")
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Key:
    """A key that a log must hold: once, or at least once; `holds` says which values it may have."""

    name: str
    holds: Callable[[Any], bool]
    expected: str
    once: bool = True


def _text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _anything(value: Any) -> bool:
    return True


def _positive(value: Any) -> bool:
    return (as_count(value) or 0) > 0


def _count(value: Any) -> bool:
    return (count := as_count(value)) is not None and count >= 0


def _above_zero(value: Any) -> bool:
    return (as_number(value) or 0) > 0


def _hash(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


OF_ALL = (
    Key(keys.SUBMISSION_BENCHMARK, _text, "a text"),
    Key(keys.SUBMISSION_ORG, _text, "a text"),
    Key(keys.SUBMISSION_PLATFORM, _text, "a text"),
    Key(keys.SUBMISSION_DIVISION, lambda value: value in (keys.CLOSED, keys.OPEN), "closed or open"),
    Key(keys.SUBMISSION_STATUS, lambda value: value in STATUSES, " or ".join(STATUSES)),
    Key(keys.CACHE_CLEAR, _anything, "", once=False),
    Key(keys.INIT_START, _anything, "", once=False),
    Key(keys.INIT_STOP, _anything, ""),
    Key(keys.RUN_START, _anything, ""),
    Key(keys.RUN_STOP, _anything, ""),
    Key(keys.TRAIN_SAMPLES, _positive, "a whole number above 0"),
    Key(keys.EVAL_SAMPLES, _positive, "a whole number above 0"),
)
OF_CLOSED = (
    Key(keys.NUMBER_OF_NODES, _positive, "a whole number above 0"),
    Key(keys.ACCELERATORS_PER_NODE, _count, "a whole number, 0 without accelerators"),
    Key(keys.GLOBAL_BATCH_SIZE, _positive, "a whole number above 0"),
)
OF_OURS = (
    Key(keys.SEED, _count, "a whole number"),
    Key(keys.INIT_START, _anything, ""),
    Key(keys.GRADIENT_ACCUMULATION_STEPS, _positive, "a whole number above 0"),
    Key(keys.SUBMISSION_GITHUB_COMMIT_VERSION, _text, "the commit of the source"),
    Key(keys.CONFIG, lambda value: isinstance(value, dict), "an object of all settings"),
    Key(keys.VERSIONS, lambda value: isinstance(value, dict), "an object of names and versions"),
    Key(keys.DEVICES, lambda value: isinstance(value, list), "a list of names"),
    Key(keys.DATA_MANIFEST_SHA256, _hash, "64 hexadecimal digits, in small letters"),
    Key(keys.DATA_RECIPE_SHA256, _hash, "64 hexadecimal digits, in small letters"),
    Key(keys.DATA_STANDARD, lambda value: isinstance(value, bool), "true or false"),
)
OF_GRADIENTS = (Key(keys.OPT_NAME, _text, "a text"), Key(keys.OPT_BASE_LR, _above_zero, "a number above 0"))
"""Keys of our benchmarks that learn by gradients."""
KNOWN = {value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)}


@check("R4.6", "R8.6", of=Log)
def log_form(log: Log) -> Iterator[Fault]:
    """Every line with an event is whole, strict JSON; what could not be read is not passed over."""
    for fault in log.faults:  # our writer makes none of these, so that each is a sign of another hand
        if log.ours:
            yield replace(fault, severity=Severity.ERROR)
        elif fault.message != OTHER_TEXT:  # which other suites' programs print into their logs
            yield fault


@check("R4.6", of=Log, ours_alone=True)
def lines_are_as_they_were_written(log: Log) -> Iterator[Fault]:
    """Each line of a closed log is, byte for byte, what MLCommons' `mllog` writes of its event: no other spaces, order,
    escapes or ends."""
    if not log.closed or "trainer" in log.settings():
        return
    try:
        lines = read_bytes(log.path, Limits().log_bytes).split(b"\n")
    except Unreadable:
        return  # log_form says so
    for number, line in enumerate(lines, start=1):
        told = line.removeprefix(PREFIX)
        if told == line:
            continue
        try:
            written = json.dumps(_in_order(json.loads(told), OF_AN_EVENT)).encode()
        except (ValueError, RecursionError):
            return  # log_form says so
        if told != written:
            place = next((at for at, pair in enumerate(zip(told, written, strict=False)) if pair[0] != pair[1]), 0)
            yield Fault(
                "the line is not as mllog writes the event: it was made or edited by another program",
                line=number,
                expected=shown(written[max(0, place - 20) :][:60].decode("latin-1")),
                found=shown(told[max(0, place - 20) :][:60].decode("latin-1")),
                severity=Severity.WARNING,
            )
            return


def _in_order(values: Any, first: tuple[str, ...]) -> Any:
    """An object with these fields first, and so its metadata."""
    if not isinstance(values, dict):
        return values
    told = {name: values[name] for name in first if name in values} | values
    return told | ({"metadata": _in_order(told["metadata"], OF_METADATA)} if "metadata" in told else {})


@check("R4.6", of=Log)
def event_types(log: Log) -> Iterator[Fault]:
    """Starts are starts, stops are ends, values are points: the official readers do not look, others do."""
    for event in log.events:
        edge = event.key.rpartition("_")[2] if event.key.rpartition("_")[0] in keys.INTERVALS else ""
        expected = {"start": keys.INTERVAL_START, "stop": keys.INTERVAL_END}.get(edge, keys.POINT_IN_TIME)
        if event.event_type != expected:
            yield Fault(
                f"{shown(event.key)} has another type of event",
                line=event.line,
                expected=expected,
                found=event.event_type,
                severity=Severity.ERROR if log.ours else Severity.NOTE,
            )


@check("R4.8", of=Log)
def keys_present(log: Log) -> Iterator[Fault]:
    """Each key that is asked for is there, as often as it should be, with a value that means something."""
    standard = log.standard
    wanted = [*OF_ALL, *(OF_CLOSED if log.closed or log.ours else ())]
    if log.ours:
        wanted += [*OF_OURS, Key(log.goal.test_key, lambda value: as_number(value) is not None, "a number")]
        wanted += OF_GRADIENTS if standard is None or standard.by_gradients else ()
    if standard is not None and log.closed:
        have = {key.name for key in wanted}
        wanted += [Key(name, _anything, "") for name in standard.required if name not in have]
    for key in wanted:
        events = log.of(key.name)
        if not events:
            yield Fault(f"{key.name} is missing", expected=key.expected or "one such event")
        if key.once and len(events) > 1:
            yield Fault(
                f"{key.name} is there {len(events)} times",
                line=events[1].line,
                expected="once",
                found=f"first in line {events[0].line}",
                hint="a log holds one run, and was begun by it" if key.name in keys.RUN_START else "",
            )
        for event in events:
            if not key.holds(event.value):
                yield Fault(
                    f"{key.name} has no value that it may have",
                    line=event.line,
                    expected=key.expected,
                    found=shown(event.value),
                )


@check("R4.8", "R4.15", of=Log, ours_alone=True)
def keys_known(log: Log) -> Iterator[Fault]:
    """A key that we do not know is one that no released trainer logs, and so is the score of another metric than the
    benchmark's; of another trainer it may be misspelt."""
    for key, events in log.by_key.items():
        unknown = key not in (*KNOWN, log.goal.log_key, log.goal.test_key)
        if unknown or key in _of_other_metrics(log):
            released = log.ours and log.closed
            yield Fault(
                f"{shown(key)} is not a key that we know" if unknown else f"{shown(key)} is of another metric",
                line=events[0].line,
                expected="" if unknown else f"{log.goal.log_key} and {log.goal.test_key}",
                rule="R4.15" if released else None,
                severity=Severity.ERROR if released else Severity.NOTE,
            )


def _of_other_metrics(log: Log) -> set[str]:
    """The keys of scores that the trainer does not log of this benchmark; none of one that nobody knows."""
    if log.standard is None or not log.ours:
        return set()
    own = {log.goal.log_key, log.goal.test_key}
    others = {each for standard in standards().values() for each in (standard.goal.log_key, standard.goal.test_key)}
    others |= {keys.EVAL_ACCURACY, keys.F1_MACRO, keys.TEST_F1_MACRO} - own
    if log.goal.log_key == keys.EVAL_ACCURACY:
        others -= {keys.F1_MACRO}  # older releases log it too
    of = benchmark_of(log.standard.name)
    if of is not None and not has_parts(of.measured.metric):
        others |= {keys.TEST_BY_PART}
    return others - own
