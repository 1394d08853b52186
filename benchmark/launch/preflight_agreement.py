"""What all ranks must see alike before they train, and how one that sees something else differs from rank 0."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from benchmark.launch.check import CheckResult
from benchmark.launch.preflight_answers import FAULT, Answers, named, place

REMEDIES = {
    "commit": "check out one commit on all nodes, or use a folder that they share",
    "source": "let all ranks run one copy of the code, on a folder that they share",
    "versions": "let all ranks use one environment: look at PATH, PYTHONPATH and modules on that node",
    "configuration": "give all ranks the same --config, --set and environment variables",
    "manifest": "give all ranks the same --data, on a folder that they share",
    "listing": "wait until the file system shows the same everywhere, copy the data again, or stemdl data verify there",
}


def agreement(name: str, answers: Answers, own: Mapping[str, Any]) -> CheckResult:
    """Whether all ranks see of one section what rank 0 sees."""
    if isinstance(own[name], dict) and FAULT in own[name]:
        return CheckResult(name, False, f"{place(0, answers)}: {own[name][FAULT]}", REMEDIES[name])
    odd = [
        f"{place(rank, answers)} {_difference(answer['differs'][name], own[name])}"
        for rank, answer in answers.items()
        if name in answer["differs"]
    ]
    if odd:
        return CheckResult(name, False, named(odd), REMEDIES[name])
    return CheckResult(name, True, _summary(name, own[name]))


def _difference(theirs: Any, ours: Any) -> str:
    """How a rank's section differs from rank 0's."""
    if isinstance(theirs, dict) and FAULT in theirs:
        return f"cannot tell: {theirs[FAULT]}"
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = [key for key in sorted(theirs.keys() | ours.keys()) if theirs.get(key) != ours.get(key)]
        return "has " + named(f"{key} {_short(theirs.get(key))} instead of {_short(ours.get(key))}" for key in keys)
    if isinstance(theirs, list) and isinstance(ours, list):
        lacks, has = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
        parts = [f"lacks {named(lacks)}"] if lacks else []
        return " and ".join(parts + ([f"has {named(has)} more than rank 0"] if has else []))
    return f"has {_short(theirs)} instead of {_short(ours)}"


def _short(value: Any) -> str:
    """A value in a message; of a hash its first figures, which tell it from others."""
    return "none" if value is None else re.sub(r"^([0-9a-f]{16})[0-9a-f]{24,}", r"\1", str(value))


def _summary(name: str, value: Any) -> str:
    """What all ranks agree about."""
    if name == "listing":
        return f"the same {len(value)} files"
    if name == "versions":
        return f"Python {value.get('python')}, torch {value.get('torch')}, {value.get('MPI')}"
    if name == "source":
        return ", ".join(f"{package} {_short(digest)}" for package, digest in value.items())
    return f"the same {len(value)} settings" if isinstance(value, dict) else _short(value)
