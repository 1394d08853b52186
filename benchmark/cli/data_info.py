"""`stemdl data info`: what a data set holds."""

from __future__ import annotations

import argparse
from typing import Any

from benchmark.cli.arguments import place
from benchmark.cli.output import print_json, print_table


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `stemdl data info`."""
    parser.add_argument("folder", type=place)


def execute(arguments: argparse.Namespace) -> int:
    """Says what the manifest says."""
    from benchmark.data.manifest import read_manifest

    print_info(read_manifest(arguments.folder), arguments.format)
    return 0


def print_info(manifest: Any, output_format: str) -> None:
    """The samples of each group and split, where they come from, and which partitions there are."""
    splits = manifest.values["splits"]
    partitions = sorted(path.stem for path in (manifest.folder / "partitions").glob("*.json"))
    if output_format == "json":
        print_json({"folder": str(manifest.folder), "manifest_sha256": manifest.sha256, "partitions": partitions,
                    **{key: value for key, value in manifest.values.items() if key != "shards"}})
        return
    print(f"{manifest.folder}: {manifest.rung}, {manifest.origin}: " + ("" if manifest.standard else "not ")
          + "the rung's own data")
    print(f"manifest {manifest.sha256}")
    selection = (manifest.values["selection"] or {}).get("groups", {})
    columns = ["group", "train", "dev", "test"] + (["found", "dropped"] if selection else [])
    rows = []
    for group in map(str, manifest.space_groups):
        row = [group, *(str(splits[split]["groups"][group]) for split in ("train", "dev", "test"))]
        if selection:
            dropped = "; ".join(f"{count} {reason}" for reason, count in selection[group]["dropped"].items())
            row += [str(selection[group]["found"]), dropped]
        rows.append(row)
    rows.append(["all", *(str(splits[split]["samples"]) for split in ("train", "dev", "test"))]
                + (["", ""] if selection else []))
    print_table(columns, rows)
    for reason, count in (manifest.values["selection"] or {}).get("outside", {}).items():
        print(f"left out: {count} ({reason})")
    if partitions:
        print(f"partitions: {', '.join(partitions)}")
