"""Options and output that several commands share."""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

from benchmark.foundation.text import printable

LONGEST_CELL, LONGEST_LINE = 400, 4_000
GAP, NARROW_GAP = "  ", " "
"""Between two columns of a table, and where there is little room."""


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option `--format`."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="json for machines")


def print_json(value: Any) -> None:
    """A value on stdout, for a machine."""
    json.dump(value, sys.stdout, indent=2)
    print()


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], below: Sequence[str] = ()) -> None:
    """A table on stdout, no wider than the terminal, or 80 columns where there is none (COLUMNS says otherwise).
    `below` has a sentence for each row, which follows it."""
    width = shutil.get_terminal_size().columns
    cells = [[printable(cell, LONGEST_CELL) for cell in row] for row in rows]
    lines = table_lines(columns, cells, width)
    if below and len(lines) == 1 + len(rows):
        texts = [textwrap.indent(textwrap.fill(printable(each), width - len(GAP)), GAP) for each in below]
        lines = [lines[0], *itertools.chain(*zip(lines[1:], texts, strict=True))]
    elif below:  # the terminal is too narrow for a line of each row
        lines = table_lines(
            (*columns, ""), [[*row, printable(each)] for row, each in zip(cells, below, strict=True)], width
        )
    print("\n".join(lines))


def print_lines(lines: Iterable[str]) -> None:
    """Lines of text on stdout, each one line whatever names and values it repeats: nothing in it steers a terminal."""
    print("\n".join(printable(line, LONGEST_LINE) for line in lines))


def table_lines(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """A table in lines of at most `width`: long cells continue on the next line, broken after a space or a slash. Where
    even so the columns have no room next to each other, each row is a block of lines, a cell each."""
    cells = list(zip(columns, *rows, strict=True))
    widths = [max(map(len, column)) for column in cells]
    least = [max(len(piece.rstrip()) for cell in column for piece in _pieces(cell)) for column in cells]
    gap = GAP if sum(least) + len(GAP) * (len(least) - 1) <= width else NARROW_GAP
    while sum(widths) + len(gap) * (len(widths) - 1) > width:
        widest = max(
            (place for place in range(len(widths)) if widths[place] > least[place]),
            key=lambda place: widths[place],
            default=None,
        )
        if widest is None:
            return _blocks(columns, rows, width)
        widths[widest] -= 1
    lines = []
    for row in (columns, *rows):
        wrapped = [_wrapped(cell, room) for cell, room in zip(row, widths, strict=True)]
        for line in itertools.zip_longest(*wrapped, fillvalue=""):
            lines.append(gap.join(part.ljust(room) for part, room in zip(line, widths, strict=True)).rstrip())
    return lines


def _pieces(cell: str) -> list[str]:
    """A cell in what is not broken: up to a space or a slash. At least one."""
    return re.findall(r"[^ /]*[ /]|[^ /]+", cell) or [""]


def _wrapped(cell: str, room: int) -> list[str]:
    lines = [""]
    for piece in _pieces(cell):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > room:
            lines.append("")
        while len(piece.rstrip()) > room:
            lines[-1:], piece = [piece[:room], ""], piece[room:]
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    names = max(map(len, columns))
    room = max(1, width - names - len(GAP))
    return [
        line
        for row in rows
        for line in (
            *(
                f"{name if first else '':{names}}{GAP}{part}".rstrip()
                for column, cell in zip(columns, row, strict=True)
                for first, name, part in ((not place, column, part) for place, part in enumerate(_wrapped(cell, room)))
            ),
            "",
        )
    ][:-1]


def next_step(command: str) -> None:
    """The next command to type, on stderr."""
    print(f"Next: {command}", file=sys.stderr)
