"""The table of the given crystals that a rung does not use, beside the manifest: each with its reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from benchmark.crystals.structures import LeftOut
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text

TABLE = "left_out.csv"
NAMED = 3
"""Crystals of each reason that a summary names."""


def write_left_out(folder: Path, left_out: Iterable[LeftOut]) -> Path:
    """Write the table, whole or not at all, also where nothing was left out: a row a crystal, the columns the
    attributes of LeftOut. What is not ASCII is written as its escape, so that every name is one cell anywhere."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(field.name for field in fields(LeftOut))
    for one in left_out:
        rows.writerow("" if value is None else _ascii(value) for value in asdict(one).values())
    write_text(folder / TABLE, text.getvalue())
    return folder / TABLE


def read_left_out(folder: Path) -> list[LeftOut]:
    """What the table of a data set says; nothing where there is none. Raises StemdlError where it cannot be read."""
    path = folder / TABLE
    if not path.is_file():
        return []
    try:
        with open(path, newline="", encoding="ascii") as handle:
            return [_left_out(row) for row in csv.DictReader(handle)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise StemdlError(
            "the table of crystals left out cannot be read",
            where=path,
            found=repr(error),
            remedy="delete it: nothing else is read from it",
        ) from error


def summary(left_out: Iterable[LeftOut]) -> list[str]:
    """A line for each reason, the most frequent first: how many crystals, and the first of them by name."""
    by_reason: dict[str, list[str]] = {}
    for one in left_out:
        by_reason.setdefault(one.reason, []).append(one.origin or one.identifier)
    ranked = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        f"{len(names)} x {reason}: {', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''}"
        for reason, names in ranked
    ]


def _ascii(value: object) -> str:
    """On one line, however odd a name is."""
    text = str(value).encode("ascii", "backslashreplace").decode("ascii")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def _left_out(row: Mapping[str, Any]) -> LeftOut:
    return LeftOut(**{**row, "space_group": int(row["space_group"]) if row["space_group"] else None})
