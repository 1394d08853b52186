"""The answers of `stemdl evaluate` as one page: each input's picture, its likeliest classes, and what is said of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = "index.html"
MOST_PICTURES = 200
"""In the page; the rest lies next to it."""


def write_answers_page(folder: Path, title: str, lines: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write the page, with its pictures in it, into a folder; returns its path. `lines` are said of all inputs."""
    import jinja2
    from markupsafe import Markup

    from benchmark.foundation.files import write_text
    from benchmark.report.explored import TEMPLATES

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("answers.html").render(
        title=title,
        lines=lines,
        rows=[_shown(row, number < MOST_PICTURES) for number, row in enumerate(rows)],
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
    )
    write_text(folder / PAGE, text + "\n")
    return folder / PAGE


def _shown(row: Mapping[str, Any], with_picture: bool) -> dict[str, Any]:
    """What the page shows of an input: classes in tables, numbers as text."""
    classes, numbers = {}, {}
    for name, found in row.get("answer", {}).items():
        if isinstance(found, list) and found and isinstance(found[0], dict):
            classes[name] = found
        elif not isinstance(found, list) or len(found) <= 3:
            numbers[name] = ", ".join(f"{each:.4g}" for each in (found if isinstance(found, list) else [found]))
    picture = Path(row["picture"]) if with_picture and "picture" in row else None
    return {
        "input": row["input"],
        "refused": row.get("refused", ""),
        "classes": classes,
        "numbers": numbers | {name: f"{value:.4g}" for name, value in row.get("measured", {}).items()},
        "right": row.get("right", ""),
        "said": [*row.get("remarks", ()), *row.get("notes", ())],
        "picture": base64.b64encode(picture.read_bytes()).decode("ascii") if picture else "",
    }
