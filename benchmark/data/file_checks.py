"""Whether the files of a data set are those of its manifest, and the manifest that of its recipe."""

from __future__ import annotations

import json
from collections.abc import Iterator

from benchmark.data.examined import Data, ReadShard, sees
from benchmark.data.faults import DataFault
from benchmark.data.manifest import MANIFEST, Manifest
from benchmark.definition.rung import SPLITS
from benchmark.foundation.files import canonical_json, sha256_of_text


class Hashes:
    """The faults of each shard's file: it is there, of its size and hash."""

    def __init__(self, manifest: Manifest) -> None:
        self.faults: list[DataFault] = []

    def shard(self, shard: ReadShard) -> None:
        """Hold the file against its entry in the manifest."""
        where, size, sha256 = str(shard.path), shard.entry["bytes"], shard.entry["sha256"]
        if not shard.path.is_file():
            hint = "make or import the data again: what is there is kept"
            self.faults.append(DataFault("files", where, "missing", hint=hint))
        elif len(shard.content) != size:
            said = f"{size} bytes", f"{len(shard.content)} bytes"
            self.faults.append(DataFault("files", where, "changed since the manifest", *said))
        elif shard.sha256 != sha256:
            said = f"sha256 {sha256}", f"sha256 {shard.sha256}"
            self.faults.append(DataFault("files", where, "changed since the manifest", *said))


@sees(Hashes)
def files(data: Data) -> Iterator[DataFault]:
    """Each shard is there, of its size and hash; nothing else lies among them."""
    manifest = data.manifest
    yield from data.once(Hashes).faults
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
