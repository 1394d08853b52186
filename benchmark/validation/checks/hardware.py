"""Whether the ranks of a run were fit to run: told once, and as the log says."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.launch.load import LOAD, SECONDS, is_busy
from benchmark.launch.network import QUICK
from benchmark.validation.checks.placement import cpus_of_hosts
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, as_count, as_number

CHECKS = (
    "ranks",
    "device",
    "commit",
    "source",
    "versions",
    "configuration",
    "manifest",
    "shared folder",
    "listing",
    "disk",
    "memory",
    "clocks",
    "all-reduce",
)
"""What every preflight of a run has checked since the first released trainer; `load` came later."""
SKEW_SECONDS = 1.0
"""Seconds by which the clocks of two nodes may differ: `benchmark.launch.preflight.Limits`."""
LEAST_LATENCY_SECONDS, MOST_BYTES_PER_SECOND = 1e-8, 1e13
"""The bounds of an all-reduce: light goes 3 m in the one, and no node's memory is as fast as the other."""
OF_A_CYCLE = 0.5
"""The share of Horovod's cycle that a sum of one number takes at least, by the median: it waits for the next cycle, and
took 1.00 to 1.02 of one in 12 runs."""
OF_A_CYCLE_AT_BEST = 0.2
"""The share that the quicker of two sums of a large message takes at least, which may end with the cycle it began in:
0.6 to 1.8 of one in the same 12."""
LOAD_CHECK = "load"
OF_FIGURES = {"clock_offset_seconds", "all_reduce", "seconds", LOAD_CHECK}
OF_A_NETWORK = {"by", "latency_seconds", "bandwidth_bytes_per_second", "message_bytes", "wrong"}
"""What a preflight measures, and an all-reduce."""


@check("R7.5", of=Log, ours_alone=True)
def preflight_passed(log: Log) -> Iterator[Fault]:
    """The ranks were checked before the clock, in full, and nothing failed; the figures are of this run."""
    events = log.of(keys.PREFLIGHT)
    if not events:
        if log.closed:
            yield Fault(f"{keys.PREFLIGHT} is missing", expected="what the ranks were checked for before the clock")
        return
    event = events[0]
    if len(events) > 1:
        yield Fault(f"{keys.PREFLIGHT} is there {len(events)} times", line=events[1].line, expected="once")
    begins, ends = log.of(keys.INIT_START), log.of(keys.INIT_STOP)
    if begins and ends and not begins[0].line < event.line < ends[-1].line:
        yield Fault(
            f"{keys.PREFLIGHT} does not stand within the initialisation",
            line=event.line,
            expected=f"between line {begins[0].line} and line {ends[-1].line}",
        )
    value = event.value if isinstance(event.value, dict) else {}
    names, failed, figures = value.get("checks"), value.get("failed"), value.get("figures")
    if value.get("ok") is not True or failed != []:
        yield Fault(
            "the ranks did not pass their preflight, and trained nevertheless",
            line=event.line,
            expected='"ok": true, and nothing in "failed"',
            found=f"ok {shown(value.get('ok'))}, failed {shown(failed)}",
        )
    missing = [name for name in CHECKS if not isinstance(names, list) or name not in names]
    if missing and log.closed:
        yield Fault(
            "the preflight left out checks of the reference",
            line=event.line,
            expected=", ".join(CHECKS),
            found=f"without {', '.join(missing)}",
        )
    unknown = [name for name in names if name not in (*CHECKS, LOAD_CHECK)] if isinstance(names, list) else []
    if unknown:
        yield Fault(
            "the preflight has checks that no release has",
            line=event.line,
            expected=", ".join((*CHECKS, LOAD_CHECK)),
            found=shown(unknown),
            severity=Severity.WARNING,
        )
    if log.closed and log.of(keys.DATA_RECOGNISED) and isinstance(names, list) and LOAD_CHECK not in names:
        yield Fault(
            "the preflight left out the load, which the release that logged this measures",
            line=event.line,
            expected=f"{LOAD_CHECK} among the checks, as {keys.DATA_RECOGNISED} is in the log",
            found=shown(names),
            severity=Severity.WARNING,
        )
    if isinstance(names, list) and len(names) != len(set(map(shown, names))):
        yield Fault("the preflight has a check twice", line=event.line, expected="each once", found=shown(names))
    if isinstance(figures, dict) and isinstance(names, list) and (LOAD_CHECK in names) != (LOAD_CHECK in figures):
        yield Fault(
            "the preflight's load was checked without a figure, or measured without a check",
            line=event.line,
            expected=f"{LOAD_CHECK} among the checks and the figures, or among neither",
            found=f"checks {shown(names)}, figures {shown(sorted(figures))}",
        )
    load = figures.get(LOAD_CHECK) if isinstance(figures, dict) else None
    busy = _can_be_free(load) and isinstance(load, dict) and as_number(load.get("free")) is not None and is_busy(load)
    if log.closed and busy and value.get("warnings") == []:
        yield Fault(
            "the preflight found the machine busy, and warned of nothing",
            line=event.line,
            expected="a warning of the load, which each release that measures it gives",
            found="no warnings",
            severity=Severity.WARNING,
        )
    if value.get("warnings") and not busy:  # R3.10 says that
        yield Fault(
            "the preflight warned before the clock",
            line=event.line,
            found=shown(value["warnings"]),
            severity=Severity.WARNING,
        )
    if not isinstance(figures, dict):
        yield Fault("the preflight has no figures", line=event.line, expected="an object", found=shown(figures))
        return
    yield from _figures(log, event, figures)


