"""The table of results as a file: CSV, JSON, Markdown, LaTeX, a workbook."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import atomic_path, write_text
from benchmark.foundation.reading import MOST_BYTES, Unreadable, read_bytes
from benchmark.foundation.text import printable
from benchmark.report.comparison_text import markdown_table
from benchmark.report.site.entry import Entry

FORMAT = 1
_HEAD = 14
"""Characters by which a table of ours is known, of whatever form."""
_OF_FIGURES = (
    "benchmark", "scaling", "division", "year", "minutes", "interval_minutes", "scale", "scale_minutes", "accelerator",
    "models", "models_per_hour", "runs", "reached", "coefficient_of_variation", "samples_per_second",
    "epochs_to_target", "global_batch_size", "precision", "ranks", "compute_minutes", "evaluation_minutes",
    "staging_minutes", "energy_joules",
)  # fmt: skip
COLUMNS = ("rank", "shares_rank", "submitter", "system", *_OF_FIGURES)
SHORT = ("rank", "submitter", "system", "benchmark", "scaling", "division", "scale", "minutes", "runs", "reached")
"""Columns of tables that are printed."""
NUMBERS = {"rank", "scale", "minutes", "runs", "reached"}
"""Those of `SHORT` that stand to the right."""
INTERVAL = "interval_minutes"
FLAT = tuple(
    each for name in COLUMNS for each in ((f"{INTERVAL}_low", f"{INTERVAL}_high") if name == INTERVAL else (name,))
)
"""The columns of tables whose cells hold one value each."""
_OF_FORMULAS = tuple("=+-@＝＋－＠#")
"""With one of these a spreadsheet's formula begins, or an error's name, in wide letters too and after blanks."""
_LATEX = {
    **{each: f"\\{each}" for each in "&%$#_{}"},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "`": r"\textasciigrave{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "'": r"\textquotesingle{}",
}  # fmt: skip
"""Characters that LaTeX obeys, draws otherwise or joins, and how they are had."""
WIDEST = 44
"""Characters of a workbook's column."""


def row(entry: Entry) -> dict[str, Any]:
    """One result by the names of `COLUMNS`; None for what is not known. A result without a score has no minutes."""
    figures = {name: entry.figures[name] for name in _OF_FIGURES}
    if not entry.figures["scored"]:
        figures |= {"minutes": None, "interval_minutes": None, "scale_minutes": None}
    return {
        "rank": entry.rank,
        "shares_rank": entry.shares_rank,
        "submitter": entry.submitter,
        "system": entry.system,
        **figures,
    }


def as_json(entries: Sequence[Entry]) -> str:
    """Rows with the format's number, for machines (docs/schemas/results.json)."""
    return json.dumps({"format": FORMAT, "results": [row(each) for each in entries]}, indent=1, allow_nan=False) + "\n"


def as_csv(entries: Sequence[Entry]) -> str:
    """Rows with a header; no cell is a formula for a spreadsheet, whatever names hold."""
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(FLAT)
    writer.writerows(_cells(each) for each in entries)
    return file.getvalue()


def as_markdown(entries: Sequence[Entry]) -> str:
    """The short table."""
    return markdown_table(SHORT, [_short(each) for each in entries])


def as_latex(entries: Sequence[Entry]) -> str:
    """The short table as a tabular environment with the rules of booktabs."""
    lines = [" & ".join(map(_latex, each)) + r" \\" for each in (SHORT, *(_short(each) for each in entries))]
    sides = "".join("r" if name in NUMBERS else "l" for name in SHORT)
    begin, end = f"\\begin{{tabular}}{{{sides}}}", r"\end{tabular}"
    return "\n".join([begin, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", end, ""])


def write_workbook(entries: Sequence[Entry], path: Path) -> None:
    """An XLSX file with one sheet for each division. Raises StemdlError where openpyxl is not installed."""
    try:
        from openpyxl import Workbook
    except ImportError as error:
        raise StemdlError(
            "a workbook needs openpyxl", where=path, remedy="python -m pip install openpyxl, or a file named .csv"
        ) from error
    book = Workbook()
    book.remove(book.active)
    for division in sorted({each.figures["division"] or "no division" for each in entries}) or ["no results"]:
        sheet = book.create_sheet(re.sub(r"[^A-Za-z0-9 ]", "-", division)[:31])
        sheet.append(list(FLAT))
        for each in entries:
            if (each.figures["division"] or "no division") == division:
                sheet.append(_cells(each))
        sheet.freeze_panes, sheet.auto_filter.ref = "A2", sheet.dimensions
        for column in sheet.columns:
            longest = max(len(str(cell.value)) for cell in column if cell.value is not None)
            sheet.column_dimensions[column[0].column_letter].width = min(longest, WIDEST) + 3
    with atomic_path(path) as temporary:
        book.save(temporary)


TEXTS: Mapping[str, Callable[[Sequence[Entry]], str]] = {
    ".csv": as_csv,
    ".json": as_json,
    ".md": as_markdown,
    ".tex": as_latex,
}
WORKBOOK = ".xlsx"


def write_table(entries: Sequence[Entry], path: Path) -> None:
    """The table in the form that the file's name asks for, in the place of an older one. Raises StemdlError for another
    name, and where something else is there."""
    if path.exists() and not (path.suffix in TEXTS and _begins(path) == TEXTS[path.suffix]([])[:_HEAD]):
        raise StemdlError("this is not a table of results", where=path, remedy="choose another file with --table")
    if path.suffix == WORKBOOK:
        write_workbook(entries, path)
    elif path.suffix in TEXTS:
        write_text(path, TEXTS[path.suffix](entries))
    else:
        raise StemdlError("no table has this form", where=path, expected=", ".join([*TEXTS, WORKBOOK]))


def _begins(path: Path) -> str:
    """How a file begins; nothing of what is not text."""
    try:
        return read_bytes(path, MOST_BYTES)[:_HEAD].decode("utf-8", "replace")
    except Unreadable:
        return ""


def _cells(entry: Entry) -> list[Any]:
    """One result by the names of `FLAT`."""
    values = row(entry)
    values |= dict(zip(FLAT[FLAT.index(f"{INTERVAL}_low") :], values[INTERVAL] or (None, None), strict=False))
    return [_cell(values[name]) for name in FLAT]


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    plain = printable(value, 1_000)
    return f"'{plain}" if plain.lstrip()[:1] in _OF_FORMULAS else plain


def _short(entry: Entry) -> list[str]:
    values = row(entry) | {"rank": f"{'=' if entry.shares_rank else ''}{entry.rank}" if entry.rank else None}
    return [_said(values[name]) for name in SHORT]


def _said(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else printable(str(value))


def _latex(text: str) -> str:
    return re.sub("(?<=-)-", "{-}", "".join(_LATEX.get(each, each) for each in text))
