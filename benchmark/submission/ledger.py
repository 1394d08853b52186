"""The ledger of a results folder: every run that was begun there, with how it ended, whatever became of it.

A run has two lines: one when it starts and one when it ends. One that was killed has only the first. The ledger lies
next to the folders of runs and run sets, so that it outlives each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.events import keys
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import canonical_json, require_place, sha256_of_text
from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.submission import chain
from benchmark.submission.ledger_form import END, START, form_faults
from benchmark.submission.run_record import CRASHED

LEDGER = "ledger.jsonl"
MOST_BYTES = 2**30
"""The size of a ledger at most, which has about 3 kB per run."""
UNFINISHED = "unfinished"
"""The status of a run whose end the ledger does not have: it was killed, or is still going on."""
LABELS = {"org", "platform", "division", "status"}
"""Settings that name a run and change nothing of it: with others it is the same configuration."""
IDLE = {"warning_signals", "collective_timeout_seconds"}
"""Settings that nothing of a run depends on which comes to its end by itself, its time as little as its result."""
DECLARED = ("org", "division")
"""Labels that a log is bound to: runs that declare others cannot be submitted together."""


@dataclass(frozen=True)
class LedgerRun:
    """A run as the ledger has it. What a foreign ledger does not say, or not sensibly, is None.

    Attributes
    ----------
    line, end_line : of its start, and of its end. folder : of the run, relative to the ledger's.
    index : of the run within its set.
    status : success, aborted, interrupted, crashed or unfinished.
    instances : how many runs there were at once, this one among them; 1 where it is not said.
    partition : of the data that it trained by; empty: the splits of the shards.
    configuration : SHA-256 of rung, settings but for the labels, ranks, instances, data and partition.
    source : SHA-256 of each package that ran. settings : of the trainer, before the ranks resolved them.
    started_ms, ended_ms : when the two lines were written, milliseconds since 1970.
    trainer : a user's own, as the run was called with it; None for the reference's.
    seed_given : by hand, which is for debugging.
    """

    line: int
    folder: str
    rung: str | None
    ranks: int | None
    instances: int
    status: str
    seconds: float | None
    epochs: int | None
    seed: int | None
    settings: Mapping[str, Any]
    seed_given: bool
    resumed: bool
    commit: str | None
    source: Mapping[str, Any]
    manifest_sha256: str | None
    partition: str
    configuration: str
    log_sha256: str | None
    started_ms: int | None
    index: int | None = None
    ended_ms: int | None = None
    end_line: int | None = None
    trainer: str | None = None

    @property
    def declared(self) -> tuple[Any, ...]:
        """Submitter and division, as they were given before the run began."""
        return tuple(self.settings.get(name) for name in DECLARED)

    @property
    def counts(self) -> bool:
        """Whether it is one of the M runs that a score is chosen from: one that finished on its own, with a
        seed from the operating system."""
        return self.ended and not self.seed_given and not self.resumed

    @property
    def ended(self) -> bool:
        """Whether it finished on its own."""
        return self.status in (keys.SUCCESS, keys.ABORTED)


@dataclass(frozen=True)
class Ledger:
    """All runs in the order of their starts; what is wrong, as (line, sentence); the hash of the last line. `form`:
    fields of lines that the software would not have written so, as `faults`; `fields`: the names of what each start
    says and of its settings, by its line."""

    runs: tuple[LedgerRun, ...]
    faults: tuple[tuple[int, str], ...]
    head: str
    form: tuple[tuple[int, str], ...] = ()
    fields: Mapping[int, frozenset[str]] = field(default_factory=dict)

    def run_of(self, log_sha256: str) -> LedgerRun | None:
        """The run that left this log."""
        return self._by_log.get(log_sha256)

    @cached_property
    def _by_log(self) -> Mapping[str, LedgerRun]:
        return {run.log_sha256: run for run in reversed(self.runs) if run.log_sha256 is not None}

    def alike(self, run: LedgerRun) -> list[LedgerRun]:
        """The runs that could be submitted with it: of its configuration, code, submitter and division; itself among
        them."""
        return [
            each
            for each in self.runs
            if (each.configuration, each.source, each.declared) == (run.configuration, run.source, run.declared)
        ]


def parse_ledger(content: bytes) -> Ledger:
    """The ledger that a file's bytes are; raises nothing, whatever they are."""
    read = chain.parse(content)
    faults = list(read.faults)
    starts = {link.sha256: link for link in read.links if link.values.get("event") == START}
    ends: dict[str, chain.ChainLink] = {}
    for link in read.links:
        event, start = link.values.get("event"), link.values.get("start")
        if event == START:
            continue
        if event != END:
            faults.append((link.line, "the line is neither a run's start nor its end"))
        elif not isinstance(start, str) or start not in starts or starts[start].line > link.line:
            faults.append((link.line, "the end is of no run that has started"))
        elif start in ends:
            faults.append((link.line, "the run has ended before"))
        else:
            ends[start] = link
    runs = tuple(_run(link, ends.get(sha256)) for sha256, link in starts.items())
    left: dict[str, LedgerRun] = {}
    for run in runs:
        if run.log_sha256 is not None and left.setdefault(run.log_sha256, run) is not run:
            faults.append((run.line, f"the run left the log of the one in line {left[run.log_sha256].line}"))
    form = tuple((link.line, text) for link in read.links for text in form_faults(link.values))
    fields = {link.line: _fields(link.values) for link in starts.values()}
    return Ledger(runs, tuple(sorted(faults)), read.head, form, fields)