def _figures(log: Log, event: Event, figures: Mapping[str, Any]) -> Iterator[Fault]:
    """Those of one rank have no all-reduce; older logs no load, and some logs none of them."""
    offset, seconds, network = (figures.get(name) for name in ("clock_offset_seconds", "seconds", "all_reduce"))
    starts = log.of(keys.INIT_START)
    at_most = (event.time_ms - starts[0].time_ms) / 1000 + 0.1 if starts else float("inf")
    for name, value, sound, expected in (
        ("clock_offset_seconds", offset, lambda each: 0 <= each <= SKEW_SECONDS, f"from 0 to {SKEW_SECONDS:g}"),
        ("seconds", seconds, lambda each: 0 < each <= at_most, f"above 0, at most {at_most:g} since init_start"),
    ):
        if name in figures and (as_number(value) is None or not sound(value)):
            yield Fault(f"{name} of the preflight cannot be", line=event.line, expected=expected, found=shown(value))
    nodes = as_count(log.value(keys.NUMBER_OF_NODES)) or 1
    if nodes == 1 and offset:
        yield Fault(
            "the clocks of one node differ",
            line=event.line,
            expected="0, since it has one clock",
            found=shown(offset),
            severity=Severity.WARNING,
        )
    if nodes > 1 and offset == 0:
        yield Fault(
            "the clocks of several nodes agree to the last digit",
            line=event.line,
            expected=f"an offset of the clocks of {nodes} nodes, as {keys.NUMBER_OF_NODES} says",
            found=shown(offset),
            severity=Severity.WARNING,
            hint="one node has no offset",
        )
    network_said = {*network} if isinstance(network, dict) else set()
    more = sorted(map(str, ({*figures} - OF_FIGURES) | (network_said - OF_A_NETWORK)))
    if more:
        yield Fault(
            "the preflight has figures that no release measures",
            line=event.line,
            expected=", ".join(sorted(OF_FIGURES | OF_A_NETWORK)),
            found=shown(more),
            severity=Severity.WARNING,
        )
    load = figures.get("load")
    if load is not None and not _can_be_free(load):
        yield Fault(
            "load of the preflight cannot be",
            line=event.line,
            expected="cores that were given, from 0 to as many of them free, an average from 0",
            found=shown(load),
        )
    lasted = as_number(seconds)
    if load is not None and lasted is not None and lasted < SECONDS:
        yield Fault(
            "the preflight took fewer seconds than its load is measured over",
            line=event.line,
            expected=f"at least {SECONDS:g} s",
            found=f"{lasted:g} s",
            severity=Severity.WARNING,
        )
    given, most = as_number(load.get("given")) if isinstance(load, dict) else None, _cpus_of_a_node(log)
    if given is not None and most and given > most:
        yield Fault(
            "the preflight's load is of more cores than the ranks of a node have",
            line=event.line,
            expected=f"at most {most}, as {keys.PLACEMENT} says",
            found=shown(given),
            severity=Severity.WARNING,
        )
    ranks = as_count(log.settings().get("ranks"))
    if log.closed and "all_reduce" not in figures and (ranks or 0) > 1:
        yield Fault(
            "the preflight's all-reduce was checked without a figure",
            line=event.line,
            expected=f"all_reduce among the figures, of {ranks} ranks",
            found=shown(sorted(figures)),
            severity=Severity.WARNING,
        )
    if "all_reduce" not in figures or ranks is None:
        return
    yield from _all_reduce(log, event.line, network, ranks, as_number(seconds))


