"""A page about fingerprints: one of each class and kind of defects, and how many there are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.crystals.fingerprints.recipe import KIND, PICTURE, TARGET
from benchmark.data.layout import label_of
from benchmark.data.manifest import Manifest
from benchmark.report.drawing import ON_BLACK, draw, new_figure
from benchmark.report.explored import Explored, first_of_each, page, page_folder, write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURES = "fingerprints.png"
ROW_INCHES = 1.5
Found = dict[tuple[str, str], NDArray[np.float32]]


def explore(manifest: Manifest, folder: Path) -> Explored:
    """Write the page and its picture to `folder`. Raises StemdlError where the data cannot be read or the folder cannot
    be written to."""
    found = one_of_each(manifest)
    with page_folder(folder):
        title = "One fingerprint of each class and kind"
        drawn = draw(folder / PICTURES, title, lambda: _figure(manifest, found), ON_BLACK)
        written = write_page(folder, page(manifest, "pictures", [drawn]))
    total, classes = sum(manifest.samples.values()), len({label for label, _ in found})
    numbers = {"page": written, "pictures": dict(manifest.samples), "classes": classes}
    return Explored(numbers, (f"{written}: {total:,} pictures of {classes} classes",), written)


def one_of_each(manifest: Manifest) -> Found:
    """The first picture of each class and kind of defects that there is. Raises StemdlError where a shard is not its
    manifest's."""
    return first_of_each(
        manifest, PICTURE, lambda sample: (label_of(sample.attrs[TARGET]), label_of(sample.attrs[KIND]))
    )


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
