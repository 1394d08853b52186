"""What the ranks say before they train, and how a message names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

FAULT = "fault"
"""The one key of what a rank says where it could not see something."""
NAMED = 3
"""Ranks, files, keys that are named one by one; of more, only the number is shown."""

Answers = Mapping[int, Mapping[str, Any]]


def leaders(answers: Answers) -> list[tuple[int, Mapping[str, Any]]]:
    """The answers of those that speak for their node."""
    return [(rank, answer) for rank, answer in answers.items() if answer["leads"]]


def place(rank: int, answers: Answers) -> str:
    """A rank with its host."""
    return f"rank {rank} on {answers[rank]['host']}"


def named(things: Iterable[str]) -> str:
    """The first few of them, and how many more."""
    every = list(things)
    more = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return "; ".join(every[:NAMED]) + more
