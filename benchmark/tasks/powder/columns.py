"""The rows of numbers in a text file of columns, whoever wrote it, with what stands before them.

Columns are parted by blanks, tabs, commas or semicolons; decimals have a point or a comma. Which it is has to follow
from all rows alike, and nothing is left out in silence: a row that is not like the others is refused with its line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.reading import Unreadable, read_bytes

MOST_BYTES = 2**26
_COMMENT = ("#", "!", "%", "*", ";", "/", "'", '"')
_POINT = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?"
_COMMA = r"[+-]?(?:\d+,?\d*|,\d+)(?:[eEdD][+-]?\d+)?"
_MISSING = r"[+-]?(?:nan|inf|infinity)|-{2,}|n/?a|null"


@dataclass(frozen=True)
class _Form:
    """A way to write rows: what parts the columns, and what a number looks like."""

    split: Callable[[str], list[str]]
    number: re.Pattern[str]

    def tokens(self, line: str) -> list[str] | None:
        """The columns of a row; None where the line is not one."""
        tokens = [token.strip() for token in self.split(line.strip())]
        while len(tokens) > 1 and not tokens[-1]:
            tokens.pop()  # a row that ends with a separator
        return tokens if all(self.number.fullmatch(token) for token in tokens) else None


def _form(separator: str, number: str) -> _Form:
    return _Form(re.compile(separator).split, re.compile(f"(?:{number}|{_MISSING})", re.IGNORECASE))


_FORMS = (
    _form(r"[ \t]+", _POINT),
    _form(r"[ \t]*\t[ \t]*", _COMMA),
    _form(r"\s*;\s*", _POINT),
    _form(r"\s*;\s*", _COMMA),
    _form(r"\s*,\s*", _POINT),
    _form(r"[ \t]+", _COMMA),
)
"""The separators of columns, in this order: a comma between two digits without a blank parts columns, unless other
separators part them too."""


@dataclass(frozen=True)
class Columns:
    """A file's rows.

    Attributes
    ----------
    values : (rows, columns), float64; a number that the file leaves open (NaN, n/a) is NaN.
    lines : of each row, its line in the file, from 1.
    names : of each column as the last line of the header has them; empty where there are none, or another number.
    header : the lines before the rows and all comments.
    """

    path: Path
    values: NDArray[np.float64]
    lines: NDArray[np.int64]
    names: tuple[str, ...]
    header: tuple[str, ...]

    def without(self, rows: NDArray[np.bool_]) -> Columns:
        """All but those rows."""
        return replace(self, values=self.values[~rows], lines=self.lines[~rows])


def read_columns(path: Path) -> Columns:
    """The rows of a file of two columns or more. Raises StemdlError with file and line for what is not such a file."""
    lines = _text(path).splitlines()
    plain = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith(_COMMENT)]
    form, first = _first_row(path, plain)
    header = tuple(line for _, line in plain[:first])
    rows, numbers = [], []
    for number, line in plain[first:]:
        tokens = form.tokens(line)
        if tokens is None or (rows and len(tokens) != len(rows[0])):
            raise StemdlError(
                "this line is not like those before it",
                where=f"{path}:{number}",
                expected=f"{len(rows[0])} numbers" if rows else "numbers",
                found=repr(line.strip()[:60]),
                remedy="mark remarks with #, and give each curve a file of its own",
            )
        rows.append(tokens)
        numbers.append(number)
    comments = tuple(line.strip() for line in lines if line.lstrip().startswith(_COMMENT))
    values = np.array([[_value(token) for token in row] for row in rows], dtype=np.float64)
    begin = numbers[0]
    above = next((line for line in reversed(lines[: begin - 1]) if line.strip()), "")
    return Columns(path, values, np.array(numbers), _names(above, form, values.shape[1]), (*header, *comments))


def _text(path: Path) -> str:
    try:
        content = read_bytes(path, MOST_BYTES, links=True)
    except Unreadable as error:
        raise StemdlError("the curve cannot be read", where=path, found=error) from error
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16")
        except UnicodeDecodeError as error:
            raise StemdlError("the curve is not text", where=path, found=error) from error
    if b"\0" in content:
        raise StemdlError(
            "the curve is not text",
            where=path,
            found="an instrument's binary file",
            remedy="export it as columns of 2 theta and intensity (.xy)",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # a degree or an angstrom sign in a header; numbers are the same


def _first_row(path: Path, lines: Sequence[tuple[int, str]]) -> tuple[_Form, int]:
    """The form of the rows, and which line is the first: one that the next ones are like."""
    for at in range(len(lines)):
        for form in _FORMS:
            some = [form.tokens(line) for _, line in lines[at : at + 3]]
            if all(row is not None and len(row) >= 2 for row in some) and len({len(row or ()) for row in some}) == 1:
                return form, at
    raise StemdlError(
        "no rows of numbers are here",
        where=path,
        expected="two columns, 2 theta and intensity",
        found=f"{len(lines)} other lines" if lines else "no line",
    )


def _value(token: str) -> float:
    try:
        return float(token.replace(",", ".").replace("D", "e").replace("d", "e"))
    except ValueError:
        return float("nan")


def _names(line: str, form: _Form, columns: int) -> tuple[str, ...]:
    """What the line above the rows calls each column, where it calls each."""
    line = line.strip().lstrip("".join(_COMMENT)).strip()
    for split in (form.split, re.compile(r"\s{2,}|\t").split, re.compile(r"\s*[,;]\s*").split):
        names = [name.strip(" \"'") for name in split(line)]
        if len(names) == columns and not any(re.fullmatch(_POINT, name) for name in names):
            return tuple(names)
    return ()
