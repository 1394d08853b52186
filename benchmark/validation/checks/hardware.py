"""Where the ranks of a run ran, whether they were fit to, and on which software: told once, and as the log says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.launch.rank import ALONE
from benchmark.launch.system import ABSENT, VERSIONED
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, as_count, as_number

OF_A_RANK = {"rank", "host", "cpus", "device"}
OPTIONAL_OF_A_RANK = {"visible"}
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
"""By which the clocks of two nodes may differ: `benchmark.launch.preflight.Limits`."""
SOFTWARE = ("python", "MPI", *VERSIONED)
_DEVICE = re.compile(r"cpu|cuda(:(0|[1-9][0-9]{0,3}))?")
_CPUS = re.compile(r"[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*")
_VERSION = re.compile(r"[^\s].*[0-9].*|" + re.escape(ABSENT))


def cpus_of(text: object) -> frozenset[int] | None:
    """The CPUs of `0-3,8`, rising and each once; None for anything else, or more than a node can have."""
    if not isinstance(text, str) or not _CPUS.fullmatch(text):
        return None
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), min(int(last or first), int(first) + 10_000) + 1)
    return frozenset(found) if found == sorted(set(found)) else None


def placements(log: Log) -> list[Mapping[str, Any]]:
    """What a log says of each rank's place, where it is of the right form; else nothing."""
    value = log.value(keys.PLACEMENT)
    sound = isinstance(value, list) and all(isinstance(each, dict) and OF_A_RANK <= each.keys() for each in value)
    return value if sound else []


@check("R7.4", of=Log, ours_alone=True)
def ranks_are_placed(log: Log) -> Iterator[Fault]:
    """Each rank has one place, of the right form; all of them together are the nodes and accelerators of the log."""
    events = log.of(keys.PLACEMENT)
    if not events:
        if log.closed:
            yield Fault(f"{keys.PLACEMENT} is missing", expected="of each rank its host, CPUs and device")
        return
    line, told = events[0].line, placements(log)
    if len(events) > 1:
        yield Fault(f"{keys.PLACEMENT} is there {len(events)} times", line=events[1].line, expected="once")
    if not told:
        yield Fault(
            "the placement of the ranks has another form",
            line=line,
            expected=f"a list of objects with {', '.join(sorted(OF_A_RANK))}",
            found=shown(events[0].value),
        )
        return
    ranks = as_count(log.settings().get("ranks"))
    if [each["rank"] for each in told] != list(range(len(told))) or (ranks is not None and ranks != len(told)):
        yield Fault(
            "the placement is not of all ranks, in their order",
            line=line,
            expected=f"ranks 0 to {(ranks or len(told)) - 1}",
            found=f"{len(told)}: " + ", ".join(shown(each["rank"]) for each in told[:8]),
        )
    for each in told:
        yield from _form_of_a_place(each, line)
    yield from _of_the_nodes(log, told, line)


def _form_of_a_place(place: Mapping[str, Any], line: int) -> Iterator[Fault]:
    rank = shown(place["rank"])
    for what, sound, expected in (
        ("host", isinstance(place["host"], str) and place["host"].strip() != "", "the name of a node"),
        ("cpus", cpus_of(place["cpus"]) is not None, "CPUs as 0-3,8"),
        (
            "device",
            isinstance(place["device"], str) and _DEVICE.fullmatch(place["device"]),
            "cpu or cuda:0, cuda:1 ...",
        ),
        ("visible", isinstance(place.get("visible", ""), str), "NAME=value of what the launcher shows the rank"),
    ):
        if not sound:
            yield Fault(
                f"{what} of rank {rank} has another form", line=line, expected=expected, found=shown(place.get(what))
            )
    if unknown := place.keys() - OF_A_RANK - OPTIONAL_OF_A_RANK:
        yield Fault(f"the place of rank {rank} says more than is known", line=line, found=shown(sorted(unknown)))


