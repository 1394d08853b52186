"""How many stacks were imported, repaired and dropped, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    """Counts of stacks. `repaired` are among `imported`. `reasons` counts stacks by what was done to them and why, and
    names each file that was skipped whole, of which nobody can say how many stacks it should have held."""

    imported: int = 0
    repaired: int = 0
    dropped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def keep(self, repairs: Iterable[str] = ()) -> None:
        """Count a stack that is imported, with the repairs that it needed."""
        repairs = list(repairs)
        self.imported += 1
        self.repaired += bool(repairs)
        self.reasons.update(f"repaired: {repair}" for repair in repairs)

    def drop(self, reason: str, stacks: int = 1) -> None:
        """Count stacks that are not imported."""
        self.dropped += stacks
        self.reasons[f"dropped: {reason}"] += stacks

    def skip(self, file: str, reason: str) -> None:
        """Name a file that is skipped whole."""
        self.reasons[f"file skipped: {file}: {reason}"] += 1

    def add(self, other: Tally) -> None:
        """Count what another tally has counted."""
        self.imported += other.imported
        self.repaired += other.repaired
        self.dropped += other.dropped
        self.reasons.update(other.reasons)

    def as_json(self) -> dict[str, Any]:
        """The tally for machines, the reasons in the order of their texts."""
        return {
            "imported": self.imported,
            "repaired": self.repaired,
            "dropped": self.dropped,
            "reasons": dict(sorted(self.reasons.items())),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Tally:
        """What `as_json` gave."""
        return cls(values["imported"], values["repaired"], values["dropped"], Counter(values["reasons"]))
