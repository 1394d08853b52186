"""Every way to change one field of a submission: the grammar of `attacks.py`."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attack_tree import DEPTHS, Tree

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
    yield from (("file", (str(name),)) for name in tree.files)
    yield from (("file", (str(tree.results / f"result_0{suffix}"),)) for suffix in (".txt", ".json"))


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
SHIFTS_MS = {"earlier from here on": -100, "later from here on": 3000}
"""Of an event's time and all that follow in its run: a time taken out of it, or put in."""
OF_A_FILE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "first line gone": lambda content: content.partition(b"\n")[2],
    "last line twice": lambda content: content + (content.splitlines(keepends=True) or [b""])[-1],
    "a word more": lambda content: content + b"# other\n",
}
ALIKE, COPIED = "alike in all runs", "copied under the next number"


def ways_for(value: Any) -> tuple[str, ...]:
    """The ways that change a value of this type."""
    if isinstance(value, bool):
        return ("the opposite", "null", *STRUCTURAL)
    if isinstance(value, (int, float)):
        return (*sorted(_NUMBERS), *STRUCTURAL, ALIKE)
    if isinstance(value, str):
        return (*sorted(_TEXTS), *STRUCTURAL)
    return ("empty", "null", *STRUCTURAL) if isinstance(value, (dict, list)) else STRUCTURAL


def all_attacks(tree: Tree) -> list[Attack]:
    """The whole grammar, in a fixed order."""
    attacks = []
    for kind, field in fields(tree):
        if kind == "file":
            ways = ("drop", *OF_A_FILE) if Path(str(field[0])) in tree.files else (COPIED,)
            attacks += [Attack(kind, 0, field, way, "alone") for way in ways]
            continue
        if field[-1] == "time_ms" and kind == "log":
            attacks += [Attack(kind, run, field, way, "chained") for way in SHIFTS_MS for run in (0, -1)]
        value = _get(tree, kind, 0, field)
        depths = {"log": DEPTHS, "record": ("alone",), "ledger": ("alone", "chained"), "system": ("alone",)}[kind]
        for way in ways_for(value):
            for run in (0,) if kind == "system" or way == "swap" else (-1,) if way == ALIKE else (0, -1):
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
    if attack.kind == "file":
        return _apply_to_file(tree, Path(str(attack.field[0])), attack.way)
    for run in range(len(tree.logs)) if attack.run < 0 else (attack.run,):
        try:
            holder, name = _holder(tree, attack.kind, run, attack.field)
            value = holder[name]
            if attack.way in SHIFTS_MS:
                _shift(tree, run, str(attack.field[0]), SHIFTS_MS[attack.way])
            elif attack.way == ALIKE:
                holder[name] = copy.deepcopy(_get(tree, attack.kind, 0, attack.field))
            elif attack.way == "drop":
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


def _shift(tree: Tree, run: int, event: str, ms: int) -> None:
    """An event and all after it in its run at another time, and the end of the run in the ledger."""
    for line in tree.logs[run][_named(tree.logs[run])[event] :]:
        line["time_ms"] += ms
    tree.ledger[tree.ends[run]]["time_ms"] += ms


def _apply_to_file(tree: Tree, file: Path, way: str) -> bool:
    if way == COPIED:
        kept = json.dumps(tree.records[0]) if file.suffix == ".json" else tree.text_of(0)
        tree.files[file.with_name(f"result_{len(tree.logs)}{file.suffix}")] = kept.encode()
        return True
    content = tree.files[file]
    if way == "drop":
        del tree.files[file]
        return True
    tree.files[file] = OF_A_FILE[way](content)
    return tree.files[file] != content