def _of_the_nodes(log: Log, told: list[Mapping[str, Any]], line: int) -> Iterator[Fault]:
    hosts = Counter(shown(each["host"]) for each in told)
    nodes, per_node = as_count(log.value(keys.NUMBER_OF_NODES)), as_count(log.value(keys.ACCELERATORS_PER_NODE))
    if nodes is not None and len(hosts) != nodes:
        yield Fault(
            "the ranks were on another number of nodes than is declared",
            line=line,
            expected=f"{nodes}, as {keys.NUMBER_OF_NODES} says",
            found=f"{len(hosts)}: {', '.join(sorted(hosts)[:6])}",
        )
    if len(set(hosts.values())) > 1:
        yield Fault(
            "the nodes have different numbers of ranks",
            line=line,
            expected="as many on each node",
            found=", ".join(f"{count} on {host}" for host, count in sorted(hosts.items())[:6]),
        )
    on_cpu = [each for each in told if each["device"] == "cpu"]
    if on_cpu and len(on_cpu) < len(told):
        yield Fault(
            "some ranks computed on a CPU, and others on an accelerator",
            line=line,
            expected="one kind of device for all",
            found=f"{len(on_cpu)} of {len(told)} on a CPU",
        )
    if per_node is not None and (per_node > 0) != (len(on_cpu) < len(told)):
        yield Fault(
            "the devices of the ranks are not the accelerators that are declared",
            line=line,
            expected=f"{per_node}, as {keys.ACCELERATORS_PER_NODE} says",
            found=", ".join(sorted({shown(each["device"]) for each in told})[:6]),
        )
    device = log.settings().get("device")
    if isinstance(device, str) and device != "auto" and shown(told[0]["device"]).strip('"') != device:
        yield Fault(
            "rank 0 computed on another device than the settings say",
            line=line,
            expected=f"{shown(device)}, as device in config",
            found=shown(told[0]["device"]),
        )
    of_all = {
        (shown(each["host"]), shown(each["device"]), shown(each.get("visible", "")))
        for each in told
        if each not in on_cpu
    }
    if len(of_all) < len(told) - len(on_cpu):
        yield Fault(
            "two ranks of a node have the same accelerator",
            line=line,
            expected="one for each rank",
            found=f"{len(of_all)} for {len(told) - len(on_cpu)} ranks",
            severity=Severity.WARNING,
            hint="a launcher that hides the others' accelerators may show each as the first: ask which it was",
        )


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
    ranks = as_count(log.settings().get("ranks"))
    if "all_reduce" not in figures or ranks is None:
        return
    if (network is None) != (ranks == 1):
        yield Fault(
            "the preflight's all-reduce is not of these ranks",
            line=event.line,
            expected="none with one rank" if ranks == 1 else f"one over {ranks} ranks",
            found=shown(network),
        )
    elif ranks > 1:
        told = network if isinstance(network, dict) else {}
        if told.get("wrong") != "" or not all(
            (as_number(told.get(name)) or 0) > 0 for name in ("latency_seconds", "bandwidth_bytes_per_second")
        ):
            yield Fault(
                "the preflight's all-reduce summed wrongly, or took no time",
                line=event.line,
                expected='"wrong": "", latency and bandwidth above 0',
                found=shown(network),
            )
        comm = log.settings().get("comm")
        if told.get("by") != comm:
            yield Fault(
                "the preflight's ranks were joined by something else than the run's",
                line=event.line,
                expected=f"{shown(comm)}, as comm in config",
                found=shown(told.get("by")),
            )


@check("R7.6", of=Log, ours_alone=True)
def software_is_told(log: Log) -> Iterator[Fault]:
    """The versions name all that a result depends on, and what the settings say was used is among it; devices are
    names."""
    event = next(iter(log.of(keys.VERSIONS)), None)
    if event is None or not isinstance(event.value, dict):
        return  # R4.8 says so
    versions, settings = event.value, log.settings()
    for name in sorted({*versions, *(SOFTWARE if log.closed else ())}, key=str):
        if not isinstance(versions.get(name), str) or not _VERSION.fullmatch(versions[name]):
            yield Fault(
                f"the version of {shown(name)} says nothing",
                line=event.line,
                expected=f"a version, or {ABSENT!r}",
                found=shown(versions.get(name)),
            )
    used = {"torch": log.closed, "horovod": settings.get("comm") == "horovod", "mpi4py": False}
    used["MPI"] = settings.get("comm") == "horovod" and settings.get("launcher") == "mpirun"
    for name, was in used.items():
        if was and versions.get(name, ABSENT) == ABSENT:
            yield Fault(
                f"the run used {name}, which was not installed",
                line=event.line,
                expected=f"the version of {name}",
                found=shown(versions.get(name)),
            )
    device, torch = str(settings.get("device")), str(versions.get("torch"))
    if device.startswith("cuda") and (torch.endswith("+cpu") or not {"CUDA", "ROCm"} & versions.keys()):
        yield Fault(
            "the run computed on an accelerator with a PyTorch for CPUs",
            line=event.line,
            expected="a PyTorch with CUDA or ROCm, and which",
            found=f"torch {shown(versions.get('torch'))} on {shown(device)}",
        )
    for each in log.of(keys.DEVICES):
        names = each.value if isinstance(each.value, list) else []
        if not names or not all(isinstance(name, str) and any(map(str.isalnum, name)) for name in names):
            yield Fault(
                "the devices are not named", line=each.line, expected="a name for each", found=shown(each.value)
            )
    ranks = as_count(settings.get("ranks"))
    for name, alone in (("comm", "solo"), ("launcher", ALONE.launcher)):
        if ranks is not None and ranks > 1 and settings.get(name) == alone:
            yield Fault(
                f"{ranks} ranks were joined by what a single one has",
                line=next(iter(log.of(keys.CONFIG)), event).line,
                expected=f"another {name}",
                found=f"{name} {alone}",
            )
