"""What a task's `explore(manifest, output, **options)` gives, which `stemdl data explore` shows.

Such pages share the folder, the first sample of each kind, and a page of figures.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmark.data.manifest import Manifest
from benchmark.data.sealed import opened_shard
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text
from benchmark.foundation.progress import counted, progress
from benchmark.report.drawing import Drawn

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

PAGE = "index.html"
Kind = TypeVar("Kind", bound=Hashable)


@dataclass(frozen=True)
class Explored:
    """A page about a data set, or a picture.

    Attributes
    ----------
    numbers : what `--format json` prints: plain values. lines : what is printed otherwise.
    page : the file to open in a browser; None where there is none.
    """

    numbers: Mapping[str, Any]
    lines: tuple[str, ...]
    page: str | None = None


@contextmanager
def page_folder(folder: Path) -> Iterator[Path]:
    """A folder to write a page to, which is made. Raises StemdlError where it, or a file of the block, cannot be
    written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
    except OSError as error:
        raise StemdlError(
            "the page cannot be written",
            where=error.filename or folder,
            found=error.strerror or error,
            remedy="choose another folder with -o",
        ) from error


def first_of_each(
    manifest: Manifest, field: str, kind_of: Callable[[h5py.Group], Kind], most: int | None = None
) -> dict[Kind, NDArray[Any]]:
    """One array of the first sample of each kind, in the order of the shards; `kind_of` says which a sample is of.

    Shards are read until `most` kinds are found. Raises StemdlError where a shard is not its manifest's, OSError and
    KeyError where it cannot be read.
    """
    found: dict[Kind, NDArray[Any]] = {}
    with progress("Looking for one of each kind", len(manifest.shards), "shards") as advance:
        for entry in counted(manifest.shards, advance):
            if len(found) == most:
                break
            with opened_shard(manifest, entry) as shard:
                for sample in shard.values():
                    if (kind := kind_of(sample)) not in found:
                        found[kind] = sample[field][...]
    return found


def write_page(folder: Path, manifest: Manifest, word: str, drawn: Sequence[Drawn]) -> str:
    """Write a page of figures with the number of samples (`word`: what they are) of each split; returns its path.

    The pictures lie within it, so that one file is all. Raises OSError where it cannot be written.
    """
    name = html.escape(manifest.rung)
    rows = "".join(f"<tr><td>{split}</td><td>{count:,}</td></tr>" for split, count in manifest.samples.items())
    figures = "".join(
        f'<h2>{html.escape(each.title)}</h2><figure><img alt="{html.escape(each.alternative)}" style="max-width:100%" '
        f'src="data:image/png;base64,{encoded(each.path)}"><figcaption>{html.escape(each.caption)}</figcaption></figure>'
        for each in drawn
    )
    write_text(
        folder / PAGE,
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<h1>{name}</h1><p>Manifest {manifest.sha256}</p>"
        f"<table><tr><th>split</th><th>{html.escape(word)}</th></tr>{rows}</table>{figures}</html>\n",
    )
    return str(folder / PAGE)


def encoded(picture: Path) -> str:
    """The bytes of a file as text, for a data URL."""
    return base64.b64encode(picture.read_bytes()).decode("ascii")
