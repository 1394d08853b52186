"""Golden figures: what a rung's own data are recognised by, whichever processor made them.

Of each rung that has some, its task's folder holds `golden/<rung>.npz`, the figures, and `golden/<rung>.json`, the
schema of the samples that they are of.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

from benchmark.definition.finder import benchmark_with, find_task
from benchmark.definition.sample import SampleSchema
from benchmark.foundation.files import sha256_of_file

FOLDER = "golden"

IDENTICAL, RECOGNISED, REFUSED, UNKNOWN = VERDICTS = ("identical", "recognised", "refused", "unknown")
"""Verdicts on a data set: the shards that the figures are of, byte for byte; the same samples but for what processors
round otherwise; other ones; not compared."""
IN_WORDS = {
    IDENTICAL: "the rung's own",
    RECOGNISED: "the rung's own, from another processor",
    REFUSED: "NOT the rung's own: their samples or labels are others",
    UNKNOWN: "not compared with golden figures",
}


def golden_path(rung: str, suffix: str = ".npz") -> Path | None:
    """Where a rung's golden figures lie, if it has some; their schema with the suffix .json. None where no task has the
    rung. Raises StemdlError where two have it."""
    benchmark = benchmark_with(rung)
    return find_task(benchmark.task).folder / FOLDER / f"{rung}{suffix}" if benchmark is not None else None


@functools.cache
def golden_sha256(rung: str) -> str:
    """The hash of a rung's golden figures, empty where it has none."""
    path = golden_path(rung)
    return sha256_of_file(path) if path is not None and path.is_file() else ""


def golden_schema(rung: str) -> SampleSchema | None:
    """What a network is given of the samples that a rung's golden figures are of; None where it has none."""
    path = golden_path(rung, ".json")
    if path is None or not path.is_file():
        return None
    return SampleSchema.from_json(json.loads(path.read_text(encoding="utf-8")))
