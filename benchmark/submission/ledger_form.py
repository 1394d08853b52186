"""What a line of the ledger holds: each field of a run's start and of its end, and the values that it may have."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmark.events import keys
from benchmark.foundation.text import printable
from benchmark.submission.chain import PREVIOUS
from benchmark.submission.run_record import CRASHED, INTERRUPTED

START, END = "start", "end"
STATUSES = (keys.SUCCESS, keys.ABORTED, INTERRUPTED, CRASHED)
_SHA256 = re.compile("[0-9a-f]{64}")


def _whole(least: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and value >= least


def _or_null(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


def _text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _hash(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _seconds(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value >= 0


def _hashes(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(map(_hash, value.values()))


Form = Mapping[str, Callable[[Any], bool]]
_BOTH: Form = {"event": _text, "time_ms": _whole(0), PREVIOUS: _hash}
_FORMS: Mapping[str, Form] = {
    START: {
        **_BOTH,
        "folder": _text,
        "index": _whole(0),
        "rung": _text,
        "settings": lambda value: isinstance(value, dict),
        "ranks": _whole(1),
        "seed_given": _flag,
        "resumed": _flag,
        "manifest_sha256": _hash,
        "commit": _text,
        "source": _hashes,
    },
    END: {
        **_BOTH,
        "start": _hash,
        "log_sha256": _or_null(_hash),
        "status": lambda value: value in STATUSES,
        "time_to_train_seconds": _or_null(_seconds),
        "epochs": _or_null(_whole(0)),
        "seed": _or_null(_whole(0)),
    },
}
_MAY_LACK: Mapping[str, Form] = {
    START: {"instances": _whole(1), "partition": lambda value: isinstance(value, str), "trainer": _text},
    END: {},
}
"""Fields that older lines do not have, or that not every run has."""


def form_faults(values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a line, as sentences: fields that are missing, unknown, or without a value that they may
    have. Nothing of a line that is neither."""
    event = values.get("event")
    if event not in (START, END):
        return
    form, more = _FORMS[event], _MAY_LACK[event]
    for name in sorted(form.keys() - values.keys()):
        yield f"the {event} of a run does not say {name}"
    for name, value in values.items():
        holds = form.get(name) or more.get(name)
        if holds is None:
            yield f"{printable(name)} is not a field of a run's {event}"
        elif not holds(value):
            yield f"{name} of a run's {event} has no value that it may have"
