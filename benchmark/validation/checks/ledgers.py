"""The ledgers of a submission's sets, of which none hides runs from another."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmark.definition.request import LOG
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.submission.ledger import IDLE, LABELS, LEDGER, Ledger, LedgerRun
from benchmark.validation.checks.placement import placements
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.limits import Limits
from benchmark.validation.registry import check
from benchmark.validation.subjects import Log, ResultSet, Submission
from benchmark.validation.told import MOST_BYTES, names_of, parsed

PLATFORM = "platform"
NAMES = {"system_name", "status", "hw_notes", "sw_notes"}
"""Fields of a description that say nothing of the machine itself."""


@dataclass(frozen=True)
class _Kept:
    """A set, the ledger next to its logs with its bytes, the run of its first log, and the hosts that it was on."""

    results: ResultSet
    content: bytes
    ledger: Ledger
    first: LedgerRun
    hosts: frozenset[str]

    @property
    def file(self) -> str:
        return f"{self.results.file}/{LEDGER}"

    @property
    def trained(self) -> tuple[Any, ...]:
        """What its runs trained by and on which data, with however many of them at once."""
        settings = {name: value for name, value in self.first.settings.items() if name not in LABELS | IDLE}
        return self.first.rung, self.first.ranks, self.first.manifest_sha256, settings


@check("R4.12", of=Submission)
def no_ledger_hides_runs(submission: Submission) -> Iterator[Fault]:
    """No other ledger has as many runs of a set's configuration as make a set, which the set's own lacks; and those of
    one configuration, strong and weak scaling, are one, of which the earlier is the beginning of the later."""
    kept = [each for results in submission.sets if results.ours and (each := _kept(results)) is not None]
    for one, other in itertools.combinations(kept, 2):
        beginning = one.content.startswith(other.content) or other.content.startswith(one.content)
        if one.trained == other.trained and _one_machine(one, other) and not beginning:
            yield Fault(
                "two results folders have runs of one configuration, each with a ledger of its own"
                if one.results.system_id == other.results.system_id
                else "two systems are one machine, each with a ledger of its own for one configuration",
                file=other.file,
                expected=f"one ledger for these and the runs of {one.file}, the later one gone on with",
                severity=Severity.WARNING,
                hint="the submitter says why the runs were not made in one results folder",
            )
    for one, other in itertools.permutations(kept, 2):
        known = {(run.folder, run.started_ms) for run in one.ledger.runs}
        hidden = [
            run
            for run in other.ledger.runs
            if run.ended
            and run.configuration == one.first.configuration != other.first.configuration
            and run.settings.get(PLATFORM) == one.first.settings.get(PLATFORM)
            and (run.folder, run.started_ms) not in known
        ]
        standard = one.results.standard
        if standard is not None and len(hidden) >= standard.runs:  # fewer are trials, of which no set is chosen
            yield Fault(
                f"runs of the configuration of {one.results.benchmark} stand in the ledger of another set alone",
                file=other.file,
                line=hidden[0].line,
                expected=f"all of them in {one.file}",
                found=f"{len(hidden)}: {names_of(hidden)}",
                severity=Severity.WARNING,
                hint="the submitter says why these runs do not count",
            )


def _one_machine(one: _Kept, other: _Kept) -> bool:
    """Whether two sets are of one system, or of two that share a host and are described alike but for names."""
    systems = one.results.system, other.results.system
    told, others = (
        {name: value for name, value in (system.values or {}).items() if name not in NAMES} if system else {}
        for system in systems
    )
    shared = one.hosts & other.hosts and told and told == others
    return one.results.system_id == other.results.system_id or bool(shared)


def _kept(results: ResultSet) -> _Kept | None:
    """None without a ledger that has the run of the set's first log, which the checks of the set say."""
    try:
        content = read_bytes(results.folder / LEDGER, MOST_BYTES)
        log = read_bytes(results.folder / LOG.format(index=0), MOST_BYTES)
    except Unreadable:
        return None
    ledger = parsed(content)
    first = ledger.run_of(hashlib.sha256(log).hexdigest())
    if first is None:
        return None
    places = placements(Log.read(results.folder / LOG.format(index=0), results.file, Limits()))
    return _Kept(results, content, ledger, first, frozenset(shown(place["host"]) for place in places))
