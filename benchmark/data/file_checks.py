"""Whether the files of a data set are those of its manifest, and the manifest that of its recipe."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from benchmark.data import relabel
from benchmark.data.examined import Data
from benchmark.data.faults import Fault
from benchmark.data.manifest import MANIFEST
from benchmark.definition.rung import SPLITS
from benchmark.foundation.files import canonical_json, sha256_of_file, sha256_of_text
from benchmark.foundation.progress import progress


def files(data: Data) -> Iterator[Fault]:
    """Each shard is there, of its size and hash; nothing else lies among them."""
    manifest = data.manifest
    with progress("Hashing", len(manifest.shards), "shards") as advance:
        for done, shard in enumerate(manifest.shards, start=1):
            path = manifest.folder / shard["path"]
            if not path.is_file():
                yield Fault("files", str(path), "missing", hint="make or import the data again: what is there is kept")
            elif path.stat().st_size != shard["bytes"]:
                yield Fault(
                    "files",
                    str(path),
                    "changed since the manifest",
                    f"{shard['bytes']} bytes",
                    f"{path.stat().st_size} bytes",
                )
            elif (found := sha256_of_file(path)) != shard["sha256"]:
                yield Fault(
                    "files", str(path), "changed since the manifest", f"sha256 {shard['sha256']}", f"sha256 {found}"
                )
            advance(done)
    listed = {manifest.folder / shard["path"] for shard in manifest.shards}
    for path in sorted(manifest.folder.rglob("*")):
        inside = path.relative_to(manifest.folder).parts
        if path.is_file() and path not in listed and (path.suffix == ".h5" or inside[0] in SPLITS):
            yield Fault("files", str(path), "not in the manifest", hint="a reader would not see it; move it away")


def recipe(data: Data) -> Iterator[Fault]:
    """The manifest's recipe has the hash that names the data, and `recipe.json` agrees."""
    values, where = data.manifest.values, str(data.manifest.folder / MANIFEST)
    if data.manifest.standard and "recipe" in values:
        said = {key: value for key, value in values["recipe"].items() if key != "summary"}
        if (found := sha256_of_text(canonical_json(said))) != data.manifest.recipe_sha256:
            yield Fault(
                "recipe", where, "the recipe is not the one that names the data", data.manifest.recipe_sha256, found
            )
    beside = data.manifest.folder / "recipe.json"
    if beside.is_file():
        found = json.loads(beside.read_text(encoding="utf-8")).get("recipe_sha256")
        if found != data.manifest.recipe_sha256:
            yield Fault(
                "recipe", str(beside), "of other data than the manifest", data.manifest.recipe_sha256, str(found)
            )


def counts(data: Data) -> Iterator[Fault]:
    """Samples of each shard, split and group are as many as the manifest says, and as the recipe wants."""
    manifest, where = data.manifest, str(data.manifest.folder / MANIFEST)
    for split in manifest.values["splits"]:
        if not any(shard["path"].startswith(f"{split}/") for shard in manifest.shards):
            yield Fault("counts", where, f"the split {split} has no shard", hint="make or import the data again")
    for shard in manifest.shards:
        found = data.survey.counts.get(shard["path"])
        if found is not None and found != shard["samples"]:
            yield Fault(
                "counts",
                str(manifest.folder / shard["path"]),
                "another number of samples",
                str(shard["samples"]),
                str(found),
            )
    groups = {
        split: Counter(entry.compound.space_group for entry in data.survey.samples if entry.split == split)
        for split in SPLITS
    }
    for split, said in manifest.values["splits"].items():
        in_shards = sum(shard["samples"] for shard in manifest.shards if shard["path"].startswith(f"{split}/"))
        if said["samples"] != in_shards:
            yield Fault(
                "counts",
                where,
                f"the shards of {split} hold another number of samples",
                str(said["samples"]),
                str(in_shards),
            )
        for group, number in said.get("groups", {}).items():
            if groups[split][int(group)] != number:
                yield Fault(
                    "counts",
                    str(manifest.folder / split),
                    f"samples of space group {group}",
                    str(number),
                    str(groups[split][int(group)]),
                )
    rung = relabel.shipped_rung(manifest)
    if rung is not None:
        yield from (
            Fault(
                "counts",
                str(manifest.folder / split),
                f"samples of space group {group}, by the recipe",
                str(number),
                str(groups[split][group]),
            )
            for group in rung.space_groups
            for split, number in rung.samples(group).items()
            if groups[split][group] != number
        )
