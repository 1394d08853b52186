"""What a folder of data is for, said before the first shard is written, so that only the same work goes on there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmark.foundation.errors import StemdlError
from benchmark.foundation.files import write_json

RECIPE, LOCK = "recipe.json", ".lock"


def claim(folder: Path, recipe: dict[str, Any], recipe_sha256: str) -> None:
    """Write what the folder is for, or refuse a folder that is for something else, with a StemdlError."""
    path = folder / RECIPE
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))["recipe_sha256"]
        except (ValueError, KeyError, TypeError) as error:
            raise StemdlError("what the folder is for cannot be read", where=path, found=repr(error),
                              remedy="choose another folder with -o") from error
        if found != recipe_sha256:
            raise StemdlError("the folder holds other data", where=folder, expected=f"recipe {recipe_sha256}",
                              found=f"recipe {found}", remedy="choose another folder with -o")
    else:
        write_json(path, {"recipe_sha256": recipe_sha256, **recipe})
