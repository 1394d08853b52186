"""A page about what a trained model looks at: of each input the maps that mark what counted, drawn over it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from benchmark.definition.explanation import Explanation
from benchmark.foundation.files import write_text
from benchmark.report.drawing import ON_BLACK, WIDTH_INCHES, Drawn, draw
from benchmark.report.explored import PAGE, TEMPLATES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CHANNELS = 4
"""Of a picture, those that are drawn."""
BRIGHT = 99.5
"""The percentile of a map's pixels that is drawn as the brightest; single pixels would leave all others dark."""


@dataclass(frozen=True, eq=False)
class Shown:
    """One input: where it was read, what was assumed of it, what was found and how it was drawn."""

    place: str
    notes: tuple[str, ...]
    found: Explanation
    drawn: Drawn


def picture_of(found: Explanation, name: str, path: Path) -> Drawn:
    """Draw an input's maps to a PNG file: a row for each channel, the channel first, then each map over it."""
    title = f"{name}: {found.answer}, {found.probability:.2f}"
    return draw(path, title, lambda: _figure(found, title), ON_BLACK)


def write_page(folder: Path, rung: str, shown: Sequence[Shown]) -> str:
    """Write the page of all inputs; returns its path. Raises OSError where it cannot be written."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    pictures = [base64.b64encode(each.drawn.path.read_bytes()).decode("ascii") for each in shown]
    text = environment.get_template("explanation.html").render(
        rung=rung,
        shown=list(zip(shown, pictures, strict=True)),
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
    )
    write_text(folder / PAGE, text + "\n")
    return str(folder / PAGE)


def _figure(found: Explanation, title: str) -> tuple[Figure, str, str]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    channels = found.picture[:MOST_CHANNELS]
    columns = 1 + len(found.maps)
    side = WIDTH_INCHES / columns
    figure = Figure(figsize=(WIDTH_INCHES, side * len(channels) + 0.55), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(channels), columns, squeeze=False)
    for row, channel in enumerate(channels):
        gray = _from_0_to_1(np.sqrt(np.clip(channel, 0.0, None)))
        axes[row, 0].imshow(gray, cmap="gray", vmin=0.0, vmax=1.0, origin="lower")
        for column, each in enumerate(found.maps.values(), 1):
            marks = np.clip(each.map, 0.0, None)
            top = np.percentile(marks[:MOST_CHANNELS], BRIGHT) or marks.max() or 1.0
            axes[row, column].imshow(_over(gray, np.clip(marks[row] / top, 0.0, 1.0)), origin="lower")
    for column, name in enumerate(("input", *found.maps)):
        axes[0, column].set_title(name.replace(" of ", "\nof ").replace(" grad", "\ngrad"), fontsize=7)
    for each in axes.ravel():
        each.set_axis_off()
    caption = "Each channel's square root in gray, a row for each; red is what counted, by each method."
    return figure, caption, f"Maps over the input {title}: {', '.join(found.maps)}."


def _over(gray: NDArray[Any], marks: NDArray[Any]) -> NDArray[Any]:
    """(rows, columns, 3): gray, of which what is marked becomes red."""
    red = np.stack([0.25 + 0.75 * np.maximum(gray, 0.4), 0.2 * gray, 0.15 * gray], axis=-1)
    share = np.sqrt(marks)[..., None]
    mixed: NDArray[Any] = (1.0 - share) * (0.8 * gray)[..., None] + share * red
    return mixed


def _from_0_to_1(values: NDArray[Any]) -> NDArray[Any]:
    low, high = float(values.min()), float(values.max())
    scaled: NDArray[Any] = (values - low) / (high - low or 1.0)
    return scaled
