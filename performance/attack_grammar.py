"""A submission in memory, and every way to change one field of it: the grammar of `attacks.py`."""

from __future__ import annotations

import copy
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.events import keys
from benchmark.events.reader import Event
from benchmark.events.timeline import Timeline
from benchmark.foundation.files import canonical_json
from benchmark.submission.chain import FIRST
from benchmark.submission.ledger import LEDGER
from benchmark.submission.record_format import of_the_newest_format
from benchmark.submission.run_record import facts_of

DEPTHS = ("alone", "recorded", "chained")
FieldPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Attack:
    """One change: `kind` of file, the `run` it is done to (-1: all), the field, the way, and how deep it is hidden."""

    kind: str
    run: int
    field: FieldPath
    way: str
    depth: str

    @property
    def name(self) -> str:
        """Of the field, without the run: `log:epoch_stop#2/time_ms`."""
        return f"{self.kind}:{'/'.join(map(str, self.field))}"


class Tree:
    """A submission's results in memory: those of one system on one rung."""

    def __init__(self, folder: Path) -> None:
        self.results = next(iter(sorted(folder.glob("results/*/strong/*")))).relative_to(folder)
        at = folder / self.results
        logs = sorted(at.glob("result_*.txt"))
        self.sent = [hashlib.sha256(path.read_bytes()).hexdigest() for path in logs]
        self.logs = [
            [json.loads(line.removeprefix(keys.PREFIX)) for line in path.read_text().splitlines()] for path in logs
        ]
        self.records = [json.loads(path.with_suffix(".json").read_text()) for path in logs]
        self.ledger = [json.loads(line) for line in (at / LEDGER).read_text().splitlines()]
        self.system_file = next(iter(sorted(folder.glob("systems/*.json")))).relative_to(folder)
        self.system = json.loads((folder / self.system_file).read_text())
        hashes = [hashlib.sha256(line.encode()).hexdigest() for line in (at / LEDGER).read_text().splitlines()]
        self.starts = {
            number: hashes.index(entry["start"])
            for number, entry in enumerate(self.ledger)
            if entry.get("start") in hashes
        }
        self.ends = {
            log: number
            for number, entry in enumerate(self.ledger)
            for log in range(len(logs))
            if entry.get("log_sha256") == self.sent[log]
        }

    def write(self, folder: Path, depth: str) -> None:
        """The files; of logs that were changed the record and the ledger's line made to fit, as deep as asked."""
        at = folder / self.results
        for number, events in enumerate(self.logs):
            text = "".join(f"{keys.PREFIX} {json.dumps(event)}\n" for event in events).encode()
            sha256 = hashlib.sha256(text).hexdigest()
            if depth != "alone" and sha256 != self.sent[number]:
                self.records[number] = _recorded(self.records[number], events, sha256)
            (at / f"result_{number}.txt").write_bytes(text)
            (at / f"result_{number}.json").write_text(json.dumps(self.records[number]))
            if depth == "chained" and number in self.ends and sha256 != self.sent[number]:
                self._enter(number, sha256)
        (folder / self.system_file).write_text(json.dumps(self.system))
        (at / LEDGER).write_bytes(
            self._chained()
            if depth == "chained"
            else b"".join(canonical_json(entry).encode() + b"\n" for entry in self.ledger)
        )

    def _enter(self, number: int, sha256: str) -> None:
        end = self.ledger[self.ends[number]]
        facts = self.records[number]
        end.update(
            log_sha256=sha256,
            **{name: facts.get(name) for name in ("status", "epochs", "seed", "time_to_train_seconds")},
        )
        start = self.ledger[self.starts[self.ends[number]]] if self.ends[number] in self.starts else {}
        told = {
            str(event.get("key")): event.get("value")
            for event in reversed(self.logs[number])
            if isinstance(event, dict)
        }
        settings = told.get(keys.CONFIG)
        if isinstance(start.get("settings"), dict) and isinstance(settings, dict):
            start["settings"] = {
                name: value if value in ("auto", 0) else settings.get(name, value)
                for name, value in start["settings"].items()
            }
            start["ranks"] = settings.get("ranks")
        start.update(
            rung=told.get(keys.SUBMISSION_BENCHMARK),
            manifest_sha256=told.get(keys.DATA_MANIFEST_SHA256),
            commit=told.get(keys.SUBMISSION_GITHUB_COMMIT_VERSION),
        )

    def _chained(self) -> bytes:
        lines: list[bytes] = []
        hashes = [FIRST]
        for number, entry in enumerate(self.ledger):
            start = {"start": hashes[self.starts[number] + 1]} if number in self.starts else {}
            whole = {**entry, **start, "previous": hashes[-1]} if isinstance(entry, dict) else entry
            lines.append(canonical_json(whole).encode() + b"\n")
            hashes.append(hashlib.sha256(lines[-1][:-1]).hexdigest())
        return b"".join(lines)


def _recorded(record: dict[str, Any], events: list[dict[str, Any]], sha256: str) -> dict[str, Any]:
    """The record that follows from a log; as it was where none does."""
    try:
        read = [
            Event(number, event["time_ms"], event["event_type"], event["key"], event["value"], event["metadata"])
            for number, event in enumerate(events, 1)
        ]
        record = of_the_newest_format(record)
        facts = facts_of(Timeline.of(read), keys.TEST_F1_MACRO)
        settings = next(event.value for event in read if event.key == keys.CONFIG)
        data = {**record["data"], **facts.pop("data")}
        return {
            **record,
            **facts,
            "data": data,
            "ranks": settings.get("ranks"),
            "launcher": settings.get("launcher"),
            "log": {**record["log"], "sha256": sha256},
        }
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration):
        return record


