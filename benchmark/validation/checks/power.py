"""Power that a meter measured: of all nodes of all runs, over each run and no longer, and as a meter reads it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmark.events import keys
from benchmark.events.power_log import (
    CONVERSION_EFFICIENCY,
    COVERS,
    MEASUREMENT_START,
    MEASUREMENT_STOP,
    NODES,
    READING,
    power_logs,
)
from benchmark.events.reader import Event, read_events
from benchmark.foundation.errors import StemdlError
from benchmark.launch.power_meters import NvidiaSmi, Nvml, Rapl
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, Log, ResultSet, as_count, as_number

CLOCKS_APART_MS, OFTEN_MS = 2000, 2000
"""The time between two clocks, and between two readings, above which a reader asks."""
LEAST_EFFICIENCY = 0.5
"""The share of its input that the worst power supply of a node passes on."""
LEAST_WATTS, LEAST_WATTS_OF_AN_ACCELERATOR = 3.0, 5.0
"""Of a node that trains: a Raspberry Pi 4, as small as one that holds the software, draws 2 W idle and 5 to 6 W under
load (docs/validation.md)."""
_OF_A_PART = re.compile(r"\b(rapl|nvml|packages?|processors?|accelerators?|gpus?|memory|nvidia-smi)\b", re.IGNORECASE)
"""Words of a meter that measures less than a node."""
_OURS = re.compile("|".join(meter.covers for meter in (Rapl, Nvml, NvidiaSmi)))
_WHOLE = re.compile(r"\b(?:whole|nodes?|plugs?|outlets?|supply|supplies|pdu|bmc|ipmi)\b", re.IGNORECASE)
_NOT_MEASURED = re.compile(
    r"\b(?:estimat\w*|data ?-?sheets?|name ?-?plates?|tdp|calculat\w*|assum\w*|guess\w*|model+ed|rated|typical"
    r"|nominal)\b",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(
    r"\b(?:but for|except\w*|without|excluding|excludes|minus|less|not counting|leaving out|apart from|net of|above"
    r"|only the)"
    r"(?: the| its| all)?\b.{0,40}?\b(?:fans?|disks?|drives?|suppl(?:y|ies)|psus?|memory|dimms?|boards?|idle|base"
    r"|cooling"
    r"|cores?|standby|nics?|accelerators?|gpus?|losses|processors?|cpus?)\b",
    re.IGNORECASE,
)
"""Words of a part of a node that no meter is said to have read."""
_MAY_BE_ESTIMATED = re.compile(r"interconnect|network|switch", re.IGNORECASE)
FEWEST_READINGS, FEWEST_VALUES = 10, 5
"""So many readings, which have so many values, do not agree in two runs by chance, not even those in whole watts."""
OF_A_FACTOR = 1e-3
"""Readings of two runs whose ratios differ by less are one run's, times a factor: honest ones vary by 1 in 100."""


@check("R5.6", of=Log, ours_alone=True)
def power_is_of_the_run(log: Log) -> Iterator[Fault]:
    """The power logs of a run are of all its nodes and were measured over it, once a second, by power supplies that
    there can be."""
    start, stop = log.timeline.run_start_ms, log.timeline.run_stop_ms
    if start is None or stop is None:
        return
    found, nodes = power_logs(log.path, NODES), as_count(log.value(keys.NUMBER_OF_NODES))
    if found and nodes is not None and len(found) != nodes:
        yield Fault(
            "the power was not measured of all nodes",
            file=power_folder(log),
            expected=f"{nodes} logs of nodes, as {keys.NUMBER_OF_NODES} says",
            found=str(len(found)),
            severity=Severity.WARNING,
        )
    for path in found:
        try:
            events = read_events(path, as_official=True)
        except StemdlError:
            continue  # record_says_no_more says so
        yield from _over_the_run(f"{power_folder(log)}/{path.name}", events, start, stop)
        yield from _by_a_meter(f"{power_folder(log)}/{path.name}", events)
        yield from _of_a_node(log, f"{power_folder(log)}/{path.name}", events)


def power_folder(log: Log) -> str:
    """Where the power logs of a run lie, for the reader."""
    return f"{log.file.rpartition('/')[0]}/power/{log.path.stem}"