def _all_reduce(log: Log, line: int, network: object, ranks: int, lasted: float | None) -> Iterator[Fault]:
    """One over the ranks of the run, by what joins them, no faster than that can be, and within the seconds that the
    preflight `lasted`."""
    if (network is None) != (ranks == 1):
        yield Fault(
            "the preflight's all-reduce is not of these ranks",
            line=line,
            expected="none with one rank" if ranks == 1 else f"one over {ranks} ranks",
            found=shown(network),
        )
    elif ranks > 1:
        told = network if isinstance(network, dict) else {}
        latency, bandwidth = (
            as_number(told.get(name)) or 0 for name in ("latency_seconds", "bandwidth_bytes_per_second")
        )
        if told.get("message_bytes") != QUICK.large_bytes:
            yield Fault(
                "the preflight's all-reduce was of another message than the trainer sends",
                line=line,
                expected=f"{QUICK.large_bytes} bytes",
                found=shown(told.get("message_bytes")),
            )
        if told.get("wrong") != "" or latency < LEAST_LATENCY_SECONDS or not 0 < bandwidth <= MOST_BYTES_PER_SECOND:
            yield Fault(
                "the preflight's all-reduce summed wrongly, or was faster than any network",
                line=line,
                expected=f'"wrong": "", latency from {LEAST_LATENCY_SECONDS:g} s, bandwidth above 0 and at most '
                f"{MOST_BYTES_PER_SECOND:g} bytes per second",
                found=shown(network),
            )
        if lasted and bandwidth > 0 and latency + QUICK.large_bytes / bandwidth > lasted:
            yield Fault(
                "the preflight's all-reduce took longer than the preflight",
                line=line,
                expected=f"at most {lasted:g} s",
                found=shown(network),
                severity=Severity.WARNING,
            )
        comm = log.settings().get("comm")
        if told.get("by") != comm:
            yield Fault(
                "the preflight's ranks were joined by something else than the run's",
                line=line,
                expected=f"{shown(comm)}, as comm in config",
                found=shown(told.get("by")),
            )
        cycle_ms = as_number(log.settings().get("cycle_ms")) or 0.0
        large_ms = 2000 * (ranks - 1) / ranks * QUICK.large_bytes / bandwidth if bandwidth > 0 else math.inf
        waited = 1000 * latency >= OF_A_CYCLE * cycle_ms and large_ms >= OF_A_CYCLE_AT_BEST * cycle_ms
        if comm == "horovod" and not log.settings().get("autotune") and not waited:
            yield Fault(
                "the preflight's all-reduce did not wait for a cycle of Horovod",
                line=line,
                expected=f"a latency of about {cycle_ms:g} ms, as cycle_ms in config",
                found=f"{1000 * latency:g} ms, and {large_ms:g} ms for {QUICK.large_bytes} bytes",
                severity=Severity.WARNING,
            )


def _cpus_of_a_node(log: Log) -> int:
    """The most CPUs that the ranks of a node have together; 0 where the placement does not say it."""
    return max(map(len, cpus_of_hosts(log).values()), default=0)


def _can_be_free(load: object) -> bool:
    """Whether the figures of a node's cores are of one: a share of its cores more may be counted, by two clocks."""
    given, free, average = (as_number(load.get(name)) if isinstance(load, dict) else None for name in LOAD)
    return given is not None and given > 0 and (free is None or 0 <= free <= 1.1 * given) and (average or 0) >= 0
