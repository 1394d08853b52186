"""The forms that a run's record has had. The first knew one metric, of which more was better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.events import keys

FORMAT = 2
_RENAMED = {"eval_f1": "evaluations", "test_f1": "test"}
_UNSAID = {"metric": "macro-F1", "reaches": "at_least", "low": 0.0, "high": 1.0}
"""What holds of the first form, which did not say so."""


def of_the_newest_format(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record of any format in the newest one. The first does not state its format."""
    if "format" in record:
        return dict(record)
    return _UNSAID | {_RENAMED.get(name, name): value for name, value in record.items()} | {"format": FORMAT}


def why_malformed(record: Mapping[str, Any]) -> str:
    """Which figure of a record has another type than a run writes, in words; empty where none has. A record may be
    somebody else's, and whoever shows it takes its figures for what they are."""
    for name, kinds in _KINDS.items():
        if name not in record or not _is(record[name], kinds):
            return f"{name} is missing or of another type"
    for name in ("evaluations", "data", "log"):
        if not isinstance(record.get(name), dict):
            return f"{name} is not an object"
    if not all(_is(value, _NUMBER) for value in record["evaluations"].values()):
        return "an evaluation is not a number"
    if not _is(record["data"].get("manifest_sha256"), (str, type(None))) or not _is(
        record["log"].get("sha256"), (str,)
    ):
        return "the hash of its data or of its log is missing or of another type"
    if record["status"] == keys.SUCCESS and record["time_to_train_seconds"] is None:
        return "time_to_train_seconds is missing"
    if keys.TEST_BY_PART in record and not are_shares(record[keys.TEST_BY_PART]):
        return f"{keys.TEST_BY_PART} is not made of shares"
    return ""


def are_shares(value: Any) -> bool:
    """Whether a value is, by part and by name, numbers from 0 to 1: what a log says under `test_by_part`."""
    parts = value.values() if isinstance(value, dict) else (None,)
    shares = [each for part in parts for each in (part.values() if isinstance(part, dict) else (None,))]
    return bool(shares) and all(_is(each, _NUMBER) and 0.0 <= each <= 1.0 for each in shares)


def _is(value: Any, kinds: tuple[type, ...]) -> bool:
    return type(value) in kinds


_NUMBER: tuple[type, ...] = (int, float)
_MAYBE: tuple[type, ...] = (int, float, type(None))
_KINDS: Mapping[str, tuple[type, ...]] = {
    "rung": (str,),
    "status": (str,),
    "launcher": (str, type(None)),
    "metric": (str,),
    "reaches": (str,),
    "target": _NUMBER,
    "low": _MAYBE,
    "high": _MAYBE,
    "ranks": (int,),
    "resumed": (bool,),
    **dict.fromkeys(
        (
            "time_to_train_seconds",
            "init_seconds",
            "staging_seconds",
            "train_seconds",
            "eval_seconds",
            "samples_per_second",
            "epochs",
            "test",
            "global_batch_size",
            "seed",
        ),
        _MAYBE,
    ),
}
"""What is shown of a record, and its types."""