def _over_the_run(file: str, events: list[Event], start: int, stop: int) -> Iterator[Fault]:
    at = {key: [event.time_ms for event in events if event.key == key] for key in (MEASUREMENT_START, READING)}
    ends = [event.time_ms for event in events if event.key == MEASUREMENT_STOP] or at[READING][-1:]
    begins = at[MEASUREMENT_START][:1]
    if not begins or not ends or begins[0] > start + CLOCKS_APART_MS or ends[-1] < stop - CLOCKS_APART_MS:
        yield Fault(
            "the power was not measured from the run's start to its stop",
            file=file,
            expected=f"from {start} to {stop}",
            found=f"from {begins[0] if begins else None} to {ends[-1] if ends else None}",
        )
        return
    longer = max(start - begins[0], 0) + max(ends[-1] - stop, 0)
    if longer > 2 * CLOCKS_APART_MS:
        yield Fault(
            "the power was measured for longer than the run",
            file=file,
            expected=f"from {start} to {stop}",
            found=f"{longer / 1000:.1f} s more",
            severity=Severity.WARNING,
            hint="the mean power is scaled to the run's time: idle time makes it less",
        )
    within = [each for each in sorted([*begins, *at[READING], *ends]) if start <= each <= stop]
    gap = max((b - a for a, b in itertools.pairwise([start, *within, stop])), default=0)
    if gap > OFTEN_MS:
        yield Fault(
            "the power was read too seldom",
            file=file,
            expected="once a second or more often",
            found=f"nothing in {gap / 1000:.1f} s",
            severity=Severity.WARNING,
        )


def _by_a_meter(file: str, events: list[Event]) -> Iterator[Fault]:
    supplies = [event for event in events if event.key == CONVERSION_EFFICIENCY]
    for event in supplies:
        value = as_number(event.value)
        if not (value and LEAST_EFFICIENCY <= value <= 1):
            yield Fault(
                "no power supply has such an efficiency",
                file=file,
                line=event.line,
                expected=f"from {LEAST_EFFICIENCY} to 1",
                found=repr(event.value)[:60],
            )
    if len(supplies) > 1:
        yield Fault(
            "the efficiency of the power supply is there more than once",
            file=file,
            line=supplies[1].line,
            expected="once",
            found=str(len(supplies)),
            severity=Severity.WARNING,
        )
    readings = [(event.line, as_number(event.value)) for event in events if event.key == READING]
    nothing = [line for line, value in readings if value is not None and value <= 0]
    if nothing:
        yield Fault(
            "a node that trains draws no power",
            file=file,
            line=nothing[0],
            expected="readings above 0 W",
            found=f"{len(nothing)} of {len(readings)} are not",
            severity=Severity.WARNING,
        )
    values = [value for _, value in readings if value is not None]
    steps = [after - before for before, after in itertools.pairwise(values)]
    if (
        len(values) >= FEWEST_READINGS
        and steps[0]
        and all(math.isclose(each, steps[0], rel_tol=1e-3) for each in steps)
    ):
        yield Fault(
            "the power readings are a progression",
            file=file,
            line=readings[0][0],
            expected="what a meter measured",
            found=f"steps of {steps[0]:g} W, {len(values)} readings",
            severity=Severity.WARNING,
        )


def _of_a_node(log: Log, file: str, events: list[Event]) -> Iterator[Fault]:
    """It is said what was measured; a whole node draws what it takes to train."""
    covers = next((event.metadata.get(COVERS) for event in events if event.key == MEASUREMENT_START), None)
    if not isinstance(covers, str) or not covers.strip():
        yield Fault(
            "the power log does not say what was measured",
            file=file,
            expected=f'"{COVERS}" in the metadata of {MEASUREMENT_START}, such as "the whole node, at the plug"',
            severity=Severity.WARNING,
        )
    elif _NOT_MEASURED.search(covers) and not _MAY_BE_ESTIMATED.search(covers):
        yield Fault(
            "the power of a node was not measured, by the words of its log",
            file=file,
            expected="a whole node, by a meter",
            found=shown(covers),
            severity=Severity.WARNING,
        )
    elif left := _LEFT_OUT.search(covers):
        yield Fault(
            "the power of a part of the node was left out, by the words of its log",
            file=file,
            expected="a whole node",
            found=shown(left[0]),
            severity=Severity.WARNING,
        )
    elif _OF_A_PART.search(_OURS.sub("", covers)) and not _WHOLE.search(covers):
        yield Fault(
            "the power is that of a part of the node, by words that no meter of this software has",
            file=file,
            expected="a whole node, at the plug or the power supply",
            found=shown(covers),
            severity=Severity.WARNING,
        )
    values = [value for event in events if event.key == READING and (value := as_number(event.value)) is not None]
    least = LEAST_WATTS + LEAST_WATTS_OF_AN_ACCELERATOR * (as_count(log.value(keys.ACCELERATORS_PER_NODE)) or 0)
    if not _OF_A_PART.search(str(covers)) and values and 0 < fmean(values) < least:
        yield Fault(
            "a node that trains draws less power than the smallest that there are",
            file=file,
            expected=f"at least {least:g} W by the mean",
            found=f"{fmean(values):.2f} W",
            severity=Severity.WARNING,
        )


