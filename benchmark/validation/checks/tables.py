"""The cells of tables, in Markdown or of comma-separated values, as the sentences that they stand for."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence

MOST_OF_A_NAME = 200
"""Letters of a column's name, and of a row's, that are read with each of its cells."""
_NUMBER = re.compile(r"[~<>≈ ]*(\d[\d,]*(?:\.\d+)?) *([^\d\s]\S*)?[ *`]*")
_UNIT = re.compile(
    r"(?<!\bper)[,;(\[_ ]+(?:in )?(s|secs?|seconds?|min|minutes?|h|hours?|[km]?W|watts?|[km]?J|joules?|k?Wh|%"
    r"|percent)[)\]]?$"
)
_SAYS_NOTHING = re.compile(r"(?:values?|results?|measured|figures?|numbers?|here|ours|this system|)", re.IGNORECASE)
_A_RUN = re.compile(r"(?:runs?|index|seeds?|logs?|instances?|result|no\.?|#|nr\.?|)", re.IGNORECASE)
_A_TIME = re.compile(r"(?:times?|durations?|seconds?|secs?|minutes?|s|min|wall[- ]?clock|ttt)[ ,(\[]*", re.IGNORECASE)


def rows_in_words(text: str, separated: bool = False) -> Iterator[str]:
    """A sentence such as "time to train: 9.8 s" of each cell with a number.

    Parameters
    ----------
    separated : whether the text is of values that are separated by commas, semicolons or tabs.
    """
    for header, rows in _separated(text) if separated else _tables(text):
        for row in rows:
            for place, cell in enumerate(row):
                if sentence := _of_cell(header, row, place, cell):
                    yield sentence


def _of_cell(header: Sequence[str], row: Sequence[str], place: int, cell: str) -> str:
    value = _NUMBER.fullmatch(cell)
    name = header[place][:MOST_OF_A_NAME] if place < len(header) else ""
    first = row[0][:MOST_OF_A_NAME]
    label = first if place and not _NUMBER.fullmatch(first) else ""
    if value is None or (not place and not label and len(row) > 1 and _A_RUN.fullmatch(name)):
        return ""
    unit = value[2] or ""
    if _A_RUN.fullmatch(header[0] if header else "") and place and _A_TIME.fullmatch(_without_unit(name)):
        name = f"time to train, {name}"
    if _SAYS_NOTHING.fullmatch(name.strip()):
        name = ""
    for each in (name, label):
        found = _UNIT.search(each.strip())
        unit = unit or (found[1] if found else "")
    named = ", ".join(_without_unit(each).replace("_", " ") for each in (label, name) if each.strip())
    return f"{named}: {value[1]} {unit}".rstrip()


def _without_unit(name: str) -> str:
    return _UNIT.sub("", name.strip())


def _tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """The tables of a text in Markdown: each its header and its other rows."""
    rows: list[list[str]] = []
    for line in [*text.split("\n"), ""]:
        if line.count("|") >= 1 and (line.strip().startswith("|") or rows):
            rows.append([cell.strip(" *`") for cell in line.strip().strip("|").split("|")])
            continue
        if rows:
            marked = [index for index, row in enumerate(rows) if all(re.fullmatch(r":?-+:?", cell) for cell in row)]
            yield (rows[0] if marked[:1] == [1] else []), [row for at, row in enumerate(rows) if at not in marked]
        rows = []


def _separated(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    lines = text.split("\n")
    mark = max(",;\t", key=lambda each: lines[0].count(each)) if lines else ","
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        return
    if rows:
        yield rows[0], rows[1:]