def _fields(told: Mapping[str, Any]) -> frozenset[str]:
    settings = told.get("settings")
    return frozenset({*told, *(f"settings.{name}" for name in (settings if isinstance(settings, dict) else ()))})


def read_ledger(path: Path) -> Ledger:
    """The ledger in a file, or in a folder. Raises StemdlError where there is none."""
    path = path / LEDGER if path.is_dir() else path
    try:
        return parse_ledger(read_bytes(path, MOST_BYTES, links=True))
    except Unreadable as error:
        raise StemdlError(
            "there is no ledger here",
            where=path,
            found=error,
            remedy="name the file, or the folder that holds the runs",
        ) from error


def require_ledger(path: Path) -> None:
    """Raises StemdlError where a run could not be entered: the file is something else than a ledger, or there can be
    none."""
    if path.is_symlink() or path.exists():
        chain.require_chain(path)
    else:
        require_place(path.absolute().parent)


def find_ledger(folders: Iterable[Path]) -> Path | None:
    """The ledger that lies in the folder of all these runs or above it, at most three folders up (run, set, schedule);
    None without one."""
    found = {
        next((above / LEDGER for above in list(folder.absolute().parents)[:3] if (above / LEDGER).is_file()), None)
        for folder in folders
    }
    if len(found) > 1:
        raise StemdlError(
            "the runs are of several results folders",
            found=", ".join(sorted(map(str, found))),
            expected="one ledger that tells them all",
            remedy="submit the runs of one folder",
        )
    return found.pop() if found else None


def _run(start: chain.ChainLink, end: chain.ChainLink | None) -> LedgerRun:
    told, ended = start.values, end.values if end else {}
    settings = told.get("settings") if isinstance(told.get("settings"), dict) else {}
    seconds = ended.get("time_to_train_seconds")
    status = ended.get("status") if end else UNFINISHED
    return LedgerRun(
        line=start.line,
        folder=_of(str, told.get("folder")) or "",
        rung=_of(str, told.get("rung")),
        ranks=_of(int, told.get("ranks")),
        instances=_of(int, told.get("instances")) or 1,
        status=status if isinstance(status, str) else CRASHED,
        seconds=float(seconds) if isinstance(seconds, (int, float)) and abs(seconds) < 2**53 else None,
        epochs=_of(int, ended.get("epochs")),
        seed=_of(int, ended.get("seed")),
        settings=settings,
        seed_given=told.get("seed_given") is not False,
        resumed=told.get("resumed") is not False,
        commit=_of(str, told.get("commit")),
        source=told["source"] if isinstance(told.get("source"), dict) else {},
        manifest_sha256=_of(str, told.get("manifest_sha256")),
        partition=_of(str, told.get("partition")) or "",
        configuration=_configuration(start, settings),
        log_sha256=_of(str, ended.get("log_sha256")),
        trainer=_of(str, told.get("trainer")),
        started_ms=_of(int, told.get("time_ms")),
        index=_of(int, told.get("index")),
        ended_ms=_of(int, ended.get("time_ms")),
        end_line=end.line if end else None,
    )


def _configuration(start: chain.ChainLink, settings: Mapping[str, Any]) -> str:
    told = start.values
    of_it = [
        told.get("rung"),
        {name: value for name, value in settings.items() if name not in LABELS | IDLE},
        told.get("ranks"),
        told.get("instances", 1),
        told.get("manifest_sha256"),
        told.get("partition", ""),
    ]
    try:
        return sha256_of_text(canonical_json(of_it))
    except (ValueError, RecursionError):  # nothing that we wrote: NaN, or brackets without end
        return start.sha256


def _of(kind: type, value: Any) -> Any:
    return value if type(value) is kind else None
