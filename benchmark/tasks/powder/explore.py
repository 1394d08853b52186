"""A page about powder patterns: one of each group, and how many of which there are."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.data.layout import label_of as stored_label
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_image, read_sealed
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text
from benchmark.foundation.progress import counted, progress
from benchmark.report.drawing import INK, draw, new_figure
from benchmark.report.explored import Explored
from benchmark.tasks.powder.rung import grid_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE, PICTURE = "index.html", "patterns.png"
ROW_INCHES = 0.5


def explore(manifest: Manifest, folder: Path) -> Explored:
    """Write the page and its picture to `folder`. Raises StemdlError where the data cannot be read or the folder cannot
    be written to."""
    found = one_of_each(manifest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = draw(folder / PICTURE, "One pattern of each extinction group", lambda: _figure(found))
        page = folder / PAGE
        write_text(page, _page(manifest, drawn.path, drawn.caption, drawn.alternative))
    except OSError as error:
        raise StemdlError(
            "the page cannot be written",
            where=error.filename or folder,
            found=error.strerror or error,
            remedy="choose another folder with -o",
        ) from error
    numbers = {"page": str(page), "patterns": dict(manifest.samples), "groups": len(found)}
    total = sum(manifest.samples.values())
    return Explored(numbers, (f"{page}: {total:,} patterns of {len(found)} extinction groups",), str(page))


def one_of_each(manifest: Manifest) -> dict[str, NDArray[np.float32]]:
    """The first profile of each extinction group, in the order of the classes. Raises StemdlError where a shard is not
    its manifest's."""
    wanted = manifest.schema.classes["extinction_group"]
    found: dict[str, NDArray[np.float32]] = {}
    with progress("Looking for patterns", len(manifest.shards), "shards") as advance:
        for entry in counted(manifest.shards, advance):
            if len(found) == len(wanted):
                break
            path = manifest.folder / entry["path"]
            with opened_image(read_sealed(path, entry["sha256"]), path) as shard:
                for name in shard:
                    label = stored_label(shard[name].attrs["extinction_group"])
                    if label not in found:
                        found[label] = shard[name]["profile"][0]
    return {label: found[label] for label in wanted if label in found}


def _figure(found: dict[str, NDArray[np.float32]]) -> tuple[Figure, str, str]:
    figure = new_figure(0.8 + ROW_INCHES * len(found))
    axes = figure.subplots()
    for row, profile in enumerate(found.values()):
        axes.plot(grid_of(len(profile)).two_theta, 0.9 * np.sqrt(profile) - row, linewidth=0.6, color=INK)
    axes.set_yticks([0.1 - row for row in range(len(found))], list(found))
    axes.set_xlabel("2 theta, degrees, Cu K alpha")
    caption = "Square roots of intensities, the first pattern of each group in the data's order."
    return figure, caption, f"Powder patterns one below the other, of the extinction groups {', '.join(found)}."


def _page(manifest: Manifest, picture: Path, caption: str, alternative: str) -> str:
    data = base64.b64encode(picture.read_bytes()).decode("ascii")
    rows = "".join(f"<tr><td>{split}</td><td>{count:,}</td></tr>" for split, count in manifest.samples.items())
    name = html.escape(manifest.rung)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<h1>{name}</h1><p>Manifest {manifest.sha256}</p>"
        f"<table><tr><th>split</th><th>patterns</th></tr>{rows}</table>"
        f'<figure><img alt="{html.escape(alternative)}" style="max-width:100%" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure></html>\n"
    )
