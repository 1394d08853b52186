"""A page about powder patterns: one of each group, and how many of which there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.data.layout import label_of as stored_label
from benchmark.data.manifest import Manifest
from benchmark.report.drawing import INK, draw, new_figure
from benchmark.report.explored import Explored, first_of_each, page, page_folder, write_page
from benchmark.tasks.powder.rung import grid_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE = "patterns.png"
ROW_INCHES = 0.5


def explore(manifest: Manifest, folder: Path) -> Explored:
    """Write the page and its picture to `folder`. Raises StemdlError where the data cannot be read or the folder cannot
    be written to."""
    found = one_of_each(manifest)
    with page_folder(folder):
        drawn = draw(folder / PICTURE, "One pattern of each extinction group", lambda: _figure(found))
        written = write_page(folder, page(manifest, "patterns", [drawn]))
    numbers = {"page": written, "patterns": dict(manifest.samples), "groups": len(found)}
    total = sum(manifest.samples.values())
    return Explored(numbers, (f"{written}: {total:,} patterns of {len(found)} extinction groups",), written)


def one_of_each(manifest: Manifest) -> dict[str, NDArray[np.float32]]:
    """The first profile (n,) of each extinction group, in the order of the classes. Raises StemdlError where a shard is
    not its manifest's."""
    wanted = manifest.schema.classes["extinction_group"]
    found = first_of_each(
        manifest, "profile", lambda sample: stored_label(sample.attrs["extinction_group"]), most=len(wanted)
    )
    return {label: found[label][0] for label in wanted if label in found}


def _figure(found: dict[str, NDArray[np.float32]]) -> tuple[Figure, str, str]:
    figure = new_figure(0.8 + ROW_INCHES * len(found))
    axes = figure.subplots()
    for row, profile in enumerate(found.values()):
        axes.plot(grid_of(len(profile)).two_theta, 0.9 * np.sqrt(profile) - row, linewidth=0.6, color=INK)
    axes.set_yticks([0.1 - row for row in range(len(found))], list(found))
    axes.set_xlabel("2 theta, degrees, Cu K alpha")
    caption = "Square roots of intensities, the first pattern of each group in the data's order."
    return figure, caption, f"Powder patterns one below the other, of the extinction groups {', '.join(found)}."
