"""Before the clock starts: whether the ranks of a job, all together, are fit to train.

Every rank says what it sees, as far as it differs from what rank 0 sees; rank 0 judges, and tells all. Each wait has an
end, after which the ranks that did not answer are named.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, sha256_of_text, write_text
from benchmark.launch import preflight_checks as checks
from benchmark.launch.check import CheckResult, check_lines
from benchmark.launch.exchange import Exchange, NoAnswer, within
from benchmark.launch.network import QUICK, Effort, Reducer, measure
from benchmark.launch.preflight_answers import FAULT
from benchmark.launch.rank_report import RankReport


@dataclass(frozen=True)
class PreflightLimits:
    """`seconds` : for each wait for the other ranks. `clock_skew_seconds` : by which nodes' clocks may differ.
    `ping_rounds` : of which the fastest tells a node's clock."""

    seconds: float = 60.0
    clock_skew_seconds: float = 1.0
    ping_rounds: int = 8


@dataclass(frozen=True)
class PreflightResult:
    """The checks, and figures by name; the same on all ranks."""

    checks: tuple[CheckResult, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether all checks are."""
        return all(check.ok for check in self.checks)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {"ok": self.ok, "checks": [check.to_dict() for check in self.checks], "figures": dict(self.figures)}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What passed, but should be known of a result."""
        return tuple(check.detail for check in self.checks if check.ok and check.remedy)

    def to_log(self) -> dict[str, Any]:
        """The checks as a run's log has them: their names, those that failed in full, warnings and figures. What passed
        would tell where somebody's folders are."""
        return {
            "ok": self.ok,
            "checks": [check.name for check in self.checks],
            "warnings": list(self.warnings),
            "failed": [check.to_dict() for check in self.checks if not check.ok],
            "figures": dict(self.figures),
        }

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> PreflightResult:
        """The result that `to_dict` wrote."""
        return cls(tuple(CheckResult(**check) for check in values["checks"]), values["figures"])

    def raise_on_failure(self, rank: int) -> None:
        """Raises StemdlError where a check failed: on rank 0 with what failed, on the others with a word."""
        if not self.ok:
            failed = "\n".join(check_lines([check for check in self.checks if not check.ok]))
            raise StemdlError("the ranks are not fit to train" + (f":\n{failed}" if rank == 0 else "; rank 0 says why"))


def preflight(
    report: RankReport,
    exchange: Exchange,
    reducer: Callable[[], Reducer],
    limits: PreflightLimits = PreflightLimits(),
    effort: Effort = QUICK,
) -> PreflightResult:
    """All checks, called by every rank of the job. `reducer` makes what the all-reduce is tried with, once all ranks
    have answered.

    Whatever is wrong is in the result; where a rank did not answer or an all-reduce did not end, it breaks off there,
    and the caller should end the process at once: a thread may still wait in it. Raises StemdlError on a rank that rank
    0 does not answer.
    """
    started = time.monotonic()
    patience = 2 * limits.seconds + 5  # rank 0 may itself wait for another rank meanwhile
    token = f".preflight-{secrets.token_hex(8)}"
    hosts = exchange.gather(report.host, limits.seconds)
    own = _sections(report)
    opening = None
    if exchange.rank == 0:
        hashes = {name: _digest(value) for name, value in own.items()}
        opening = {"token": token, "hashes": hashes, "fault": _tried(lambda: _place(report, token))}
    try:
        opening = exchange.share(opening, patience)
        others = [rank for rank in hosts if rank != 0]
        answers = exchange.gather(_answer(report, own, opening), limits.seconds, others)
    finally:
        if exchange.rank == 0 and opening["fault"] is None:
            (report.subject.shared / token).unlink(missing_ok=True)
    found: list[CheckResult] = []
    figures: dict[str, Any] = {}
    if exchange.rank == 0:
        load, busiest = checks.load(answers)
        found = [
            checks.all_answered(answers, hosts, exchange.size, limits.seconds),
            *checks.of_answers(answers, own, report.subject, opening["fault"]),
            load,
        ]
        figures["load"] = busiest
        leaders = [rank for rank, answer in answers.items() if answer["leads"]]
        step = {"leaders": leaders} if len(answers) == exchange.size else {}
    step = exchange.share(step if exchange.rank == 0 else None, patience)
    if step:
        offsets = _clocks(report, exchange, step["leaders"], limits)
        told = exchange.gather(_all_reduce(exchange, reducer, limits, effort), limits.seconds + 5)
        if exchange.rank == 0:
            found += [
                checks.clocks(offsets, answers, limits.clock_skew_seconds),
                checks.all_reduce(told, answers, limits.seconds),
            ]
            figures |= {
                "clock_offset_seconds": max((abs(each[0]) for each in offsets.values() if each), default=0.0),
                "all_reduce": told[0].get("network"),
            }
    figures["seconds"] = time.monotonic() - started
    result = PreflightResult(tuple(found), figures)
    return PreflightResult.of(exchange.share(result.to_dict() if exchange.rank == 0 else None, patience))


def _sections(report: RankReport) -> dict[str, Any]:
    """What the ranks must agree about, by name; what is of a node is asked of one rank there."""
    asked: dict[str, Callable[[], Any]] = {
        "source": report.source,
        "versions": report.versions,
        "configuration": report.settings,
        "manifest": report.manifest,
    }
    if report.leads:
        asked |= {"commit": report.commit, "listing": report.listing}
    return {name: _tried(ask) for name, ask in asked.items()}


def _answer(report: RankReport, own: Mapping[str, Any], opening: Mapping[str, Any]) -> dict[str, Any]:
    """What a rank tells rank 0: of the sections those alone that differ from rank 0's."""
    answer = {
        "host": report.host,
        "leads": report.leads,
        "load": _tried(report.load),  # first: all ranks have just had the opening, and sleep together
        "differs": {name: value for name, value in own.items() if _digest(value) != opening["hashes"][name]},
        "device": _tried(lambda: asdict(report.device())),
    }
    if report.leads:
        answer |= {
            "sees": opening["fault"] is None and report.sees(opening["token"], opening["token"]),
            "disk": {
                need.purpose: _tried(lambda need=need: report.free_disk_bytes(need.folder))
                for need in report.subject.disk_needs
            },
            "memory": _tried(report.free_memory_bytes),
        }
    return answer


def _tried(ask: Callable[[], Any]) -> Any:
    """What is found, or how finding it failed: a rank that cannot see something is itself a finding."""
    try:
        return ask()
    except (OSError, RuntimeError, ValueError, ImportError, AssertionError, StemdlError) as error:
        return {FAULT: f"{type(error).__name__}: {error}"}


def _place(report: RankReport, token: str) -> None:
    write_text(report.subject.shared / token, token)


def _digest(value: Any) -> str:
    return sha256_of_text(canonical_json(value))


def _clocks(
    report: RankReport, exchange: Exchange, leaders: list[int], limits: PreflightLimits
) -> dict[int, tuple[float, float] | None]:
    """By how many seconds each node's clock is ahead of rank 0's, on rank 0, and how far that may be off: half the time
    of the fastest round trip (Cristian 1989). None for a node that did not answer."""
    offsets: dict[int, tuple[float, float] | None] = {}
    others = [rank for rank in leaders if rank != 0]
    if exchange.rank != 0:
        if exchange.rank in others:
            for _ in range(limits.ping_rounds):
                exchange.hear(2 * limits.seconds + 5)
                exchange.send(report.clock(), to=0)
        return {}
    for rank in others:
        rounds = []
        try:
            for _ in range(limits.ping_rounds):
                sent = report.clock()
                exchange.send("what time is it?", to=rank)
                theirs = exchange.receive(rank, time.monotonic() + limits.seconds)
                back = report.clock()
                rounds.append(((back - sent) / 2, theirs - (sent + back) / 2))
        except NoAnswer:
            offsets[rank] = None
            continue
        uncertainty, offset = min(rounds)
        offsets[rank] = offset, uncertainty
    return offsets


def _all_reduce(
    exchange: Exchange, reducer: Callable[[], Reducer], limits: PreflightLimits, effort: Effort
) -> dict[str, Any]:
    """What this rank saw: the network, or how it failed."""
    if exchange.size == 1:
        return {}

    def tried() -> dict[str, Any]:
        made = reducer()
        return {"network": {"by": made.name, **measure(made, exchange.rank, exchange.size, effort).to_dict()}}

    try:
        told = _tried(lambda: within(limits.seconds, tried))
    except NoAnswer:
        return {"late": True}
    return told
