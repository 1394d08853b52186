"""A run's record against its log: both were written by one run, and nothing was changed since."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.submission.record_format import FORMAT, of_the_newest_format
from benchmark.submission.run_record import facts_of
from benchmark.validation.finding import Fault, Severity, shown
from benchmark.validation.registry import check
from benchmark.validation.standard import standards
from benchmark.validation.subjects import RECORD, Log

_CHANGED = re.compile(
    "denois|smooth|eas(y|ier)|filter|subset|reduced|augment|crop|half|quarter|(with|and|plus)[_-]?(dev|test|val)|extra|merged"
    "|tuned|clean|curat|select|balanc|hand_?picked|pruned|dedup|improved|without|resampled",
    re.IGNORECASE,
)
"""What the name of a folder says of data that are not the rung's own."""
_IN_MEMORY = re.compile(r"^/(dev|run)/shm/|(^|[/_-])(ram_?disk|tmpfs)([/_-]|$)", re.IGNORECASE)
"""A folder that lies in memory, into which data were brought before the clock (R3.3)."""


@check("R4.9", "R3.3", of=Log, ours_alone=True)
def record_agrees(log: Log) -> Iterator[Fault]:
    """The record holds the log's hash and, figure by figure, what follows from the log."""
    record = log.record
    if record is None:
        return
    if record.values is None:
        yield Fault(
            f"the run's record cannot be read: {record.fault}",
            file=record.file,
            expected=f"{RECORD.format(index='<i>')} next to the log, or run.json",
        )
        return
    values = of_the_newest_format(record.values)
    stored = values.get("log")
    stored_hash = stored.get("sha256") if isinstance(stored, dict) else None
    try:
        content = read_bytes(log.path, 2**31)
    except Unreadable:
        return  # the log's own finding says so
    if stored_hash != hashlib.sha256(content).hexdigest():
        yield Fault(
            "the log is not the one that was recorded: a byte of it has changed",
            file=record.file,
            expected=hashlib.sha256(content).hexdigest(),
            found=shown(stored_hash),
            hint="a log is never edited after its run",
        )
    if log.standard is not None and values.get("rung") != log.standard.name:
        yield Fault(
            "the record is of another rung",
            file=record.file,
            expected=log.standard.name,
            found=shown(values.get("rung")),
        )
    data = values.get("data")
    folder = data.get("folder") if isinstance(data, dict) else None
    named = folder.rstrip("/").rpartition("/")[2] if isinstance(folder, str) else ""
    other = log.standard is not None and named != log.standard.name and named in standards()
    if log.standard is not None and (other or _CHANGED.search(named.replace(log.standard.name, ""))):
        what = "of another rung" if other else "whose name says that they were changed"
        yield Fault(
            f"the record's data lie in a folder {what}",
            file=record.file,
            expected=log.standard.name,
            found=shown(folder),
            severity=Severity.WARNING,
        )
    if isinstance(folder, str) and _IN_MEMORY.search(folder):
        yield Fault(
            "the record's data lie in memory before the clock has started",
            file=record.file,
            expected="storage, from which staging reads them",
            found=shown(folder),
            severity=Severity.WARNING,
            rule="R3.3",
        )
    if values["format"] is True or values["format"] != FORMAT:
        yield Fault(
            "the record has an unknown format", file=record.file, expected=str(FORMAT), found=shown(values["format"])
        )
    for name in ("target", "reaches", "low", "high") if log.standard is not None else ():
        wanted, found = getattr(log.standard.goal, name), values.get(name)
        if found != wanted or isinstance(found, bool):
            yield Fault(f"the record has another {name}", file=record.file, expected=shown(wanted), found=shown(found))
    for name in ("ranks", "launcher"):
        if log.settings().get(name) != values.get(name):
            yield Fault(
                f"{name} of the record is not what the log says",
                file=record.file,
                expected=shown(log.settings().get(name)),
                found=shown(values.get(name)),
            )
    yield from _differences(facts_of(log.timeline, log.goal.test_key), values, record.file, "")


def _differences(facts: Mapping[str, Any], stored: Any, file: str, above: str) -> Iterator[Fault]:
    for name, value in facts.items():
        found = stored.get(name) if isinstance(stored, dict) else None
        if isinstance(value, dict) and name == "data":
            yield from _differences(value, found, file, f"{name}.")
        elif found != value or not _of_one_kind(found, value):
            yield Fault(
                f"{above}{name} of the record is not what the log says",
                file=file,
                expected=shown(value),
                found=shown(found),
            )


def _of_one_kind(value: Any, other: Any) -> bool:
    """Whether two equal values are written alike: 1, 1.0 and true are three."""
    return all(isinstance(value, kind) == isinstance(other, kind) for kind in (bool, int, float))
