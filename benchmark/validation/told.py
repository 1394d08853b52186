"""The ledger next to the logs of a set, as the checks that hold the set to it read it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

from benchmark.foundation.reading import Unreadable, read_bytes
from benchmark.submission.ledger import LEDGER, Ledger, LedgerRun, parse_ledger
from benchmark.validation.subjects import Log, ResultSet

MOST_BYTES = 50 * 2**20
"""The size of a ledger at most, as large as a file of a submission may be (R8.3): of 30,000 runs."""
MOST_NAMED = 8


def read_ledger_of(results: ResultSet) -> Ledger:
    """The ledger next to the logs. Raises Unreadable where there is none."""
    return parsed(read_bytes(results.folder / LEDGER, MOST_BYTES))


@functools.lru_cache(maxsize=2)
def parsed(content: bytes) -> Ledger:
    """A ledger, read once for all checks of a set."""
    return parse_ledger(content)


def ledger_of(results: ResultSet) -> Ledger | None:
    """None where there is none to hold the runs against, which `ledger_is_whole` says."""
    try:
        return read_ledger_of(results) if results.submitted else None
    except Unreadable:
        return None


def run_of(ledger: Ledger, log: Log) -> LedgerRun | None:
    """The run that left a log; None for a log that cannot be read or that the ledger does not have."""
    try:
        return ledger.run_of(hashlib.sha256(read_bytes(log.path, MOST_BYTES)).hexdigest())
    except Unreadable:
        return None


def names_of(runs: Sequence[LedgerRun]) -> str:
    """Their folders and how they ended, the first few of them."""
    more = f" and {len(runs) - MOST_NAMED} more" if len(runs) > MOST_NAMED else ""
    return ", ".join(f"{run.folder} ({run.status})" for run in runs[:MOST_NAMED]) + more
