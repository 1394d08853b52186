"""Comparisons as tables: for a terminal, and as Markdown for a report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from benchmark.comparison.compare import REFUSED, TOO_FEW, Comparison, summary
from benchmark.comparison.result import Result
from benchmark.foundation.text import printable

TIMES = ("system", "runs", "{unit}", "95 %", "ratio", "95 %", "p", "verdict")
PARTS = ("system", "samples/s", "epochs", "train {unit}", "eval {unit}", "stage {unit}", "kJ")
BASELINE = "baseline"
_SECONDS_BELOW_MINUTES = 2.0

Table = tuple[Sequence[str], list[Sequence[str]]]


def heading(baseline: Result) -> str:
    """What is compared."""
    score = baseline.score
    return printable(f"{score.benchmark}, {baseline.folder.scaling} scaling, {score.division} division")


def tables(baseline: Result, compared: Sequence[Comparison]) -> tuple[Table, Table]:
    """The times with their test, and what they are made up of; the baseline first. Times are in seconds where the
    baseline's is below two minutes; p is corrected for the number of comparisons."""
    rows = [summary(baseline), *(summary(each.other) for each in compared)]
    known = [row["minutes"] for row in rows if row["minutes"] is not None]
    unit, factor = ("s", 60) if known and max(known) < _SECONDS_BELOW_MINUTES else ("min", 1)
    columns = [tuple(name.format(unit=unit) for name in names) for names in (TIMES, PARTS)]
    times = []
    for row, each in zip(rows, [None, *compared], strict=True):
        times.append(
            (
                row["name"],
                f"{row['reached']}" if row["reached"] == row["runs"] else f"{row['reached']} of {row['runs']}",
                _number(row["minutes"], factor),
                _interval(row["interval_minutes"], factor),
                "1" if each is None else _number(each.ratio),
                _interval(each.interval) if each else "-",
                "-" if each is None or each.corrected_p is None else f"{each.corrected_p:.2g}",
                each.verdict if each else BASELINE,
            )
        )
    parts = [
        (
            row["name"],
            _number(row["samples_per_second"]),
            _number(row["epochs_to_target"]),
            *(_number(row[f"{name}_minutes"], factor) for name in ("compute", "evaluation", "staging")),
            _number(row["energy_joules"], 1e-3),
        )
        for row in rows
    ]
    return (columns[0], times), (columns[1], parts)


def notes(baseline: Result, compared: Sequence[Comparison]) -> list[str]:
    """What a reader has to know next to the tables, a sentence each."""
    lines = [
        f"{result.name}: {warning}"
        for result in (baseline, *(each.other for each in compared if not each.refused))
        for warning in summary(result)["warnings"]
    ]
    for each in compared:
        name = each.other.name
        if each.refused:
            lines.append(f"{name} cannot be compared with {baseline.name}: {_several(each.refused)}")
            continue
        if each.differs:
            lines.append(f"{name} differs in more than hardware: {_several(each.differs)}")
        if each.verdict == TOO_FEW and baseline.weak:
            lines.append(f"{name}: weak scaling is one figure, and no test can be made of it")
        elif each.verdict == TOO_FEW:
            lines.append(
                f"{name}: {len(baseline.times)} and {len(each.other.times)} runs cannot differ by this test, however "
                "far apart they are"
            )
    if any(each.verdict not in (TOO_FEW, REFUSED) for each in compared):
        lines.append(
            "verdict: Mann and Whitney's test on the runs, exact, at 5 %, corrected for the number of comparisons "
            "(Holm); same means that the runs show no difference, and the ratio's interval how large one may be"
        )
    return lines


def markdown(groups: Iterable[tuple[Result, Sequence[Comparison]]]) -> str:
    """All comparisons as a Markdown text."""
    blocks = ["# Comparison\n"]
    for baseline, compared in groups:
        blocks.append(f"## {_plain(heading(baseline))}\n")
        for columns, rows in tables(baseline, compared):
            blocks.append(markdown_table(columns, rows))
        blocks.append("\n".join(f"- {_plain(note)}" for note in notes(baseline, compared)) + "\n")
    return "\n".join(blocks)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown; foreign texts in it are nothing but their characters."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(
        f"| {' | '.join(_plain(cell) if line is not lines[1] else cell for cell in line)} |\n" for line in lines
    )


def _plain(text: str) -> str:
    """Text whose signs mean nothing in Markdown: an underscore is one only at the end of a word, and a bare address is
    no link."""
    return re.sub(
        r"[\\`*\[\]<>#|&$~]|(?<![^\W_])_|_(?![^\W_])|:(?=//)|(?<=[wW]{3})\.",
        lambda match: f"&#{ord(match[0])};",
        printable(text, 4_000),
    )


def _several(differences: Sequence[Any]) -> str:
    return "; ".join(str(each) for each in differences)


def _number(value: float | None, factor: float = 1.0, figures: int = 4) -> str:
    """So many figures, without an exponent where there are no more than seven before the point."""
    if value is None or not math.isfinite(value):
        return "-"
    value *= factor
    digits = max(0, figures - 1 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{digits}f}" if digits < 8 and abs(value) < 1e7 else f"{value:.{figures}g}"


def _interval(bounds: Sequence[float] | None, factor: float = 1.0) -> str:
    if bounds is None:
        return "-"
    low, high = bounds
    return f"{_number(low, factor, 3)}-{_number(high, factor, 3) if math.isfinite(high) else 'open'}"
