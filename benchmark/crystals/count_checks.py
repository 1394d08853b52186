"""Whether there are as many samples of each space group as the manifest says, and the recipe wants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from benchmark.crystals import relabel
from benchmark.crystals.survey import Survey
from benchmark.data.examined import Data, sees
from benchmark.data.faults import DataFault
from benchmark.data.manifest import MANIFEST
from benchmark.definition.rung import SPLITS


@sees(Survey)
def counts(data: Data) -> Iterator[DataFault]:
    """Samples of each shard, split and group are as many as the manifest says, and as the recipe wants."""
    manifest, seen, where = data.manifest, data.once(Survey), str(data.manifest.folder / MANIFEST)
    for split in manifest.values["splits"]:
        if not any(shard["path"].startswith(f"{split}/") for shard in manifest.shards):
            yield DataFault("counts", where, f"the split {split} has no shard", hint="make or import the data again")
    for shard in manifest.shards:
        found = seen.counts.get(shard["path"])
        if found is not None and found != shard["samples"]:
            yield DataFault(
                "counts",
                str(manifest.folder / shard["path"]),
                "another number of samples",
                str(shard["samples"]),
                str(found),
            )
    groups = {
        split: Counter(entry.compound.space_group for entry in seen.samples if entry.split == split) for split in SPLITS
    }
    for split, said in manifest.values["splits"].items():
        in_shards = sum(shard["samples"] for shard in manifest.shards if shard["path"].startswith(f"{split}/"))
        if said["samples"] != in_shards:
            yield DataFault(
                "counts",
                where,
                f"the shards of {split} hold another number of samples",
                str(said["samples"]),
                str(in_shards),
            )
        for group, number in said.get("groups", {}).items():
            if groups[split][int(group)] != number:
                yield DataFault(
                    "counts",
                    str(manifest.folder / split),
                    f"samples of space group {group}",
                    str(number),
                    str(groups[split][int(group)]),
                )
    rung = relabel.shipped_rung(manifest)
    if rung is not None:
        yield from (
            DataFault(
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
