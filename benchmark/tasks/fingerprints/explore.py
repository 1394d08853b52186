"""A page about fingerprints: one of each class and kind of defects, and how many there are."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.fingerprints.recipe import KIND, PICTURE, TARGET
from benchmark.data.layout import label_of
from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_image, read_sealed
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text
from benchmark.foundation.progress import counted, progress
from benchmark.report.drawing import draw, new_figure
from benchmark.report.explored import Explored

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE, PICTURES = "index.html", "fingerprints.png"
ROW_INCHES = 1.5
Found = dict[tuple[str, str], NDArray[np.float32]]


def explore(manifest: Manifest, folder: Path) -> Explored:
    """Write the page and its picture to `folder`. Raises StemdlError where the data cannot be read or the folder cannot
    be written to."""
    found = one_of_each(manifest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = draw(folder / PICTURES, "One fingerprint of each class and kind", lambda: _figure(manifest, found))
        page = folder / PAGE
        write_text(page, _page(manifest, drawn.path, drawn.caption, drawn.alternative))
    except OSError as error:
        raise StemdlError(
            "the page cannot be written",
            where=error.filename or folder,
            found=error.strerror or error,
            remedy="choose another folder with -o",
        ) from error
    total, classes = sum(manifest.samples.values()), len({label for label, _ in found})
    numbers = {"page": str(page), "pictures": dict(manifest.samples), "classes": classes}
    return Explored(numbers, (f"{page}: {total:,} pictures of {classes} classes",), str(page))


def one_of_each(manifest: Manifest) -> Found:
    """The first picture of each class and kind of defects that there is. Raises StemdlError where a shard is not its
    manifest's."""
    found: Found = {}
    with progress("Looking for pictures", len(manifest.shards), "shards") as advance:
        for entry in counted(manifest.shards, advance):
            path = manifest.folder / entry["path"]
            with opened_image(read_sealed(path, entry["sha256"]), path) as shard:
                for name in shard:
                    key = label_of(shard[name].attrs[TARGET]), label_of(shard[name].attrs[KIND])
                    if key not in found:
                        found[key] = shard[name][PICTURE][...]
    return found


def _figure(manifest: Manifest, found: Found) -> tuple[Figure, str, str]:
    labels, kinds = (list(manifest.schema.classes[name]) for name in (TARGET, KIND))
    labels = [label for label in labels if any(key[0] == label for key in found)]
    kinds = [kind for kind in kinds if any(key[1] == kind for key in found)]
    figure = new_figure(0.6 + ROW_INCHES * len(labels))
    axes = figure.subplots(len(labels), len(kinds), squeeze=False)
    for row, label in enumerate(labels):
        for column, kind in enumerate(kinds):
            each = axes[row, column]
            each.set_xticks([])
            each.set_yticks([])
            if (label, kind) in found:
                each.imshow(np.sqrt(found[label, kind]).transpose(1, 2, 0), origin="lower")
            if not row:
                each.set_title(kind.replace("_", ",\n"), fontsize=8)
            if not column:
                each.set_ylabel(label, fontsize=8)
    caption = "Square roots of intensities, the first picture of each; turned about x red, about y green, about z blue."
    return figure, caption, f"Fingerprints of {', '.join(labels)}, one row each, by kind of defects."


def _page(manifest: Manifest, picture: Path, caption: str, alternative: str) -> str:
    data = base64.b64encode(picture.read_bytes()).decode("ascii")
    rows = "".join(f"<tr><td>{split}</td><td>{count:,}</td></tr>" for split, count in manifest.samples.items())
    name = html.escape(manifest.rung)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<h1>{name}</h1><p>Manifest {manifest.sha256}</p>"
        f"<table><tr><th>split</th><th>pictures</th></tr>{rows}</table>"
        f'<figure><img alt="{html.escape(alternative)}" style="max-width:100%" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure></html>\n"
    )
