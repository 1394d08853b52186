"""Whether two results may be compared, and what besides the hardware differs between them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.comparison.result import Result
from benchmark.events import keys
from benchmark.foundation.reading import Unreadable, read_object
from benchmark.foundation.text import printable
from benchmark.submission.record_format import of_the_newest_format
from benchmark.submission.run_record import RECORD_BYTES, RECORD_NESTING, RUN
from benchmark.validation.copies import copies
from benchmark.validation.finding import Severity

NOT_SAID = "not said"
PRECISION = ("config.precision", "precision", "precision_mode")
RANKS = ("config.ranks", "number_of_ranks")
_GOAL = ("metric", "reaches", "target")
_MUST_AGREE: Mapping[str, tuple[str, ...]] = {
    "data": (keys.DATA_RECIPE_SHA256,),
    "split": (keys.DATA_PARTITION,),
    "samples to train on": (keys.TRAIN_SAMPLES,),
}
"""What the logs of two results have to say alike, besides the names of benchmark and division."""
_NAMED: Mapping[str, tuple[str, ...]] = {
    "global batch size": (keys.GLOBAL_BATCH_SIZE,),
    "precision": PRECISION,
    "ranks": RANKS,
    "commit": (keys.SUBMISSION_GITHUB_COMMIT_VERSION,),
}
_OF_THE_SUBMITTER = ("org", "platform", "division", "status")
"""Settings that say who computes and not how."""
_SOFTWARE = "stemdl-benchmark"


@dataclass(frozen=True)
class Difference:
    """What two results do not have alike, with the value of each as a text."""

    name: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.name}: {self.first} and {self.second}"


def guards(result: Result) -> dict[str, str]:
    """What has to be alike of two results that are compared, by its name: texts for a reader. Runs of one result that
    disagree with each other have several values in one."""
    return {
        "benchmark": result.score.benchmark or NOT_SAID,
        "scaling": result.folder.scaling,
        "division": result.score.division or NOT_SAID,
        **{name: _text(result.said(*names)) for name, names in _MUST_AGREE.items()},
        "rules of release": _rules(result),
        "goal": _goal(result),
    }


def refusals(first: Result, second: Result) -> list[Difference]:
    """Why two results cannot be compared; empty where they can. Runs of one result that disagree with each other are
    a reason too, and so is what only one of the two says, a rule that either breaks, and a run that is in both."""
    one, other = guards(first), guards(second)
    found = [Difference(name, one[name], other[name]) for name in one if one[name] != other[name]]
    if first.broken or second.broken:
        found.append(Difference("rules broken", *("; ".join(each.broken) or "none" for each in (first, second))))
    both = first.traces and second.traces
    shared = [each for each in copies([first.traces, second.traces]) if each.severity is Severity.ERROR] if both else []
    if shared:
        names = ([each.twin.path.name for each in shared], [each.trace.path.name for each in shared])
        found.append(Difference("runs in common", *map(", ".join, names)))
    return found + [
        Difference(f"{name}, within one set", one[name], other[name])
        for name, names in _MUST_AGREE.items()
        if any(len(each.said(*names)) > 1 for each in (first, second))
    ]


def _rules(result: Result) -> str:
    """The releases of the software that runs were made with, to the second number: the rules come with it."""
    return _text(
        tuple(sorted({".".join(str(said).split(".")[:2]) for said in result.said(f"{keys.VERSIONS}.{_SOFTWARE}")}))
    )


def _goal(result: Result) -> str:
    """What the runs had to reach, by their records: a definition may have changed since."""
    goals = set()
    for run in result.counted:
        log = run.scored.log
        for path in (log.with_suffix(".json"), log.parent / RUN):
            try:
                record = of_the_newest_format(read_object(path, RECORD_BYTES, RECORD_NESTING))
            except Unreadable:
                continue
            words = (record.get(name) for name in ("metric", "reaches", "target"))
            goals.add(" ".join(map(str, words)).replace("_", " "))
            break
    return _text(tuple(sorted(goals)))


def differences(first: Result, second: Result) -> list[Difference]:
    """What else than the hardware may be the cause of a difference: batch, precision, ranks, commit, the versions of
    the software, the optimizer and every other setting that both logs name and do not have alike."""
    asked = {name: tuple(each.said(*names) for each in (first, second)) for name, names in _NAMED.items()}
    for key in sorted(_keys(first) | _keys(second)):
        if all(key not in names for names in _NAMED.values()):
            name = key.removeprefix(f"{keys.CONFIG}.").removeprefix(f"{keys.VERSIONS}.")
            asked.setdefault(name, (first.said(key), second.said(key)))
    asked.setdefault(
        "framework", tuple(tuple(filter(None, [each.description.get("framework")])) for each in (first, second))
    )
    return [
        Difference(name, _text(one), _text(other))
        for name, (one, other) in asked.items()
        if one != other and ((one and other) or name in _NAMED)
    ]


def _keys(result: Result) -> set[str]:
    """Names of the settings and versions that the logs of a result have."""
    found = set()
    for run in result.counted:
        found |= {key for key in run.values if key.startswith("opt_") or key == keys.GRADIENT_ACCUMULATION_STEPS}
        for group in (keys.CONFIG, keys.VERSIONS):
            said = run.values.get(group)
            if isinstance(said, Mapping):
                found |= {f"{group}.{name}" for name in said if "." not in name and name not in _OF_THE_SUBMITTER}
    return found


def _text(values: tuple[Any, ...]) -> str:
    return ", ".join(_one(value) for value in values) or NOT_SAID


def _one(value: Any) -> str:
    return printable(value if isinstance(value, str) else json.dumps(value, default=str))
