"""Whether the files of a data set are those of its manifest, and the manifest that of its recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmark.data.examined import Data
from benchmark.data.faults import DataFault
from benchmark.data.manifest import MANIFEST
from benchmark.definition.rung import SPLITS
from benchmark.foundation.files import canonical_json, sha256_of_file, sha256_of_text
from benchmark.foundation.progress import progress


def files(data: Data) -> Iterator[DataFault]:
    """Each shard is there, of its size and hash; nothing else lies among them."""
    manifest = data.manifest
    with progress("Hashing", len(manifest.shards), "shards") as advance:
        for done, shard in enumerate(manifest.shards, start=1):
            path = manifest.folder / shard["path"]
            if not path.is_file():
                yield DataFault(
                    "files", str(path), "missing", hint="make or import the data again: what is there is kept"
                )
            elif path.stat().st_size != shard["bytes"]:
                yield DataFault(
                    "files",
                    str(path),
                    "changed since the manifest",
                    f"{shard['bytes']} bytes",
                    f"{path.stat().st_size} bytes",
                )
            elif (found := sha256_of_file(path)) != shard["sha256"]:
                yield DataFault(
                    "files", str(path), "changed since the manifest", f"sha256 {shard['sha256']}", f"sha256 {found}"
                )
            advance(done)
    listed = {manifest.folder / shard["path"] for shard in manifest.shards}
    for path in sorted(manifest.folder.rglob("*")):
        inside = path.relative_to(manifest.folder).parts
        if path.is_file() and path not in listed and (path.suffix == ".h5" or inside[0] in SPLITS):
            yield DataFault("files", str(path), "not in the manifest", hint="a reader would not see it; move it away")


def recipe(data: Data) -> Iterator[DataFault]:
    """The manifest's recipe has the hash that names the data, and `recipe.json` agrees."""
    values, where = data.manifest.values, str(data.manifest.folder / MANIFEST)
    if data.manifest.standard and "recipe" in values:
        said = {key: value for key, value in values["recipe"].items() if key != "summary"}
        if (found := sha256_of_text(canonical_json(said))) != data.manifest.recipe_sha256:
            yield DataFault(
                "recipe", where, "the recipe is not the one that names the data", data.manifest.recipe_sha256, found
            )
    beside = data.manifest.folder / "recipe.json"
    if beside.is_file():
        found = json.loads(beside.read_text(encoding="utf-8")).get("recipe_sha256")
        if found != data.manifest.recipe_sha256:
            yield DataFault(
                "recipe", str(beside), "of other data than the manifest", data.manifest.recipe_sha256, str(found)
            )
