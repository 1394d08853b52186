"""rules.md as data: each rule with its id, title, text, and the checks that hold a submission to it; and what the
rules.md of each task adds to it, under the same id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.definition.finder import places
from benchmark.foundation.errors import StemdlError, nearest

RULE_BOOK = Path(__file__).resolve().parents[1] / "rules.md"
"""The rules: in a checkout a link to the file at its top, in an installed package a copy."""

_RULE = re.compile(r"^\*\*(R\d+\.\d+) (.+?)\.?\*\*", re.MULTILINE)
_CHECKED = re.compile(r"\*Checked\s+by\s+([^*]+)\*")
_NAME = re.compile(r"`([a-z_]+)`")


@dataclass(frozen=True)
class Rule:
    """One rule. `checks` are names of registered checks; without any, the rule is held by review."""

    id: str
    title: str
    text: str
    checks: tuple[str, ...]

    @property
    def held_by(self) -> str:
        """Who holds a submission to it."""
        return ", ".join(self.checks) or "review"

    @property
    def body(self) -> str:
        """The text without the id and title that it begins with."""
        return _RULE.sub("", self.text, count=1).strip()

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self)


def read_rules(path: Path = RULE_BOOK) -> Mapping[str, Rule]:
    """The rules by id, in the book's order. Raises StemdlError where there is no book, or an id is there twice."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StemdlError("the rules cannot be read", where=path, found=error) from error
    begins = list(_RULE.finditer(text))
    rules: dict[str, Rule] = {}
    for place, match in enumerate(begins):
        end = begins[place + 1].start() if place + 1 < len(begins) else len(text)
        body = re.split(r"^## ", text[match.start() : end], maxsplit=1, flags=re.MULTILINE)[0].strip()
        if match[1] in rules:
            raise StemdlError(f"rule {match[1]} is there twice", where=path)
        checks = tuple(name for part in _CHECKED.findall(body) for name in _NAME.findall(part))
        rules[match[1]] = Rule(match[1], match[2], body, checks)
    return rules


def rules_of_tasks(rules: Mapping[str, Rule]) -> Mapping[str, Mapping[str, Rule]]:
    """What each task that has a rules.md says of these rules: by task, then by id.

    Raises StemdlError where it has an id that none of them has.
    """
    found = {
        name: read_rules(place.folder / RULE_BOOK.name)
        for name, place in places().items()
        if (place.folder / RULE_BOOK.name).is_file()
    }
    for name, own in found.items():
        if unknown := [id for id in own if id not in rules]:
            raise StemdlError(
                f"the task {name} has a rule {unknown[0]} of its own",
                where=places()[name].folder / RULE_BOOK.name,
                expected="the ids of the rules of all benchmarks",
                remedy=nearest(unknown[0], rules),
            )
    return found


def rules_named(name: str, rules: Mapping[str, Rule]) -> list[Rule]:
    """The rule of that id, or those of the chapter R2 or 2. Raises StemdlError with the nearest id."""
    wanted = name.upper() if name.upper().startswith("R") else f"R{name}"
    chosen = [rule for id, rule in rules.items() if id == wanted or id.startswith(f"{wanted}.")]
    if not chosen:
        raise StemdlError(f"there is no rule {name!r}", remedy=nearest(wanted, rules))
    return chosen
