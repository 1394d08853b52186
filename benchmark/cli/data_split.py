"""`stemdl data split`: has the data's task deal its units to splits again; the shards stay as they are."""

from __future__ import annotations

import argparse

from benchmark.cli.arguments import place
from benchmark.cli.output import next_step, print_json, print_table
from benchmark.foundation.text import typed


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `stemdl data split`."""
    parser.add_argument("folder", type=place)
    parser.add_argument("--partition", metavar="NAME", help="one that the data's task knows (default: standard)")
    parser.add_argument("--folds", type=int, metavar="K", help="K folds for studies, the standard test split apart")


def execute(arguments: argparse.Namespace) -> int:
    """Make the partition, write it to DIR/partitions and say what it holds."""
    from benchmark.data.manifest import read_manifest
    from benchmark.data.partition import write_partition
    from benchmark.definition.finder import SPLIT, find_task
    from benchmark.foundation.errors import StemdlError

    if arguments.folds is not None and arguments.partition is not None:
        raise StemdlError("a partition has a name or folds, not both", where="--folds", remedy="leave out one of them")
    name = f"folds_{arguments.folds}" if arguments.folds is not None else arguments.partition
    manifest = read_manifest(arguments.folder)
    divided = find_task(manifest.task).function(SPLIT, "split")(manifest, name)
    partition, strata = divided.partition, divided.strata
    path = write_partition(manifest, partition)
    groups = {
        split: {strata[unit] for unit in units} for split, units in {**partition.splits, **partition.slices}.items()
    }
    lacking = {split: sorted(set(strata.values()) - groups[split]) for split in partition.splits}
    if arguments.format == "json":
        sizes = {
            split: {"units": len(units), "groups": len(groups[split]), "groups_lacking": lacking[split]}
            for split, units in partition.splits.items()
        }
        slices = {part: {"units": len(units), "groups": len(groups[part])} for part, units in partition.slices.items()}
        print_json(
            {"partition": partition.name, "path": str(path), "rule": partition.rule, "splits": sizes, "slices": slices}
        )
        return 0
    print(f"{path}: {partition.rule}")
    print_table(
        ("split", f"{manifest.schema.unit}s", "groups"),
        [
            (split, str(len(units)), str(len(groups[split])))
            for split, units in {**partition.splits, **partition.slices}.items()
        ],
    )
    for split, absent in lacking.items():
        if absent:
            print(f"no {manifest.schema.unit} of {len(absent)} groups in {split}: {', '.join(map(str, absent))}")
    next_step(f"stemdl data verify {typed(arguments.folder)}")
    return 0
