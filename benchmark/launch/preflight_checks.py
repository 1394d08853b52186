"""Rank 0's judgement of what the ranks say before they train: one check each, naming ranks with their hosts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from benchmark.launch.check import CheckResult, judged
from benchmark.launch.load import REMEDY, free_cores, in_words, is_busy
from benchmark.launch.preflight_agreement import agreement
from benchmark.launch.preflight_answers import FAULT, NAMED, Answers, leaders, named, place
from benchmark.launch.rank_report import Subject
from benchmark.launch.room import GIB, MIB


def all_answered(answers: Answers, hosts: Mapping[int, str], size: int, seconds: float) -> CheckResult:
    """Whether every rank said what it sees. Where a rank is, is known if it said that at first."""
    silent = [
        f"rank {rank}" + (f" on {hosts[rank]}" if rank in hosts else "") for rank in range(size) if rank not in answers
    ]
    nodes = len(set(hosts.values()))
    if silent:
        return CheckResult(
            "ranks",
            False,
            f"{named(silent)} did not answer within {seconds:g} s",
            "look after those processes and their nodes (see the launcher's messages), and start again",
        )
    return CheckResult("ranks", True, f"{size} rank{'s' * (size > 1)} on {nodes} node{'s' * (nodes > 1)} answered")


def of_answers(answers: Answers, own: Mapping[str, Any], subject: Subject, place_fault: Any) -> list[CheckResult]:
    """What can be judged of the ranks' answers alone. `own` are rank 0's sections; `place_fault` says why rank 0 could
    not write to the shared folder."""
    found = [devices(answers, subject.device)]
    compared = ["commit", "source", "versions"]
    compared += ["configuration"] if subject.settings is not None else []
    compared += ["manifest"] if subject.manifest_sha256 is not None else []
    found += [agreement(name, answers, own) for name in compared]
    found += [shared_folder(answers, subject, place_fault)]
    found += [agreement("listing", answers, own)] if subject.data is not None else []
    found += [disk(answers, subject)] if subject.disk_needs else []
    found += [memory(answers, subject.memory_bytes)]
    return found


def devices(answers: Answers, wanted: str) -> CheckResult:
    """Every rank computes on what it should: on a GPU where its node has one, and no two on one that could have two."""
    seen = {rank: answer["device"] for rank, answer in answers.items()}
    faults = [f"{place(rank, answers)}: {device[FAULT]}" for rank, device in seen.items() if FAULT in device]
    if faults:
        return CheckResult(
            "device", False, named(faults), "stemdl doctor on that node says more of its torch and driver"
        )
    bind = "ask for one for each rank (as stemdl launch --gpus-per-rank 1 does), or --set device=cpu"
    blind = [
        f"{place(rank, answers)} sees none of its node's accelerators" + f" ({device['on_node']})"
        for rank, device in seen.items()
        if device["kind"] == "cpu" and (wanted == "cuda" or (wanted != "cpu" and device["on_node"]))
    ]
    if blind:
        return CheckResult("device", False, named(blind), bind)
    odd = [
        f"{place(rank, answers)} computes on {device['kind']}"
        for rank, device in seen.items()
        if device["kind"] != seen[0]["kind"]
    ]
    if odd:
        return CheckResult("device", False, f"{named(odd)}, rank 0 on {seen[0]['kind']}", bind)
    names = _counted(device["name"] or device["kind"] for device in seen.values())
    users: dict[tuple[str, str], list[int]] = defaultdict(list)
    for rank, device in seen.items():
        if device["identity"]:
            users[answers[rank]["host"], device["identity"]].append(rank)
    on_host = Counter(answers[rank]["host"] for rank in seen)
    shared = {ranks[0]: ranks for ranks in users.values() if len(ranks) > 1}
    avoidable = [
        f"ranks {', '.join(map(str, ranks[:NAMED]))} on {answers[rank]['host']} share one of {seen[rank]['on_node']}"
        for rank, ranks in shared.items()
        if on_host[answers[rank]["host"]] <= seen[rank]["on_node"]
    ]
    if avoidable:
        return CheckResult("device", False, named(avoidable), "let each rank see all of its node's, or one of its own")
    return CheckResult("device", True, names + (", shared by ranks" if shared else ""))


def shared_folder(answers: Answers, subject: Subject, place_fault: Any) -> CheckResult:
    """Whether every node sees what rank 0 has just written."""
    if place_fault is not None:
        return CheckResult(
            "shared folder",
            False,
            f"{place(0, answers)} cannot write to {subject.shared}: {place_fault[FAULT]}",
            "free some space, or name another folder with --output",
        )
    blind = [place(rank, answers) for rank, answer in answers.items() if answer["leads"] and not answer["sees"]]
    detail = (
        f"{named(blind)}: not seen in {subject.shared} what rank 0 wrote"
        if blind
        else f"what rank 0 writes to {subject.shared} is seen everywhere"
    )
    return judged(
        "shared folder", not blind, detail, "name a folder that all nodes share (--output; of stemdl doctor, --folder)"
    )


def disk(answers: Answers, subject: Subject) -> CheckResult:
    """Whether every node has room where the run needs it."""
    short = []
    for rank, answer in leaders(answers):
        for need in subject.disk_needs:
            free = answer["disk"][need.purpose]
            if isinstance(free, dict):
                short.append(f"{place(rank, answers)}: {need.purpose}: {free[FAULT]}")
            elif free < need.needed_bytes:
                short.append(
                    f"{place(rank, answers)} has {_size(free)} free in {need.folder} for {need.purpose}, "
                    f"{_size(need.needed_bytes)} needed"
                )
    least = {
        need.purpose: min(
            (
                answer["disk"][need.purpose]
                for _, answer in leaders(answers)
                if not isinstance(answer["disk"][need.purpose], dict)
            ),
            default=0,
        )
        for need in subject.disk_needs
    }
    return judged(
        "disk",
        not short,
        named(short)
        if short
        else ", ".join(f"at least {_size(free)} free for {purpose}" for purpose, free in least.items()),
        "free some space there, or name another folder (--output, --set stage=DIR)",
    )


def memory(answers: Answers, needed_bytes: int) -> CheckResult:
    """Whether every node has the memory that its ranks need yet."""
    ranks_on = Counter(answer["host"] for answer in answers.values())
    short, least = [], []
    for rank, answer in leaders(answers):
        free, needed = answer["memory"], needed_bytes * ranks_on[answer["host"]]
        if isinstance(free, dict):
            short.append(f"{place(rank, answers)}: {free[FAULT]}")
        elif free < needed:
            short.append(f"{place(rank, answers)} has {_size(free)} free, its ranks need {_size(needed)}")
        else:
            least.append(free)
    return judged(
        "memory",
        not short,
        named(short) if short else f"at least {_size(min(least))} free on each node",
        "end other programs there, or use fewer ranks on a node, or --set memory_share=0.1",
    )


def load(answers: Answers) -> tuple[CheckResult, dict[str, float] | None]:
    """Whether the cores that the ranks were given are free: a warning where they are not, never a failure. With it the
    figures of the busiest node, as `free_cores` has them; None where no rank could measure them."""
    told: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for answer in answers.values():
        if answer["load"] is not None and FAULT not in answer["load"]:
            told[answer["host"]].append(answer["load"])
    nodes = {host: free_cores(measured) for host, measured in told.items()}
    if not nodes:
        return CheckResult("load", True, "not known: the kernel does not count the cores' time here"), None
    busiest = min(nodes, key=lambda host: nodes[host]["free"] / nodes[host]["given"])
    busy = {host: in_words(node) + f" on {host}" for host, node in nodes.items() if is_busy(node)}
    if not busy:
        return CheckResult("load", True, f"at least {in_words(nodes[busiest])} on {busiest}"), nodes[busiest]
    return CheckResult("load", True, f"other programs keep this machine busy: {named(busy.values())}", REMEDY), nodes[
        busiest
    ]


def clocks(offsets: Mapping[int, tuple[float, float] | None], answers: Answers, limit_seconds: float) -> CheckResult:
    """Whether the nodes' clocks agree with rank 0's; only what is surely beyond the limit fails."""
    silent = [place(rank, answers) for rank, offset in offsets.items() if offset is None]
    if silent:
        return CheckResult(
            "clocks", False, f"{named(silent)} stopped answering", "look after those processes and nodes"
        )
    told = {rank: offset for rank, offset in offsets.items() if offset is not None}
    odd = [
        f"{place(rank, answers)} is {abs(offset):.6f} s (+- {uncertainty:.6f} s) "
        f"{'ahead of' if offset > 0 else 'behind'} rank 0"
        for rank, (offset, uncertainty) in told.items()
        if abs(offset) - uncertainty > limit_seconds
    ]
    if odd:
        return CheckResult(
            "clocks",
            False,
            f"{named(odd)}, {limit_seconds:g} s allowed",
            "set that node's clock (chronyc makestep, ntpd): events and power readings are timed by it",
        )
    if not told:
        return CheckResult("clocks", True, "one node, one clock")
    offset, uncertainty = max(told.values(), key=lambda each: abs(each[0]))
    return CheckResult(
        "clocks", True, f"within {abs(offset):.6f} s (+- {uncertainty:.6f} s) of rank 0's, {limit_seconds:g} s allowed"
    )


def all_reduce(told: Answers, answers: Answers, seconds: float) -> CheckResult:
    """Whether sums over the ranks are right on all of them, and how fast."""
    remedy = "mpirun, mpi4py, Horovod and NCCL must be of one MPI and one build; look after that node's network"
    silent = [place(rank, answers) for rank in answers if rank not in told]
    late = [place(rank, answers) for rank, each in told.items() if "late" in each]
    if silent or late:
        return CheckResult(
            "all-reduce",
            False,
            f"{named(silent)} stopped answering" if silent else f"not done within {seconds:g} s on {named(late)}",
            remedy,
        )
    wrong = [f"{place(rank, answers)}: {each[FAULT]}" for rank, each in told.items() if FAULT in each]
    wrong += [
        f"{place(rank, answers)}: {each['network']['wrong']}"
        for rank, each in told.items()
        if each.get("network", {}).get("wrong")
    ]
    if wrong:
        return CheckResult("all-reduce", False, named(wrong), remedy)
    if len(answers) == 1:
        return CheckResult("all-reduce", True, "one rank, nothing to sum")
    network = told[0]["network"]
    return CheckResult(
        "all-reduce",
        True,
        f"right by {network['by']}; {network['latency_seconds'] * 1e6:.0f} us for a "
        f"number, {network['bandwidth_bytes_per_second'] / 1e9:.2f} GB/s of bus bandwidth for "
        f"{network['message_bytes'] / 2**20:g} MiB",
    )


def _counted(names: Iterable[str]) -> str:
    return ", ".join(f"{count} x {name}" for name, count in Counter(names).items())


def _size(count: int) -> str:
    return f"{count / GIB:.1f} GiB" if count >= GIB else f"{count / MIB:.1f} MiB"
