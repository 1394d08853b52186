"""The table of what was given and is not in the data, next to the manifest: each with its reason."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text

TABLE = "left_out.csv"
NAMED = 3
"""How many of each reason a summary names."""


@dataclass(frozen=True)
class LeftOut:
    """Something given, such as a structure, that the data do not use.

    Attributes
    ----------
    origin, identifier : where it was read, and the name that it would have had.
    stratum : what splits are balanced by; empty where it was not found.
    reason, detail : one of a few phrases, and what of this one it is about (may be empty).
    """

    origin: str
    identifier: str
    stratum: str
    reason: str
    detail: str


def write_left_out(folder: Path, left_out: Iterable[LeftOut]) -> Path:
    """Write the table, whole or not at all, also where nothing was left out: one row each, the columns the
    attributes of LeftOut. What is not ASCII is written as its escape, so that every name is one cell anywhere."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(field.name for field in fields(LeftOut))
    for one in left_out:
        rows.writerow(_ascii(value) for value in asdict(one).values())
    write_text(folder / TABLE, text.getvalue())
    return folder / TABLE


def read_left_out(folder: Path) -> list[LeftOut]:
    """What the table of a data set says; nothing where there is none. Raises StemdlError where it cannot be read."""
    path = folder / TABLE
    if not path.is_file():
        return []
    try:
        with open(path, newline="", encoding="ascii") as handle:
            return [
                LeftOut(row["origin"], row["identifier"], row.get("stratum", ""), row["reason"], row["detail"])
                for row in csv.DictReader(handle)
            ]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise StemdlError(
            "the table of what was left out cannot be read",
            where=path,
            found=repr(error),
            remedy="delete it: nothing else is read from it",
        ) from error


def summary(left_out: Iterable[LeftOut]) -> list[str]:
    """A line for each reason, the most frequent first: how many there are, and the first of them by name."""
    by_reason: dict[str, list[str]] = {}
    for one in left_out:
        by_reason.setdefault(one.reason, []).append(one.origin or one.identifier)
    ranked = sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    return [
        f"{len(names)} x {reason}: {', '.join(names[:NAMED])}{', ...' if len(names) > NAMED else ''}"
        for reason, names in ranked
    ]


def _ascii(value: str) -> str:
    """The value on one line, however odd a name is."""
    text = value.encode("ascii", "backslashreplace").decode("ascii")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
