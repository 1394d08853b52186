"""Golden figures: what a rung's own data are recognised by, whichever processor made them; a file for each rung."""

from __future__ import annotations

import functools
from pathlib import Path

from benchmark.definition.benchmark import SHIPPED
from benchmark.foundation.files import sha256_of_file

FOLDER = SHIPPED / "space_group" / "golden"

IDENTICAL, RECOGNISED, REFUSED, UNKNOWN = VERDICTS = ("identical", "recognised", "refused", "unknown")
"""Of a data set: the shards that the figures are of, byte for byte; the same patterns but for what processors round
otherwise; other ones; not compared."""
IN_WORDS = {
    IDENTICAL: "the rung's own",
    RECOGNISED: "the rung's own, from another processor",
    REFUSED: "NOT the rung's own: their patterns or labels are others",
    UNKNOWN: "not compared with golden figures",
}


def golden_path(rung: str) -> Path:
    """Where a rung's golden figures lie, if it has some."""
    return FOLDER / f"{rung}.npz"


@functools.cache
def golden_sha256(rung: str) -> str:
    """The hash of a rung's golden figures, empty where it has none."""
    path = golden_path(rung)
    return sha256_of_file(path) if path.is_file() else ""
