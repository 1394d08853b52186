"""What a task's `explore(manifest, output, **options)` gives, which `stemdl data explore` shows.

Such pages share the folder, the first sample of each kind, and a page of figures.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from markupsafe import Markup

from benchmark.data.manifest import Manifest
from benchmark.data.recognition import whose
from benchmark.data.sealed import opened_shard
from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_text
from benchmark.foundation.progress import counted, progress
from benchmark.report.drawing import Drawn

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

PAGE, MARK = "index.html", b'<meta name="generator" content="stemdl data explore">'
"""The file, and what of its templates tells it from somebody's own."""
TEMPLATES = Path(__file__).parent / "templates"
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
    written, and where another page is in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / PAGE).exists() and MARK not in (folder / PAGE).read_bytes():
            raise StemdlError(
                "the page in this folder is another one", where=folder / PAGE, remedy="choose another folder with -o"
            )
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


def page(
    manifest: Manifest,
    word: str,
    drawn: Sequence[Drawn],
    template: Path = TEMPLATES / "explored.html",
    filters: Mapping[str, Callable[..., Any]] = MappingProxyType({}),
    **values: Any,
) -> str:
    """A page of figures with the number of samples (`word`: what they are) of each split, as HTML.

    The pictures lie within it, so that one file is all. A task's own `template` extends `explored.html` with its
    `filters` and `values`.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES, template.parent]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    text: str = environment.get_template(template.name).render(
        manifest=manifest,
        whose=whose(manifest),
        word=word,
        megabytes=sum(shard["bytes"] for shard in manifest.shards) / 1e6,
        pictures=[(each, base64.b64encode(each.path.read_bytes()).decode("ascii")) for each in drawn],
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        **values,
    )
    return text + "\n"


def write_page(folder: Path, text: str) -> str:
    """Write a page; returns its path. Raises OSError where it cannot be written."""
    write_text(folder / PAGE, text)
    return str(folder / PAGE)
