"""What the figures of a page have in common: colours, type, size, and how one is drawn to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.foundation.files import atomic_path

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

INK, QUIET, ACCENT = "#222222", "#8a8a8a", "#b5432a"
STYLE = {
    "font.size": 9.0,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "savefig.dpi": 160,
}
WIDTH_INCHES = 8.4
GROUND, LETTERS = "#161616", "#dddddd"
"""Patterns are bright on black: what surrounds them is dark in every picture, on light pages and dark ones."""
ON_BLACK = STYLE | {
    "figure.facecolor": GROUND,
    "axes.facecolor": GROUND,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color"), LETTERS),
}
"""The style of figures of patterns."""


@dataclass(frozen=True)
class Drawn:
    """A figure that is written: its file, heading, caption and a text in its place. `patterns` are shown as they are;
    a chart has its light and dark exchanged on a dark page. A `narrow` one takes no more width than it needs."""

    path: Path
    title: str
    caption: str
    alternative: str
    patterns: bool = False
    narrow: bool = False


def draw(
    path: Path, title: str, make: Callable[[], tuple[Figure, str, str]], style: Mapping[str, Any] = STYLE
) -> Drawn:
    """Draw the figure that `make` gives, with its caption and the text in its place, to a PNG file. `style` is
    `ON_BLACK` for pictures whose colours mean something, which are never exchanged."""
    import matplotlib as mpl
    from matplotlib.colors import to_rgba

    with mpl.rc_context(dict(style)):
        figure, caption, alternative = make()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None})
    return Drawn(path, title, caption, alternative, patterns=figure.get_facecolor() == to_rgba(GROUND))


def inlined(figure: Figure, alternative: str) -> Markup:
    """A figure as a PNG in the text of a page, which then needs no other file; `alternative` is the text in its
    place."""
    import base64
    from io import BytesIO

    from markupsafe import Markup

    with BytesIO() as file:
        figure.savefig(file, format="png", metadata={"Software": None})
        content = base64.b64encode(file.getvalue()).decode("ascii")
    return Markup('<img src="data:image/png;base64,{}" alt="{}">').format(content, alternative)


def new_figure(height_inches: float, **options: Any) -> Figure:
    """An empty figure as wide as the page."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained", **options)
    FigureCanvasAgg(figure)
    return figure
