"""The page of a submitter: all its results, and how those of one machine went on over time."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from markupsafe import Markup

from benchmark.report.site.entry import Entry
from benchmark.report.site.svg import SERIES, WIDTH, Axis, dot, drawing, line, linked, number, path, text, y_axis

LEFT, RIGHT, TOP, BOTTOM = 64, 16, 26, 280
UNNAMED = "runs in no submission"
_DAY_MS = 86_400_000


def histories(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The scored results of one machine on one benchmark, scaling and division, in the order of their dates, where
    there are two or more; those with the most first, and no more than have colours of their own."""
    found: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
    for each in entries:
        figures = each.figures
        if figures["scored"] and figures["began_ms"] and figures["minutes"]:
            key = (figures["machine"], figures["benchmark"] or "", figures["scaling"], figures["division"] or "")
            found[key].append(each)
    series = [sorted(each, key=lambda entry: entry.figures["began_ms"]) for each in found.values() if len(each) > 1]
    return sorted(series, key=lambda each: (-len(each), each[0].figures["machine"]))[:SERIES]


def history_chart(series: Sequence[Sequence[Entry]]) -> Markup:
    """Minutes to train against the day of the first run; empty where no machine has two results."""
    points = [entry.figures for entries in series for entry in entries]
    if not points:
        return Markup("")
    days = [figures["began_ms"] / _DAY_MS for figures in points]
    minutes = [figures["minutes"] for figures in points]
    across = Axis(min(days), max(days), LEFT + 8, WIDTH - RIGHT - 8)
    up = Axis(min(minutes), max(minutes), BOTTOM, TOP, log=True)
    parts = [y_axis(up, LEFT, WIDTH - RIGHT, "minutes (logarithmic)")]
    for day in sorted({min(days), max(days)}):
        anchor = "start" if day == min(days) else "end"
        parts.append(line(across.at(day), TOP, across.at(day), BOTTOM, "grid"))
        parts.append(text(across.at(day), BOTTOM + 16, _date(day), anchor=anchor, style="tick"))
    for place, entries in enumerate(series):
        at = [(across.at(each.figures["began_ms"] / _DAY_MS), up.at(each.figures["minutes"])) for each in entries]
        parts.append(path(at, place, _named(entries[0])))
        for (x, y), each in zip(at, entries, strict=True):
            said = f"{each.figures['date']}: {number(each.figures['minutes'])} min, {_named(each)}"
            parts.append(linked(f"results/{each.page}", dot(x, y, place, said, radius=5), said))
    return drawing(BOTTOM + 28, "Minutes to train against the day of the first run", parts)


def _named(entry: Entry) -> str:
    return f"{entry.figures['machine']}, {entry.figures['benchmark']}"


def _date(day: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(day * _DAY_MS / 1000))