# ---- the grammar


def _named(events: list[dict[str, Any]]) -> dict[str, int]:
    """Place of each event by its key and which of them it is."""
    seen: Counter[str] = Counter()
    places = {}
    for place, event in enumerate(events):
        key = event.get("key") if isinstance(event, dict) else None
        seen[str(key)] += 1
        places[f"{key}#{seen[str(key)]}"] = place
    return places


def _leaves(value: Any, above: FieldPath) -> Iterator[FieldPath]:
    yield above
    if isinstance(value, (dict, list)):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(each, (*above, name))


def fields(tree: Tree) -> Iterator[tuple[str, FieldPath]]:
    """Every field of every kind of file, those of the logs by the names of their events."""
    for name, place in _named(tree.logs[0]).items():
        yield from (("log", path) for path in _leaves(tree.logs[0][place], (name,)))
    yield from (("record", path) for path in _leaves(tree.records[0], ()) if path)
    for entry in range(min(2, len(tree.ledger))):
        yield from (("ledger", path) for path in _leaves(tree.ledger[entry], (tree.ledger[entry]["event"],)))
    yield from (("system", path) for path in _leaves(tree.system, ()) if path)


def _nudged(value: Any) -> Any:
    return value * (1 + 1e-6) if isinstance(value, float) else value + 1


WAYS: dict[str, Callable[[Any], Any]] = {
    "nudge up": _nudged,
    "nudge down": lambda value: value * (1 - 1e-6) if isinstance(value, float) else value - 1,
    "half": lambda value: value / 2 if isinstance(value, float) else value // 2,
    "twice": lambda value: value * 2,
    "zero": lambda value: value * 0,
    "negative": lambda value: -value,
    "huge": lambda value: 10**15 if isinstance(value, int) else 1e300,
    "other text": lambda value: value + "x",
    "empty text": lambda value: value[:0],
    "a number for a text": lambda value: 7 if isinstance(value, str) else str(value),
    "null": lambda value: None,
    "the opposite": lambda value: not value,
    "empty": lambda value: type(value)(),
}
_NUMBERS = {"nudge up", "nudge down", "half", "twice", "zero", "negative", "huge", "a number for a text", "null"}
_TEXTS = {"other text", "empty text", "a number for a text", "null"}
STRUCTURAL = ("drop", "double", "swap")


def ways_for(value: Any) -> tuple[str, ...]:
    """The ways that change a value of this type."""
    if isinstance(value, bool):
        return ("the opposite", "null", *STRUCTURAL)
    if isinstance(value, (int, float)):
        return (*sorted(_NUMBERS), *STRUCTURAL)
    if isinstance(value, str):
        return (*sorted(_TEXTS), *STRUCTURAL)
    return ("empty", "null", *STRUCTURAL) if isinstance(value, (dict, list)) else STRUCTURAL


def all_attacks(tree: Tree) -> list[Attack]:
    """The whole grammar, in a fixed order."""
    attacks = []
    for kind, field in fields(tree):
        value = _get(tree, kind, 0, field)
        depths = {"log": DEPTHS, "record": ("alone",), "ledger": ("alone", "chained"), "system": ("alone",)}[kind]
        for way in ways_for(value):
            for run in (0,) if kind == "system" or way == "swap" else (0, -1):
                attacks += [Attack(kind, run, field, way, depth) for depth in depths]
    return attacks


def _holder(tree: Tree, kind: str, run: int, field: FieldPath) -> tuple[Any, Any]:
    """What holds a field, and under which name. Raises KeyError where the run has no such field."""
    if kind == "system":
        holder, path = tree.system, field
    elif kind == "record":
        holder, path = tree.records[run], field
    elif kind == "ledger":
        number = tree.ends[run] if field[0] == "end" else tree.starts[tree.ends[run]]
        holder, path = tree.ledger, (number, *field[1:])
    else:
        holder, path = tree.logs[run], (_named(tree.logs[run])[str(field[0])], *field[1:])
    for name in path[:-1]:
        holder = holder[name]
    return holder, path[-1]


def _get(tree: Tree, kind: str, run: int, field: FieldPath) -> Any:
    holder, name = _holder(tree, kind, run, field)
    return holder[name]


def apply(tree: Tree, attack: Attack) -> bool:
    """Change the tree; False where that changes nothing."""
    before = copy.deepcopy((tree.logs, tree.records, tree.ledger, tree.system))
    for run in range(len(tree.logs)) if attack.run < 0 else (attack.run,):
        try:
            holder, name = _holder(tree, attack.kind, run, attack.field)
            value = holder[name]
            if attack.way == "drop":
                del holder[name]
            elif attack.way == "double":
                if isinstance(holder, list):
                    holder.insert(name, copy.deepcopy(value))
                else:
                    holder[f"{name}_"] = copy.deepcopy(value)
            elif attack.way == "swap":
                if attack.kind == "system":
                    return False
                other, there = _holder(tree, attack.kind, run + 1, attack.field)
                holder[name], other[there] = other[there], value
            else:
                holder[name] = WAYS[attack.way](value)
        except (KeyError, IndexError, TypeError):
            continue  # a run of fewer epochs has no such event
    return before != (tree.logs, tree.records, tree.ledger, tree.system)
