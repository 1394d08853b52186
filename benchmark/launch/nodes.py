"""The nodes of a job: what each is, collected while it runs, and how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, write_json
from benchmark.foundation.reading import MOST_BYTES, NESTING, Unreadable, parse_json, read_bytes
from benchmark.launch.check import CheckResult
from benchmark.launch.exchange import Exchange

NODES = "nodes.json"
ALIKE_WITHIN = 0.01
"""Share by which sizes may differ between nodes that are built alike: firmware keeps some memory for itself."""
NAMED = 3


@dataclass(frozen=True)
class Kind:
    """Nodes that are alike: their hosts, and the facts of the first; see `node.describe_node`."""

    hosts: tuple[str, ...]
    facts: Mapping[str, Any]


def collect_nodes(exchange: Exchange, host: str, facts: Mapping[str, Any] | None, seconds: float) -> list[Kind]:
    """The kinds of nodes on rank 0, its own first; elsewhere nothing. Called by all ranks: one of each node gives its
    facts, the others None. Raises StemdlError naming the ranks that did not answer."""
    told = exchange.gather(None if facts is None else {"host": host, "facts": dict(facts)}, seconds)
    missing = [rank for rank in range(exchange.size) if rank not in told]
    if exchange.rank == 0 and missing:
        raise StemdlError(
            "ranks did not describe their nodes",
            found=f"ranks {missing[:NAMED]} said nothing",
            expected=f"an answer within {seconds:g} s",
            remedy="look after those processes",
        )
    return kinds_of([(answer["host"], answer["facts"]) for answer in told.values() if answer])


def kinds_of(nodes: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Kind]:
    """Nodes put together with those that are alike, in their order."""
    kinds: list[tuple[list[str], Mapping[str, Any]]] = []
    for host, facts in nodes:
        for hosts, others in kinds:
            if not differing(others, facts):
                hosts.append(host)
                break
        else:
            kinds.append(([host], facts))
    return [Kind(tuple(hosts), facts) for hosts, facts in kinds]


def differing(first: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The names of the facts in which two nodes differ; a clock as it runs now, and a little memory, make no other."""
    return [name for name in sorted(first.keys() | other.keys()) if not _alike(first.get(name), other.get(name))]


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, int) and isinstance(other, int) and not (isinstance(one, bool) or isinstance(other, bool)):
        return abs(one - other) <= ALIKE_WITHIN * max(abs(one), abs(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_alike(one.get(name), other.get(name)) for name in one.keys() | other.keys())
    both_now = all(isinstance(each, str) and each.endswith("(current)") for each in (one, other))
    return one == other or both_now


def differences(kinds: Sequence[Kind]) -> list[str]:
    """One text for each kind but the first: its hosts, and what is another there."""
    first = kinds[0].facts
    return [
        f"{_hosts(kind)}: "
        + ", ".join(
            f"{name} {_shown(kind.facts.get(name))} instead of {_shown(first.get(name))}"
            for name in differing(first, kind.facts)
        )
        for kind in kinds[1:]
    ]


def nodes_check(kinds: Sequence[Kind]) -> CheckResult:
    """Whether the nodes are alike: if not, that is reported, and is not a failure."""
    count = sum(len(kind.hosts) for kind in kinds)
    if len(kinds) > 1:
        return CheckResult(
            "nodes",
            True,
            f"{len(kinds)} kinds of nodes; " + "; ".join(differences(kinds)),
            "for a result that others can repeat, ask for nodes of one kind",
        )
    return CheckResult(
        "nodes",
        True,
        f"{count} node{'s alike' if count > 1 else ''}: "
        + ", ".join(
            filter(
                None,
                (
                    kinds[0].facts.get("processor"),
                    _shown(kinds[0].facts["accelerators"]) if "accelerators" in kinds[0].facts else "no accelerator",
                ),
            )
        ),
    )


def write_nodes(folder: Path, kinds: Sequence[Kind]) -> None:
    """Leave the kinds of nodes in a run's folder."""
    write_json(folder / NODES, [{"hosts": list(kind.hosts), "facts": dict(kind.facts)} for kind in kinds])


def read_nodes(folder: Path) -> list[Kind] | None:
    """The kinds of nodes that a run left; None where it left none. Raises StemdlError where they cannot be read."""
    path = folder / NODES
    if not path.is_file():
        return None
    try:
        values = parse_json(read_bytes(path, MOST_BYTES, links=True), NESTING)
        return [Kind(tuple(each["hosts"]), dict(each["facts"])) for each in values]
    except (Unreadable, ValueError, KeyError, TypeError) as error:
        raise StemdlError("the description of the nodes cannot be read", where=path, found=repr(error)) from error


def _hosts(kind: Kind) -> str:
    more = f" and {len(kind.hosts) - NAMED} more" if len(kind.hosts) > NAMED else ""
    return ", ".join(kind.hosts[:NAMED]) + more


def _shown(value: Any) -> str:
    """A fact in a sentence; things that are the same are counted."""
    if isinstance(value, list):
        counts = {text: value.count(text) for text in dict.fromkeys(map(str, value))}
        return " + ".join(f"{count} x {text}" if count > 1 else text for text, count in counts.items())
    return "none" if value is None else canonical_json(value) if isinstance(value, dict) else str(value)
