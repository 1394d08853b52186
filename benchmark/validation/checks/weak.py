"""Weak scaling: the instances are trained at once, on equal parts of a system, and all of them are submitted."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.events import keys
from benchmark.submission.ledger import LEDGER, LedgerRun
from benchmark.validation.checks.placement import cpus_of, placements
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.subjects import WEAK, Log, ResultSet
from benchmark.validation.told import ledger_of, names_of, run_of

APART_MS, CLOCKS_APART_MS = 10_000, 1_000
"""So much later than others an instance may begin that waited for the same gate, on a machine that is busy; and by how
much the clocks of two nodes may differ (R7.5)."""
LATE_MS, LATE_SHARE = 2_000, 0.1
"""An instance that waited for the gate with the others and starts later by more than this and that share of the
shortest run has the system with fewer others at its end."""


@check("R5.5", of=ResultSet)
def instances_are_alike(results: ResultSet) -> Iterator[Fault]:
    """The instances have one size, and together fit into the system."""
    if results.scaling != WEAK or results.system is None or results.system.values is None:
        return
    severity = Severity.ERROR if results.ours else Severity.WARNING
    nodes, each = (_count(results, field) for field in ("number_of_nodes", "accelerators_per_node"))
    for told, key in ((nodes, keys.NUMBER_OF_NODES), (each, keys.ACCELERATORS_PER_NODE)):
        for size in sorted({log.number(key) for log in results.logs} - {None}) if told is not None else ():
            if size > told:
                yield Fault(
                    "an instance has more of them than the system",
                    found=f"{key} {size:g}",
                    expected=f"at most {told}, as {results.system.file} says",
                    severity=severity,
                )
    hosts = {host for log in results.read + results.pruned for host in hosts_of(log)} if results.ours else set()
    if nodes is not None and len(hosts) > nodes:
        yield Fault(
            "the instances together ran on more nodes than the system has",
            found=f"{len(hosts)} hosts",
            expected=f"at most {nodes}, as {results.system.file} says",
        )
    taken = sum(_accelerators(log) for log in results.read + results.pruned)
    if nodes is not None and each and taken > nodes * each:
        yield Fault(
            "the instances together have more accelerators than the system",
            found=f"{len(results.read) + len(results.pruned)} instances, {taken:g} accelerators",
            expected=f"at most {nodes * each}: {nodes} nodes of {each}, as {results.system.file} says",
            severity=severity,
        )


@check("R5.5", of=ResultSet, ours_alone=True)
def instances_have_their_own_cores(results: ResultSet) -> Iterator[Fault]:
    """On each host the ranks of all instances have a CPU each: parts of a system are equal, and are not shared."""
    if results.scaling != WEAK:
        return
    ranks: dict[str, list[frozenset[int]]] = {}
    for log in results.read + results.pruned:
        for place in placements(log):
            ranks.setdefault(shown(place["host"]), []).append(frozenset(cpus_of(place["cpus"]) or ()))
    sockets, threads = (_count(results, f"host_processor{name}") for name in ("s_per_node", "_vcpu_count"))
    for host, each in ranks.items():
        cpus = frozenset().union(*each)
        if sockets and threads and len(cpus) > sockets * threads:
            yield Fault(
                f"the instances together have more CPUs of {host} than the system",
                expected=f"at most {sockets} x {threads}",
                found=f"{len(cpus)}",
            )
        if all(each) and len(cpus) < len(each):
            yield Fault(
                f"the instances share the CPUs of {host}",
                expected=f"at least {len(each)} CPUs for as many ranks",
                found=f"{len(cpus)}",
                severity=Severity.WARNING,
            )


def _count(results: ResultSet, field: str) -> int | None:
    """A number of the description, where it is one."""
    told = str((results.system.values or {}).get(field)) if results.system is not None else ""
    return int(told) if told.isdecimal() and len(told) <= 9 else None


def hosts_of(log: Log) -> set[str]:
    """The hosts of a log's ranks, by their names."""
    return {shown(place["host"]) for place in placements(log)}


def _accelerators(log: Log) -> float:
    return (log.number(keys.NUMBER_OF_NODES) or 0) * (log.number(keys.ACCELERATORS_PER_NODE) or 0)


@check("R5.5", of=ResultSet, ours_alone=True)
def instances_ran_at_once(results: ResultSet) -> Iterator[Fault]:
    """There is a time at which all instances were training."""
    logs = [log for log in results.read + results.pruned if log.start and log.stop]
    if results.scaling != WEAK or not logs:
        return
    first = min(logs, key=lambda log: log.stop.time_ms)
    for log in logs:
        after = log.start.time_ms - first.stop.time_ms
        if after >= (0 if hosts_of(log) & hosts_of(first) else CLOCKS_APART_MS):
            yield Fault(
                "the instance starts after another has stopped: they were not trained at once",
                file=log.file,
                line=log.start.line,
                expected=f"before {first.stop.time_ms}, when {first.path.name} stopped",
                found=str(log.start.time_ms),
                severity=Severity.ERROR if after >= APART_MS else Severity.WARNING,
            )
    earliest = min(log.start.time_ms for log in logs)
    shortest = min(log.stop.time_ms - log.start.time_ms for log in logs)
    allowed = min(APART_MS, LATE_MS + LATE_SHARE * max(shortest, 0))
    for log in logs:
        late = log.start.time_ms - earliest
        if late > allowed and log.start.time_ms < first.stop.time_ms:
            yield Fault(
                "the instance starts long after the first: they did not share the system all along",
                file=log.file,
                line=log.start.line,
                expected=f"within {allowed / 1000:.1f} s of the first, behind one gate",
                found=f"{late / 1000:.1f} s after it",
                severity=Severity.WARNING,
            )


@check("R5.5", of=ResultSet, ours_alone=True)
def instances_are_all_told(results: ResultSet) -> Iterator[Fault]:
    """The instances that the ledger says were started at once are all among the logs, or pruned, or did not
    come to their end."""
    ledger = ledger_of(results)
    runs = [run for log in results.logs + results.pruned if ledger and (run := run_of(ledger, log)) is not None]
    if results.scaling != WEAK or ledger is None or not runs:
        return
    file, first = f"{results.file}/{LEDGER}", runs[0]
    launch = [run for run in ledger.runs if _launch(run) == _launch(first)]
    sent = {run.line for run in runs}
    apart = [run for run in runs if _launch(run) != _launch(first)]
    if apart:
        yield Fault(
            "the instances were not started together",
            file=file,
            line=apart[0].line,
            found=names_of([first, *apart]),
            expected="one set, whose ledger lines say as many instances",
        )
    left_out = [run for run in launch if run.ended and run.line not in sent]
    if left_out:
        yield Fault(
            "instances are neither among the logs nor in pruned_results",
            file=file,
            line=left_out[0].line,
            found=f"{len(left_out)}: {names_of(left_out)}",
            expected="the log of each model that was trained",
        )
    if len(launch) != first.instances:
        yield Fault(
            "the ledger has another number of instances than were started at once",
            file=file,
            line=first.line,
            found=f"{len(launch)} runs",
            expected=f"{first.instances}, as each of their lines says",
        )


def _launch(run: LedgerRun) -> tuple[str, int, str]:
    """What the instances of one start have in common: the folder of their set, their number and configuration."""
    return run.folder.rpartition("/")[0], run.instances, run.configuration
