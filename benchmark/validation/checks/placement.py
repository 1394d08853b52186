"""Where the ranks of a run ran: logged once for each, and as the log says elsewhere."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.events import keys
from benchmark.validation.checks.system import count_of
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import STRONG, Log, ResultSet, as_count
from benchmark.validation.told import ledger_of, run_of

OF_A_RANK = {"rank", "host", "cpus", "device"}
OPTIONAL_OF_A_RANK = {"visible"}
_DEVICE = re.compile(r"cpu|cuda(:(0|[1-9][0-9]{0,3}))?")
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")
"""Names of nodes as RFC 1123 has them, and with the underscores that are seen."""
_CPUS = re.compile(r"[0-9]{1,6}(-[0-9]{1,6})?(,[0-9]{1,6}(-[0-9]{1,6})?)*")


def cpus_of(text: object) -> frozenset[int] | None:
    """The CPUs of `0-3,8`, rising and each once; None for anything else, or more than a node can have."""
    if not isinstance(text, str) or not _CPUS.fullmatch(text):
        return None
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        if int(last or first) < int(first):
            return None
        found += range(int(first), min(int(last or first), int(first) + 10_000) + 1)
    return frozenset(found) if found == sorted(set(found)) else None


def placements(log: Log) -> list[Mapping[str, Any]]:
    """What a log says of each rank's place, where it is of the right form; otherwise nothing."""
    value = log.value(keys.PLACEMENT)
    sound = isinstance(value, list) and all(isinstance(each, dict) and OF_A_RANK <= each.keys() for each in value)
    return value if sound else []


def cpus_of_hosts(log: Log) -> dict[str, frozenset[int]]:
    """The CPUs that the ranks of each host have together."""
    found: dict[str, frozenset[int]] = {}
    for place in placements(log):
        host = shown(place["host"])
        found[host] = found.get(host, frozenset()) | (cpus_of(place["cpus"]) or frozenset())
    return found


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


@check("R4.10", of=ResultSet, ours_alone=True)
def ranks_have_as_many_cpus(results: ResultSet) -> Iterator[Fault]:
    """Each rank has as many CPUs in all runs of a set, on whatever node."""
    told = [(log, [len(cpus_of(place["cpus"]) or ()) for place in placements(log)]) for log in results.read]
    for log, counts in told[1:]:
        if counts != told[0][1]:
            yield Fault(
                "the ranks have other numbers of CPUs than in another run of the set",
                file=log.file,
                line=next((event.line for event in log.of(keys.PLACEMENT)), None),
                found=shown(counts[:16]),
                expected=f"{shown(told[0][1][:16])}, as in {told[0][0].path.name}",
                severity=Severity.WARNING,
            )


@check("R4.10", of=ResultSet, ours_alone=True)
def runs_of_a_launch_stay(results: ResultSet) -> Iterator[Fault]:
    """The runs that one command made one after another were on the same nodes."""
    ledger = ledger_of(results)
    first: dict[str, tuple[Log, set[str]]] = {}
    for log in results.read if ledger is not None and results.scaling == STRONG else ():
        run, hosts = run_of(ledger, log), {shown(place["host"]) for place in placements(log)}
        folder = run.folder.rpartition("/")[0] if run is not None else ""
        if not folder or not hosts:
            continue
        other, known = first.setdefault(folder, (log, hosts))
        if hosts != known:
            yield Fault(
                "the run was on other nodes than one of the same launch",
                file=log.file,
                line=log.of(keys.PLACEMENT)[0].line,
                expected=f"{', '.join(sorted(known)[:6])}, as in {other.path.name}",
                found=", ".join(sorted(hosts)[:6]),
                severity=Severity.WARNING,
            )


@check("R7.3", of=ResultSet, ours_alone=True)
def runs_have_no_more_cpus_than_described(results: ResultSet) -> Iterator[Fault]:
    """All runs of a set together were on no more CPUs of a node than the description counts, and not on ones alone
    whose numbers lie beyond them."""
    values = (results.system.values if results.system is not None else None) or {}
    sockets, cores, threads = (
        count_of(values.get(f"host_processor{name}")) or 0 for name in ("s_per_node", "_core_count", "_vcpu_count")
    )
    most = sockets * max(cores, threads)
    used: dict[str, list[frozenset[int]]] = {}
    for log in results.read:
        for host, cpus in cpus_of_hosts(log).items():
            used.setdefault(host, []).append(cpus)
    for host, of_runs in used.items():
        cpus = frozenset[int]().union(*of_runs)
        expected = f"{sockets} x {max(cores, threads)}, as {results.system.file if results.system else ''} says"
        more = results.scaling == STRONG and max(map(len, of_runs)) <= most < len(cpus)
        if more:  # else description_fits_the_logs says so, and instances_have_their_own_cores of instances
            yield Fault(
                f"the runs together were on more CPUs of {host} than a node is described to have",
                file=results.file,
                expected=expected,
                found=shown(sorted(cpus)[:16]),
                severity=Severity.WARNING,
            )
        elif 0 < most <= min(cpus, default=0):
            yield Fault(
                f"all runs were on CPUs of {host} with numbers that a node as described does not have",
                file=results.file,
                expected=expected,
                found=shown(sorted(cpus)[:16]),
                severity=Severity.WARNING,
            )


def _form_of_a_place(place: Mapping[str, Any], line: int) -> Iterator[Fault]:
    rank = shown(place["rank"])
    for what, sound, expected in (
        ("host", isinstance(place["host"], str) and _HOST.fullmatch(place["host"]), "the name of a node"),
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
    labels = Counter(host.strip('"').partition(".")[0].lower() for host in hosts)
    if doubled := [host for host in sorted(hosts) if labels[host.strip('"').partition(".")[0].lower()] > 1]:
        yield Fault(
            "two nodes have one name, with and without a domain",
            line=line,
            expected="one name of each node",
            found=", ".join(doubled[:6]),
            severity=Severity.WARNING,
        )
    for host in hosts:
        cpus = [cpus_of(each["cpus"]) or frozenset() for each in told if shown(each["host"]) == host]
        if all(cpus) and len(frozenset().union(*cpus)) < len(cpus):
            yield Fault(
                f"the ranks on {host} share their CPUs",
                line=line,
                expected=f"at least {len(cpus)} CPUs for as many ranks",
                found=", ".join(sorted({shown(each["cpus"]) for each in told if shown(each["host"]) == host})[:6]),
                severity=Severity.WARNING,
            )
    threads = as_count(log.settings().get("threads_per_rank")) or 0
    for each in told:
        if 0 < len(cpus_of(each["cpus"]) or ()) < threads:
            yield Fault(
                f"rank {shown(each['rank'])} has more threads than CPUs",
                line=line,
                expected=f"at most {shown(each['cpus'])}",
                found=f"threads_per_rank {threads}",
                severity=Severity.WARNING,
            )
            break
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