@check("R5.6", of=ResultSet, ours_alone=True)
def power_is_of_all_runs(results: ResultSet) -> Iterator[Fault]:
    """All runs of a set were measured, or none; no two runs draw the same, or the same times a factor, nor do all draw
    one number: a meter of whole watts may tell so of one run."""
    if results.scaling != STRONG:
        return
    measured = [(log, readings_of(log)) for log in results.read]
    names = sorted(log.path.name for log, nodes in measured if not nodes)
    if 0 < len(names) < len(measured):
        yield Fault(
            "the power of some runs alone was measured",
            file=results.file,
            expected="of all runs, or of none",
            found=f"not of {', '.join(names[:6])}",
            severity=Severity.WARNING,
        )
    expected = "what a meter measured in each run"
    for node in sorted({node for _, nodes in measured for node in nodes}):
        told = [(log, nodes[node]) for log, nodes in measured if len(nodes.get(node, ())) >= FEWEST_READINGS]
        values = {value for _, readings in told for value in readings}
        if len(told) > 1 and len(values) == 1:
            what = "the power readings of all runs are one number"
            yield Fault(what, file=results.file, expected=expected, found=shown(*values), severity=Severity.WARNING)
        for (one, first), (other, readings) in itertools.combinations(told, 2):
            if _are_alike(first, readings):
                yield Fault(
                    "the power readings of two runs are the same, or times one factor",
                    file=f"{power_folder(other)}/{node}",
                    expected=expected,
                    found=f"those of {one.path.name}",
                    severity=Severity.WARNING,
                )


@dataclass(frozen=True)
class NodeReadings:
    """What the power log of a node has: readings in watts, the milliseconds before each, and the efficiency of the
    supply, 1 where it is not said."""

    watts: list[float]
    waited_ms: list[int]
    efficiency: float


def nodes_of(log: Log) -> Mapping[str, NodeReadings]:
    """What was read of a run's nodes, by the names of their logs; nothing of those that cannot be read."""
    return {path.name: told for path in power_logs(log.path, NODES) if (told := _read(path)).watts}


def readings_of(log: Log) -> Mapping[str, list[float]]:
    """The readings of a run's nodes, by the names of their logs; none of those that cannot be read."""
    return {name: told.watts for name, told in nodes_of(log).items()}


def _read(path: Path) -> NodeReadings:
    try:
        events = read_events(path, as_official=True)
    except StemdlError:
        return NodeReadings([], [], 1.0)  # record_says_no_more says so
    told = [
        (event.time_ms, value)
        for event in events
        if event.key == READING and (value := as_number(event.value)) is not None
    ]
    begins = [event.time_ms for event in events if event.key == MEASUREMENT_START][:1]
    times = [*(begins or [at for at, _ in told[:1]]), *(at for at, _ in told)]
    supplies = [as_number(event.value) for event in events if event.key == CONVERSION_EFFICIENCY]
    waited = [b - a for a, b in itertools.pairwise(times)]
    return NodeReadings([value for _, value in told], waited, supplies[-1] if supplies and supplies[-1] else 1.0)


def _are_alike(one: list[float], other: list[float]) -> bool:
    """Whether two runs' readings have in common what no chance gives."""
    pairs = [(a, b) for a, b in zip(one, other, strict=False) if a > 0 and b > 0]
    ratios = [b / a for a, b in pairs]
    varied = len(pairs) == min(len(one), len(other)) and len({a for a, _ in pairs}) >= FEWEST_VALUES
    return varied and max(ratios) < (1 + OF_A_FACTOR) * min(ratios)
