"""The symmetry that a pattern shows, drawn over it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.tasks.space_group.symmetry_seen import ROTATIONS, Seen

STYLES = {"shown": ("#39d98a", "-"), "open": ("#dddddd", ":"), "broken": ("#ff6b6b", "--")}
"""Colour and line of each verdict."""


def draw_elements(axes: Any, seen: Seen, pixels: int, title: str) -> None:
    """Mirror lines over a pattern of so many pixels an edge, and its rotations below the title: solid and green where
    an element is shown, dashed and red where it is broken, dotted where the pattern leaves it open."""
    middle = (pixels - 1) / 2.0
    colour, line = STYLES[seen.verdict("m")]
    for degrees in seen.lines_degrees:
        across, down = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        reach = 0.97 * middle
        axes.plot(
            [middle - reach * across, middle + reach * across],
            [middle - reach * down, middle + reach * down],
            color=colour,
            linestyle=line,
            linewidth=0.9,
        )
    axes.set_title(title, fontsize=9, pad=14)
    for place, element in enumerate([*map(str, ROTATIONS), "m"]):
        verdict = seen.verdict(element)
        axes.annotate(
            f"{element} {seen.residuals[element]:.2f}",
            ((place + 0.5) / (len(ROTATIONS) + 1), 1.02),
            xycoords="axes fraction",
            ha="center",
            fontsize=7,
            color={"shown": "#0a7d45", "open": "#666666", "broken": "#c22f2f"}[verdict],
        )
