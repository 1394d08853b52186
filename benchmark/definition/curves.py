"""How the reference has been seen to learn: of each recorded run what it reached after each epoch, and how fast it read
and evaluated. A rung's are in `reference_curves/<rung>.json` of its task, made by `performance/record_curves.py`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CURVES = "reference_curves"
"""The folder of a task that they lie in."""


@dataclass(frozen=True)
class Curve:
    """One recorded run.

    Attributes
    ----------
    values, losses : the dev split's metric and the mean training loss after each epoch.
    evaluation_speeds : samples/s of each evaluation by those of the epoch before it.
    staging_rank_seconds : from the start of staging to its stop, times the ranks, which each read their part of the
        data into memory.
    rate_of_a_cpu : samples/s of training by each CPU that the ranks computed on; 0 where it was not recorded.
    seed, log_sha256 : of one whose log is published, so that it is known wherever it is met; else None and "".
    """

    ranks: int
    global_batch_size: int
    values: tuple[float, ...]
    losses: tuple[float, ...]
    evaluation_speeds: tuple[float, ...]
    staging_rank_seconds: float
    seed: int | None = None
    log_sha256: str = ""
    rate_of_a_cpu: float = 0.0


@dataclass(frozen=True)
class Recorded:
    """The recorded runs of a rung, and the SHA-256 of the schema of the samples that they counted, as canonical JSON;
    "" where they kept no counts."""

    runs: tuple[Curve, ...] = ()
    schema_sha256: str = ""


def read_recorded(task: Path, rung: str) -> Recorded:
    """Those of a rung of the task in a folder; none where none were recorded."""
    path = task / CURVES / f"{rung}.json"
    if not path.is_file():
        return Recorded()
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    runs = (Curve(**{name: _frozen(value) for name, value in each.items()}) for each in told["runs"])
    return Recorded(tuple(runs), told.get("schema_sha256", ""))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def at_batch_size(curves: tuple[Curve, ...], batch_size: int) -> tuple[Curve, ...]:
    """The runs at the largest recorded batch size that is not above this one, else at the smallest: of two batch sizes
    the smaller learns more in an epoch."""
    sizes = sorted({each.global_batch_size for each in curves})
    size = max((each for each in sizes if each <= batch_size), default=sizes[0] if sizes else 0)
    return tuple(each for each in curves if each.global_batch_size == size)
