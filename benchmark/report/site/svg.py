"""SVG by hand: an axis, points, lines and bars, in the colours of the page's style sheet.

Every text is escaped here; what is drawn stands as a table next to it, so a chart has a title alone for a screen
reader.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from benchmark.foundation.text import printable

WIDTH = 760
SERIES = 8
"""Colours of the style sheet (Okabe and Ito's, which colour-blind readers tell apart), and as many dashes."""
_DASHES = ("", "6 3", "2 3", "8 3 2 3", "10 4", "1 3", "4 4", "12 3 3 3")
_LONGEST, _END = 60, 28
_NEAREST, _LEAST = 1e-9, 1e-12
"""Values as near as this, by their size or as they are, have no round values between them."""


class Axis:
    """Values to pixels. `low` and `high` are the least and the most that is drawn, in either order; above 0 where
    `log`."""

    def __init__(self, low: float, high: float, start: float, stop: float, *, log: bool = False) -> None:
        low, high = min(low, high), max(low, high)
        if log:
            low, high = low / 1.1, high * 1.1
        elif high - low <= max(abs(low), abs(high)) * _NEAREST + _LEAST:
            half = max(0.5, abs(low) / 2)
            low, high = low - half, high + half
        self.low, self.high, self.start, self.stop, self.log = low, high, start, stop, log

    def at(self, value: float) -> float:
        """The pixel of a value."""
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.stop - self.start), 1)

    @property
    def ticks(self) -> list[float]:
        """Round values within the axis, three to eight of them."""
        if not self.log:
            step = 10 ** math.floor(math.log10((self.high - self.low) / 3))
            step = next(step * each for each in (1, 2, 5, 10) if (self.high - self.low) / (step * each) <= 6)
            first = math.ceil(self.low / step)
            return [round(step * place, 12) for place in range(first, math.floor(self.high / step) + 1)]
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for digits in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
            found = [each * 10.0**power for power in powers for each in digits]
            found = [value for value in found if self.low <= value <= self.high]
            if len(found) >= 3:
                return found[:: math.ceil(len(found) / 8)]
        return [float(f"{self.low * 1.1:.3g}"), float(f"{self.high / 1.1:.3g}")]


def text(x: float, y: float, said: str, *, anchor: str = "start", style: str = "") -> Markup:
    """A text; a long name is cut in its middle, since names differ at their ends, and the whole is its tooltip."""
    whole = printable(said)
    cut = style == "name" and len(whole) > _LONGEST
    short = f"{whole[: _LONGEST - _END - 1]}…{whole[-_END:]}" if cut else whole
    title = f"<title>{escape(whole)}</title>" if short != whole else ""
    return Markup(f'<text x="{x}" y="{y}" text-anchor="{anchor}" class="{style}">{escape(short)}{title}</text>')


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    return Markup(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{style}"/>')


def path(points: Iterable[tuple[float, float]], series: int, tooltip: str = "") -> Markup:
    """A line through points, with the colour and the dashes of its series; below it a wide one that is not seen, since
    nobody hovers a thin line."""
    at, series = " ".join(f"{x:g},{y:g}" for x, y in points), series % SERIES
    look = f'class="line s{series}" stroke-dasharray="{_DASHES[series]}"'
    title = f"<title>{escape(printable(tooltip))}</title>"
    near = f'<polyline points="{at}" class="near">{title}</polyline>'
    return Markup(f'{near}<polyline points="{at}" {look}>{title}</polyline>')


def dot(x: float, y: float, series: int, tooltip: str, *, radius: float = 3.5, style: str = "") -> Markup:
    look = f'class="dot s{series % SERIES} {style}"'
    return Markup(f'<circle cx="{x}" cy="{y}" r="{radius}" {look}><title>{escape(printable(tooltip))}</title></circle>')


def bar(x: float, y: float, width: float, height: float, series: int, tooltip: str) -> Markup:
    size = f'x="{x}" y="{y}" width="{max(0, round(width, 1))}" height="{height}"'
    return Markup(f'<rect {size} class="bar s{series % SERIES}"><title>{escape(printable(tooltip))}</title></rect>')


def shade(x: float, y: float, width: float, height: float, tooltip: str) -> Markup:
    """An area behind what is drawn."""
    size = f'x="{x}" y="{y}" width="{max(1, round(width, 1))}" height="{height}"'
    return Markup(f'<rect {size} class="shade"><title>{escape(printable(tooltip))}</title></rect>')


def cell(x: float, y: float, size: float, share: float, tooltip: str, *, right: bool) -> Markup:
    """A square of a matrix, the more opaque the larger its share, in [0, 1]; in another colour where it is `right`."""
    look = f'class="bar s{2 if right else 1}" fill-opacity="{0.15 + 0.85 * share:.2f}"'
    at = f'x="{x}" y="{y}" width="{size}" height="{size}"'
    return Markup(f"<rect {at} {look}><title>{escape(printable(tooltip))}</title></rect>")


def linked(address: str, inner: Markup, said: str, *, tabbed: bool = True) -> Markup:
    """What leads to another page, and what it is called for a screen reader. Where a table has the same links, they
    need not be `tabbed` through."""
    order = "" if tabbed else ' tabindex="-1"'
    return Markup(f'<a href="{escape(address)}" aria-label="{escape(printable(said))}"{order}>{inner}</a>')


def x_axis(axis: Axis, top: float, bottom: float, label: str) -> Markup:
    """Grid lines, ticks and the name of a horizontal axis."""
    drawn = [
        line(axis.at(tick), top, axis.at(tick), bottom, "grid")
        + text(axis.at(tick), bottom + 15, number(tick), anchor="middle", style="tick")
        for tick in axis.ticks
    ]
    middle = (axis.start + axis.stop) / 2
    return Markup("".join(drawn)) + text(middle, bottom + 32, label, anchor="middle", style="label")


def y_axis(axis: Axis, left: float, right: float, label: str) -> Markup:
    """The same of a vertical one, whose name stands above it."""
    drawn = [
        line(left, axis.at(tick), right, axis.at(tick), "grid")
        + text(left - 6, axis.at(tick) + 4, number(tick), anchor="end", style="tick")
        for tick in axis.ticks
    ]
    return Markup("".join(drawn)) + text(4, 12, label, style="label")


def drawing(height: float, title: str, parts: Sequence[Markup], style: str = "") -> Markup:
    """The whole chart: a picture, or a group of the links that it holds."""
    inner = "".join(parts)
    role = "group" if "<a " in inner else "img"
    said = f'viewBox="0 0 {WIDTH} {round(height)}" role="{role}" aria-label="{escape(printable(title))}"'
    look = f' class="{style}"' if style else ""
    return Markup(f"<svg {said}{look}>{inner}</svg>")


def number(value: float | None, figures: int = 4) -> str:
    """A number for a reader: so many figures, no zeros behind them, thousands apart; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    if value and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.{figures}g}"
    whole = f"{value:.{max(0, figures - 1 - math.floor(math.log10(abs(value))) if value else 0)}f}"
    whole = whole.rstrip("0").rstrip(".") if "." in whole else whole
    return f"{float(whole):,.10g}" if abs(value) >= 1e4 else whole
